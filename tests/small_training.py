"""The configuration of models that train in seconds."""

from gnncv.training import TrainConfig


def small_config(**changes: dict) -> TrainConfig:
    """A configuration that trains in seconds; each keyword updates a section."""
    settings: dict = {
        "data": {"phases": {"crystal": ["crystal"], "melt": ["melt"]}, "gap": 1},
        "model": {"cutoff": 6.0},
        "training": {"epochs": 8, "batch_size": 4, "threads": 1, "learning_rate": 0.01},
    }
    for section, values in changes.items():
        settings.setdefault(section, {}).update(values)
    return TrainConfig.model_validate(settings)
