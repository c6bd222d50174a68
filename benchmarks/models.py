"""Export the models that the benchmarks time: weights almost random, calibrated on the shipped frames.

    python benchmarks/models.py OUTPUT [--models filter-2x16 ...] [--precision float32]

Weights change no time: one pass of training on few frames is enough. Outputs of such a model can be so flat
that float32 does not pass the self-check of `gnncv export`, which is left out here.
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
    "attention-2x16": {"invariants": False, "n_layers": 2, "width": 16},
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
    """Train one of ``MODELS`` for one pass and write it to ``folder/NAME-PRECISION.pt``."""
    from gnncv._native import load_operators
    from gnncv.demo.settings import training_config
    from gnncv.training import TrainConfig, fit

    load_operators()
    settings = training_config(seed=0).model_dump()
    settings["model"] = {"cutoff": cutoff_of(neighbors), **MODELS[name]}
    settings["data"]["index"] = "::20"
    settings["training"]["epochs"] = 1
    trained = fit(
        TrainConfig.model_validate(settings), folder / f"{name}-train", overwrite=True, progress=False
    )
    return write_file(trained, folder / f"{name}-{precision}.pt", precision, tables)


def write_file(trained: Any, path: Path, precision: str, tables: bool = True) -> Path:
    """Export what was trained without the self-check."""
    from gnncv.export import exporter

    exported = exporter._exported(trained.model, precision, tables)
    exporter._save(exporter._script(exported), path, exporter._facts(trained, precision, exported))
    return path


def main() -> None:
    """Write the models that are asked for and print their files."""
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
        tables = gnncv.CollectiveVariable(path).metadata["tables"] or {"intervals": 0}
        print(f"{path}  {tables['intervals']} intervals", flush=True)


if __name__ == "__main__":
    main()
