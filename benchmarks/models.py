"""Export the models that the benchmarks time: weights almost random, calibrated on the shipped frames.

    python benchmarks/models.py OUTPUT [--models filter-2x16 ...] [--precision float32]

Weights change no time: a few passes of training on few frames are enough. Each file passed the self-check.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from structures import VOLUME_PER_ATOM

MODELS: dict[str, dict[str, Any]] = {
    "default": {},
    "filter-2x16": {"message": "filter", "invariants": False, "n_layers": 2, "width": 16},
    "filter-2x32": {"message": "filter", "invariants": False, "n_layers": 2, "width": 32},
    "attention-2x16": {"invariants": False, "n_layers": 2, "width": 16, "attention_constant": 20.0},
    "attention-2x16-invariants": {"message": "attention", "l_max": 6, "n_layers": 2, "width": 16},
    "filter-2x16-invariants": {"message": "filter", "l_max": 6, "n_layers": 2, "width": 16},
}
"""Choices of :class:`gnncv.models.ModelConfig` by name."""


def cutoff_of(neighbors: float) -> float:
    """Cutoff (angstrom) within which a site of the melt has so many neighbors on average."""
    return (neighbors * VOLUME_PER_ATOM * 3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)


def write_model(
    name: str, folder: Path, precision: str = "float32", neighbors: float = 41.0, tables: bool = True
) -> Path:
    """Train one of ``MODELS`` briefly and export it to ``folder/NAME-PRECISION.pt``."""
    from gnncv.demo.settings import training_config
    from gnncv.export import export
    from gnncv.training import TrainConfig, fit

    settings = training_config(seed=0).model_dump()
    settings["model"] = {"cutoff": cutoff_of(neighbors), **MODELS[name]}
    settings["data"]["index"] = "::20"
    settings["augmentation"]["enabled"] = False
    settings["training"] |= {"epochs": 8, "batch_size": 4, "learning_rate": 0.01}
    trained = fit(
        TrainConfig.model_validate(settings), folder / f"{name}-train", overwrite=True, progress=False
    )
    path = folder / f"{name}-{precision}.pt"
    export(trained, path, precision=precision, tables=tables, overwrite=True)
    return path


def main() -> None:
    """Write the models that are asked for and print their files and self-checks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--precision", default="float32", choices=("float32", "float64"))
    parser.add_argument("--neighbors", type=float, default=41.0, help="of a site of the melt, on average")
    parser.add_argument("--no-tables", action="store_true", help="keep the networks of distance")
    arguments = parser.parse_args()
    import gnncv

    for name in arguments.models:
        path = write_model(
            name, arguments.output, arguments.precision, arguments.neighbors, not arguments.no_tables
        )
        facts = gnncv.CollectiveVariable(path).metadata
        check, tables = facts["self_check"], facts["tables"] or {"intervals": 0}
        largest = max(check["value_error"], check["gradient_error"], check["strain_gradient_error"])
        print(f"{path}  {tables['intervals']} intervals, error of the self-check {largest:.1e}", flush=True)


if __name__ == "__main__":
    main()
