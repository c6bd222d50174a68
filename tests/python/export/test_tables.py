"""Tables stand for networks of distance: as exact as they say, and with derivatives that are their own."""

from pathlib import Path

import numpy as np
import pytest
import torch

import gnncv
from finite_differences import gradient_error, strain_error
from gnncv._native import load_operators
from gnncv.export import export
from gnncv.export.exporter import _exported, _save, _script
from gnncv.export.self_check import derivative_scales
from gnncv.models import GraphAutoencoder, ModelConfig
from gnncv.models.reference_evaluation import evaluate_reference
from gnncv.training import TrainedRun
from systems import BOXES, random_structure

load_operators()
SPECIES = ["Cu", "Zr"]
CONFIGURATIONS = [
    {"n_layers": 2, "l_max": 4},
    {"n_layers": 0, "l_max": 6},
    {"n_layers": 1, "l_max": 3, "n_heads": 2, "width": 20, "onset": 2.345, "n_radial": 6},
    {"n_layers": 2, "message": "filter", "l_max": 2},
    {"n_layers": 2, "message": "filter", "filter_by_species": True, "invariants": False},
    {"n_layers": 2, "width": 32, "invariants": False},
]


def random_model(config: dict, generator: np.random.Generator) -> GraphAutoencoder:
    torch.manual_seed(int(generator.integers(2**31)))
    model = GraphAutoencoder(ModelConfig(cutoff=3.4, **config), SPECIES, ["melt", "crystal"]).eval()
    model.centroids.normal_()
    return model


def written(model: GraphAutoencoder, path: Path, precision: str, tables: bool) -> gnncv.CollectiveVariable:
    _save(_script(_exported(model, precision, tables)), path, {"outputs": []})
    return gnncv.CollectiveVariable(path, num_threads=1)


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-7), ("float32", 2e-5)])
@pytest.mark.parametrize("config", CONFIGURATIONS, ids=str)
def test_a_random_model_of_two_species_is_that_of_pytorch(config, precision, tolerance, tmp_path, generator):
    model = random_model(config, generator)
    cv = written(model, tmp_path / "tables.pt", precision, tables=True)
    plain = written(model, tmp_path / "plain.pt", precision, tables=False)
    exact_model = model.double()
    for box in BOXES:
        atoms = random_structure(box, 20, SPECIES, 3.4, generator)
        exact = evaluate_reference(exact_model, atoms)
        for ours in (cv.compute(atoms), plain.compute(atoms)):
            scale = np.maximum(1.0, np.abs(exact.values))
            assert (np.abs(ours.values - exact.values) / scale).max() < tolerance
            for derivative, right in (
                (ours.gradients, exact.gradients),
                (ours.strain_gradient, exact.strain_gradient),
            ):
                scales = np.maximum(derivative_scales(right, ours.names), 1e-4)
                assert (np.abs(derivative - right).max(axis=(1, 2)) / scales).max() < tolerance


@pytest.mark.parametrize("box", BOXES)
def test_derivatives_are_those_of_the_tables(box, tmp_path, generator):
    """To central differences, far below what the tables differ from the networks by."""
    cv = written(random_model(CONFIGURATIONS[0], generator), tmp_path / "cv.pt", "float64", tables=True)
    atoms = random_structure(box, 12, SPECIES, 3.4, generator)
    assert gradient_error(cv, atoms, generator).max() < 1e-6
    assert strain_error(cv, atoms).max() < 1e-6


def test_without_tables_a_file_is_the_network_to_rounding(small_run: TrainedRun, tmp_path: Path) -> None:
    facts = export(small_run, tmp_path / "cv.pt", "float64", tables=False)
    assert facts["tables"] is None
    assert 0.0 < facts["self_check"]["gradient_error"] <= facts["self_check"]["tolerance"] == 1e-12


def test_the_error_of_the_tables_is_in_the_file(exported: Path) -> None:
    facts = gnncv.CollectiveVariable(exported).metadata
    assert 32 <= facts["tables"]["intervals"] <= 1536
    assert 0.0 < facts["tables"]["error"] <= 1e-7
