"""How a collective variable is bound, asked and answered, and which input it refuses."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from ase import Atoms

import gnncv
from core_model import make_core_model, save_script
from gnncv import CollectiveVariable, DeviceError, InvalidArgument, ModelError
from systems import random_structure


@pytest.fixture
def cv(random_model) -> CollectiveVariable:
    return CollectiveVariable(random_model, num_threads=1)


@pytest.fixture
def atoms(generator) -> Atoms:
    return random_structure("triclinic", 12, ["Cu", "Zr"], 3.4, generator)


def test_shapes_and_names(cv, atoms):
    result = cv.compute(atoms)
    assert result.names == result.outputs == cv.names
    assert result.values.shape == (4,)
    assert result.gradients.shape == (4, 12, 3)
    assert result.strain_gradient.shape == (4, 3, 3)
    for array in (result.values, result.gradients, result.strain_gradient):
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
    assert result["mixed"] == result.values[2]
    np.testing.assert_array_equal(result.gradient("mixed"), result.gradients[2])
    np.testing.assert_array_equal(result.strain("total"), result.strain_gradient[3])


def test_choice_of_outputs(cv, atoms):
    everything = cv.compute(atoms)
    some = cv.compute(atoms, outputs=["total", "mean-1"])
    assert some.names == cv.names
    assert some.outputs == ["total", "mean-1"]
    np.testing.assert_array_equal(some.values, everything.values)
    np.testing.assert_array_equal(some.gradients, everything.gradients[[3, 0]])
    none = cv.compute(atoms, outputs=[])
    assert none.gradients.shape == (0, 12, 3)
    np.testing.assert_array_equal(none.values, everything.values)
    with pytest.raises(InvalidArgument, match="no gradient was asked for output 'mean-1'; there are none"):
        none.gradient("mean-1")
    with pytest.raises(InvalidArgument, match="the model has no output 'nothing'; there are mean-1, mean-2"):
        none["nothing"]


def test_results_belong_to_the_caller(cv, atoms):
    first = cv.compute(atoms)
    kept = first.gradients.copy()
    atoms.rattle(0.1)
    cv.compute(atoms)
    np.testing.assert_array_equal(first.gradients, kept)


def test_positions_instead_of_atoms(cv, atoms):
    expected = cv.compute(atoms).values
    cv.bind(atoms.get_chemical_symbols())
    arguments = (atoms.positions, atoms.cell.array, atoms.pbc)
    np.testing.assert_array_equal(cv.compute(*arguments).values, expected)
    fortran = np.asfortranarray(atoms.positions)
    np.testing.assert_array_equal(cv.compute(fortran, *arguments[1:]).values, expected)
    np.testing.assert_array_equal(cv.compute(atoms.positions, atoms.cell, True).values, expected)
    open_box = Atoms(atoms.symbols, atoms.positions)
    np.testing.assert_array_equal(cv.compute(atoms.positions).values, cv.compute(open_box).values)
    lengths = cv.compute(atoms.positions, [9.0, 8.0, 7.0], True).values
    np.testing.assert_array_equal(cv.compute(atoms.positions, np.diag([9.0, 8.0, 7.0]), True).values, lengths)


def test_atoms_are_bound_anew_when_they_change(cv, atoms):
    cv.compute(atoms)
    changed = atoms[::-1]
    changed.symbols[0] = "Cu" if changed.symbols[0] == "Zr" else "Zr"
    fresh = CollectiveVariable(cv.path).compute(changed).values
    np.testing.assert_allclose(cv.compute(changed).values, fresh, rtol=1e-14)
    fresh = CollectiveVariable(cv.path).compute(atoms[:5]).values
    np.testing.assert_allclose(cv.compute(atoms[:5]).values, fresh, rtol=1e-14)


def test_per_site(cv, atoms):
    sites = cv.per_site(atoms)
    assert list(sites) == ["first", "second"]
    assert all(values.shape == (12,) for values in sites.values())
    assert sites["first"].mean() == pytest.approx(cv.compute(atoms)["mean-1"], rel=1e-12)
    same = cv.per_site(atoms.positions, atoms.cell, atoms.pbc)
    np.testing.assert_array_equal(same["second"], sites["second"])


def test_statistics(cv, atoms):
    for _ in range(3):
        cv.compute(atoms)
    statistics = cv.statistics
    assert statistics["n_evaluations"] == 3
    assert statistics["n_rebuilds"] == 1
    assert statistics["n_pairs"] <= statistics["n_candidates"]
    assert statistics["seconds_model"] > 0 and statistics["seconds_neighbors"] > 0


@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_number_of_threads_is_restored(random_model, atoms, num_threads):
    before = torch.get_num_threads()
    CollectiveVariable(random_model, num_threads=num_threads).compute(atoms)
    assert torch.get_num_threads() == before


def test_evaluations_repeat_to_the_last_bit(random_model, atoms):
    first = CollectiveVariable(random_model, num_threads=1).compute(atoms)
    second = CollectiveVariable(random_model, num_threads=1).compute(atoms)
    np.testing.assert_array_equal(first.gradients, second.gradients)
    np.testing.assert_array_equal(first.values, second.values)


def test_python_threads_may_share_one_object(cv, atoms):
    expected = cv.compute(atoms).gradients
    wrong = []

    def work():
        for _ in range(10):
            if not np.array_equal(cv.compute(atoms).gradients, expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e12])
def test_positions_that_are_not_finite(cv, atoms, value):
    cv.compute(atoms)
    atoms.positions[7, 1] = value
    atoms.positions[9, 0] = np.nan
    with pytest.raises(InvalidArgument, match=r"position of atom 7 \(counted from 0\) is not usable: y = "):
        cv.compute(atoms)
    with pytest.raises(InvalidArgument, match="atom 7"):
        cv.per_site(atoms)


@pytest.mark.parametrize(
    ("cell", "match"),
    [
        (np.zeros((3, 3)), r"lattice vector 1, which is \(0, 0, 0\) angstrom: give it a length"),
        ([[5, 0, 0], [0, 5, 0], [5, 5, 0]], "the cell is singular"),
        ([[5, 0, 0], [5, 1e-7, 0], [0, 0, 5]], "the cell is singular"),
        ([[5, 0, 0], [0, np.nan, 0], [0, 0, 5]], "lattice vector 2, .* must be finite"),
        ([[5, 0, 0], [0, 5, 0], [0, 0, np.inf]], "lattice vector 3, .* must be finite"),
        (1e-3 * np.eye(3), "the cell is so small"),
    ],
)
def test_cells_that_cannot_be_used(cv, cell, match):
    cv.bind(["Cu", "Zr"])
    with pytest.raises(InvalidArgument, match=match):
        cv.compute([[0, 0, 0], [2.0, 0, 0]], cell, True)
    assert np.isfinite(cv.compute([[0, 0, 0], [2.0, 0, 0]], 9 * np.eye(3), True).values).all()


def test_coincident_atoms(cv):
    cv.bind(["Cu", "Zr", "Cu"])
    with pytest.raises(InvalidArgument, match="atoms 0 and 2 .* coincide"):
        cv.compute([[0, 0, 0], [2.0, 0, 0], [0, 1e-8, 0]])
    with pytest.raises(InvalidArgument, match="atoms 0 and 1 .* coincide"):
        cv.compute([[0, 0, 0], [5.0, 0, 0], [2, 1, 0]], 5 * np.eye(3), True)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([[0.0, 0.0, 0.0]],), r"positions hold 3 numbers, expected 6 \(3 for each of the 2 atoms bound\)"),
        (([0.0] * 6,), r"positions have shape \(6,\), expected \(N, 3\)"),
        (([["a", 0, 0], [0, 0, 0]],), "positions cannot be read as numbers"),
        ((np.eye(3)[:2], np.eye(2)), r"cell has shape \(2, 2\), expected \(3, 3\)"),
        ((np.eye(3)[:2], np.eye(3), [True, False]), "pbc has shape"),
        ((np.eye(3)[:2], None, None, ["none-such"]), "no output 'none-such'; it has mean-1, mean-2"),
        ((np.eye(3)[:2], None, None, "mixed"), "expected a list of names, such as"),
    ],
)
def test_arguments_of_the_wrong_form(cv, arguments, match):
    cv.bind(["Cu", "Zr"])
    with pytest.raises(InvalidArgument, match=match):
        cv.compute(*arguments)


def test_species(cv):
    with pytest.raises(InvalidArgument, match="atom 1 .* species 'Ar', which .* it knows Cu, Zr"):
        cv.bind(["Cu", "Ar"])
    with pytest.raises(InvalidArgument, match="no atoms to bind"):
        cv.bind([])
    with pytest.raises(InvalidArgument, match="no atoms are bound"):
        cv.compute([[0.0, 0.0, 0.0]])
    with pytest.raises(InvalidArgument, match="species 'Ar'"):
        cv.compute(Atoms("Ar"))
    with pytest.raises(InvalidArgument, match="with positions only"):
        cv.compute(Atoms("Cu"), np.eye(3))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"device": "cuda:99"}, DeviceError, "'cuda:99' was asked for, but .*use (the CPU|device 'cpu')"),
        ({"device": "abacus"}, DeviceError, "device 'abacus' is not known: use cpu, cuda, or cuda:N"),
        ({"device": "cuda:-1"}, DeviceError, "device 'cuda:-1' is not known"),
        ({"device": "cuda:1x"}, DeviceError, "device 'cuda:1x' is not known"),
        ({"skin": -0.5}, InvalidArgument, "skin is -0.5"),
        ({"skin": float("nan")}, InvalidArgument, "skin is nan"),
        ({"skin": float("inf")}, InvalidArgument, "skin must be a finite length"),
        ({"num_threads": 0}, InvalidArgument, "num_threads is 0"),
    ],
)
def test_options(random_model, options, error, match):
    with pytest.raises(error, match=match):
        CollectiveVariable(random_model, **options)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_model_that_gives_no_number(tmp_path, atoms, precision):
    """An embedding that is not finite for one species: the first atom of that species is named."""
    script = make_core_model(precision)
    with torch.no_grad():
        script.embedding[1] = float("nan")
    path = tmp_path / "nan.pt"
    save_script(script, path, {"gnncv.json": "{}", "gnncv_format": "1"})
    lone = Atoms("Cu3Zr2", [[0, 0, 9.0 * k] for k in range(5)])
    with pytest.raises(ModelError, match="value of output 'mean-1' is not finite; the first bad atom is 3 "):
        CollectiveVariable(path).compute(lone)


def test_a_gradient_that_is_no_number(tmp_path):
    """Gaussians centered at infinity are zero, but their slope is 0 times infinity."""
    path = tmp_path / "slope.pt"
    script = make_core_model("float64")
    with torch.no_grad():
        script.centers[:] = float("inf")
    save_script(script, path, {"gnncv.json": "{}", "gnncv_format": "1"})
    cv = CollectiveVariable(path)
    with pytest.raises(ModelError, match="gradient of output 'mean-1' is not finite; .* atom is 1 "):
        cv.compute(Atoms("Cu3", [[0, 0, -20], [0, 0, 0], [0, 0, 2.0]]))


def test_pure_python_rooms_import_without_torch():
    code = "import sys, gnncv, gnncv.files; sys.exit('torch' in sys.modules or 'gnncv._core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_of_the_package():
    assert gnncv.CollectiveVariable is CollectiveVariable
    assert "cmake_prefix_path" in dir(gnncv)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gnncv.nothing  # noqa: B018
