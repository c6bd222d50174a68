"""Random models of two species, most of which see distances only, exported with tables."""

from pathlib import Path

import torch

from gnncv._native import load_operators
from gnncv.export.exporter import _exported, _save, _script
from gnncv.models import GraphAutoencoder, ModelConfig
from gnncv.models.collective_variables import output_names

SPECIES = ["Cu", "Zr"]
PHASES = ["melt", "crystal"]
_SHARED = {"cutoff": 3.4, "invariants": False, "n_layers": 2, "width": 16, "latent": 3}
CONFIGURATIONS = {
    "filter": ModelConfig(message="filter", filter_by_species=True, **_SHARED),
    "attention": ModelConfig(**_SHARED),
    "simple": ModelConfig(
        message="simple", update="recurrent", concatenation="attention", pooling="attention", **_SHARED
    ),
    "network": ModelConfig(message="simple", aggregation="network", **_SHARED | {"invariants": True}),
    "self_weight": ModelConfig(self_weight=True, pooling="attention", **_SHARED),
}


def write_distance_model(path: Path, precision: str, kind: str, seed: int = 0) -> Path:
    """Write the model file of a kind, the same weights in both precisions, and return its path."""
    config = CONFIGURATIONS[kind]
    load_operators()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GraphAutoencoder(config, SPECIES, PHASES).eval()
        model.centroids.normal_()
        for name, parameter in model.named_parameters():
            if ".own.score" in name:  # at first a self weight is one
                torch.nn.init.normal_(parameter)
            elif config.message == "simple" and parameter.ndim == 2:  # at first every site is much alike
                parameter.data.mul_(3.0)
    names = output_names(config.latent, PHASES)
    facts = {
        "format_version": 2,
        "precision": precision,
        "cutoff": config.cutoff,
        "species": SPECIES,
        "outputs": [{"name": name, "kind": kind} for name, kind in names.items()],
    }
    _save(_script(_exported(model, precision, tables=True)), path, facts)
    return path
