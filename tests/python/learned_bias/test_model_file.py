"""A model file with a learned bias: all other outputs to the last bit, exact derivatives of the bias."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import gnncv
from core_model import make_core_model, save_script, write_core_model
from finite_differences import gradient_error, strain_error
from gnncv.demo import fcc_crystal, shipped_model
from gnncv.errors import InvalidArgument, ModelError, OutputExists
from gnncv.learned_bias import add_bias
from learned_biases import random_bias, write_random_bias
from molecule_models import molecular_system, write_molecule_model
from systems import random_structure


@pytest.fixture
def argon_frames(generator: np.random.Generator) -> list:
    frames = [fcc_crystal(3) for _ in range(3)]
    for atoms in frames:
        atoms.positions += generator.normal(0.0, 0.35, atoms.positions.shape)
    return frames


@pytest.fixture
def biased(argon_frames: list, tmp_path: Path) -> Path:
    inputs = ["progress", "deviation"]
    return write_random_bias(shipped_model(), tmp_path / "b.pt", inputs, argon_frames, 3, 0.5)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_all_other_outputs_are_the_same_to_the_last_bit(
    biased: Path, argon_frames: list, precision: str
) -> None:
    before = gnncv.CollectiveVariable(shipped_model(), precision=precision, num_threads=1)
    after = gnncv.CollectiveVariable(biased, precision=precision, num_threads=1)
    assert after.names == [*before.names, "bias"]
    assert after.site_names == before.site_names
    assert (after.cutoff, after.species) == (before.cutoff, before.species)
    for atoms in argon_frames:
        one, two = before.compute(atoms), after.compute(atoms)
        assert np.array_equal(one.values, two.values[:-1])
        assert np.array_equal(one.gradients, two.gradients[:-1])
        assert np.array_equal(one.strain_gradient, two.strain_gradient[:-1])
        assert np.abs(two.gradient("bias")).max() > 1e-6
        sites = before.per_site(atoms), after.per_site(atoms)
        assert all(np.array_equal(sites[0][name], sites[1][name]) for name in before.site_names)


def test_derivatives_equal_central_differences(
    biased: Path, argon_frames: list, generator: np.random.Generator
) -> None:
    cv = gnncv.CollectiveVariable(biased, precision="float64", num_threads=1)
    for atoms in argon_frames[:2]:
        bias = cv.names.index("bias")
        assert gradient_error(cv, atoms, generator)[bias] < 1e-6
        assert strain_error(cv, atoms)[bias] < 1e-6


def test_models_without_half_lists_too(generator: np.random.Generator, tmp_path: Path) -> None:
    model = write_core_model(tmp_path / "core.pt")
    atoms = random_structure("triclinic", 20, ["Cu", "Zr"], 3.4, generator)
    path = write_random_bias(model, tmp_path / "b.pt", ["mixed", "mean-1"], [atoms], 5, 0.2)
    before, after = gnncv.CollectiveVariable(model), gnncv.CollectiveVariable(path)
    assert np.array_equal(before.compute(atoms).gradients, after.compute(atoms).gradients[:-1])
    assert gradient_error(after, atoms, generator)[-1] < 1e-6


def test_the_file_says_what_the_bias_is(biased: Path) -> None:
    facts = gnncv.CollectiveVariable(biased).metadata
    assert facts["outputs"][-1] == {"name": "bias", "kind": "neither", "unit": "eV"}
    assert facts["learned_bias"] == {"unit": "eV", "inputs": ["progress", "deviation"], "test": True}


def test_a_bias_that_is_there_is_replaced(biased: Path, argon_frames: list, tmp_path: Path) -> None:
    again = tmp_path / "again.pt"
    add_bias(biased, random_bias([0.0], [1.0], 7, 0.1), ["latent-1"], {}, again)
    direct = tmp_path / "direct.pt"
    add_bias(shipped_model(), random_bias([0.0], [1.0], 7, 0.1), ["latent-1"], {}, direct)
    one, two = gnncv.CollectiveVariable(again), gnncv.CollectiveVariable(direct)
    assert one.names == two.names
    assert one.metadata["learned_bias"]["inputs"] == ["latent-1"]
    assert np.array_equal(one.compute(argon_frames[0]).values, two.compute(argon_frames[0]).values)
    assert abs(again.stat().st_size - direct.stat().st_size) < 2000


def test_refusals(biased: Path, tmp_path: Path) -> None:
    bias = random_bias([0.0], [1.0], 1, 0.1)
    with pytest.raises(InvalidArgument, match="no output 'progres'; it has latent-1"):
        add_bias(shipped_model(), bias, ["progres"], {}, tmp_path / "n.pt")
    with pytest.raises(OutputExists):
        add_bias(shipped_model(), bias, ["progress"], {}, biased)
    (tmp_path / "text.pt").write_text("not a model")
    with pytest.raises(ModelError, match="no model file that gnncv exported"):
        add_bias(tmp_path / "text.pt", bias, ["progress"], {}, tmp_path / "n.pt")
    foreign = make_core_model("float64")
    foreign.output_names = ["a", "b", "c", "bias"]
    facts = {"format_version": 1, "outputs": [{"name": name} for name in foreign.output_names]}
    save_script(foreign, tmp_path / "own.pt", {"gnncv.json": json.dumps(facts), "gnncv_format": "1"})
    with pytest.raises(ModelError, match="gnncv bias did not make"):
        add_bias(tmp_path / "own.pt", bias, ["a"], {}, tmp_path / "n.pt")
    assert not (tmp_path / "n.pt").exists()
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("tables", [True, False])
def test_models_of_molecules_too(generator: np.random.Generator, tmp_path: Path, tables: bool) -> None:
    model = write_molecule_model(tmp_path / "molecules.pt", tables=tables)
    atoms, _ = molecular_system("triclinic", 9, generator)
    path = write_random_bias(model, tmp_path / "b.pt", ["progress", "deviation"], [atoms], 6, 0.2)
    before, after = gnncv.CollectiveVariable(model), gnncv.CollectiveVariable(path)
    assert np.array_equal(before.compute(atoms).gradients, after.compute(atoms).gradients[:-1])
    assert np.abs(after.compute(atoms).gradient("bias")).max() > 1e-6
    assert gradient_error(after, atoms, generator)[-1] < 1e-6
    assert strain_error(after, atoms)[-1] < 1e-6
