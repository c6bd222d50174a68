"""A random model of filtered messages between two species, without invariants, exported with tables."""

from pathlib import Path

import torch

from gnncv._native import load_operators
from gnncv.export.exporter import _exported, _save, _script
from gnncv.models import GraphAutoencoder, ModelConfig
from gnncv.models.collective_variables import output_names

SPECIES = ["Cu", "Zr"]
PHASES = ["melt", "crystal"]
CONFIG = ModelConfig(
    cutoff=3.4, message="filter", filter_by_species=True, invariants=False, n_layers=2, width=16, latent=3
)


def write_filter_model(path: Path, precision: str, seed: int = 0) -> Path:
    """Write the model file, with the same weights in both precisions, and return its path."""
    load_operators()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GraphAutoencoder(CONFIG, SPECIES, PHASES).eval()
        model.centroids.normal_()
    names = output_names(CONFIG.latent, PHASES)
    facts = {
        "format_version": 2,
        "precision": precision,
        "cutoff": CONFIG.cutoff,
        "species": SPECIES,
        "outputs": [{"name": name, "kind": kind} for name, kind in names.items()],
    }
    _save(_script(_exported(model, precision, tables=True)), path, facts)
    return path
