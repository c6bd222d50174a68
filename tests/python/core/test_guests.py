"""Graph models of mlcolvar used as they are: the core against a plain evaluation of the module itself."""

import json
import re

import numpy as np
import pytest
import torch
from ase.data import chemical_symbols
from ase.io import write
from ase.neighborlist import primitive_neighbor_list

import gnncv
from finite_differences import gradient_error, strain_error
from gnncv.cli.main import main
from gnncv.explain import graph_node_sensitivity
from guest_model import CUTOFF, NUMBERS, Anchored, Misnamed, NotPooled, Overflowing, make_guest, write_guest
from systems import BOXES, SIZES, random_structure

SPECIES = [chemical_symbols[number] for number in NUMBERS]
CLOSE = {torch.float64: 1e-12, torch.float32: 3e-6}


def plain_evaluation(module, atoms):
    """Values (K,) and gradients (K, N, 3), from real positions and lattice shifts, edges found by ASE."""
    dtype = module.cutoff.dtype
    cell = atoms.cell.array
    first, second, shifts = primitive_neighbor_list(
        "ijS", atoms.pbc, cell, atoms.positions, float(module.cutoff)
    )
    positions = torch.tensor(atoms.positions, dtype=dtype, requires_grad=True)
    numbers = module.atomic_numbers.tolist()
    kinds = torch.tensor([numbers.index(number) for number in atoms.numbers])
    values = module(
        {
            "edge_index": torch.tensor(np.stack([first, second]), dtype=torch.long),
            "positions": positions,
            "shifts": torch.tensor(shifts.reshape(-1, 3) @ cell, dtype=dtype),
            "node_attrs": torch.nn.functional.one_hot(kinds, len(numbers)).to(dtype),
            "batch": torch.zeros(len(atoms), dtype=torch.long),
            "n_system": torch.tensor([[len(atoms)]]),
            "system_masks": torch.ones((len(atoms), 1), dtype=torch.bool),
            "edge_masks_lr": torch.zeros((len(first), 1), dtype=torch.bool),
        }
    )[0]
    gradients = []
    for value in values:
        (gradient,) = torch.autograd.grad(value, positions, retain_graph=True, allow_unused=True)
        gradients.append(np.zeros(positions.shape) if gradient is None else gradient.numpy())
    return values.detach().numpy(), np.array(gradients)


@pytest.fixture(scope="module")
def guest(tmp_path_factory):
    """A smooth guest in double precision."""
    return write_guest(tmp_path_factory.mktemp("guest") / "guest.pt")


def load(path, **options):
    return gnncv.CollectiveVariable(path, num_threads=1, **options)


def structure(box, n_atoms, generator):
    return random_structure(box, n_atoms, SPECIES, CUTOFF, generator)


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_values_and_gradients_are_those_of_the_module(dtype, average, box, n_atoms, tmp_path, generator):
    module = make_guest(n_out=3, average=average, dtype=dtype)
    cv = load(write_guest(tmp_path / "guest.pt", module))
    atoms = structure(box, n_atoms, generator)
    values, gradients = plain_evaluation(module, atoms)
    result = cv.compute(atoms)
    assert result.names == ["node-0", "node-1", "node-2"]
    np.testing.assert_allclose(result.values, values, rtol=0, atol=CLOSE[dtype] * np.abs(values).max())
    scale = max(np.abs(gradients).max(), 1e-2)
    np.testing.assert_allclose(result.gradients, gradients, rtol=0, atol=CLOSE[dtype] * scale)


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
def test_gradients_and_strain_gradients_are_derivatives(guest, box, n_atoms, generator):
    atoms = structure(box, n_atoms, generator)
    assert gradient_error(load(guest), atoms, generator).max() < 1e-6
    assert strain_error(load(guest), atoms).max() < 1e-6


def test_some_gradient_is_not_small(guest, generator):
    result = load(guest).compute(structure("triclinic", 64, generator))
    assert np.abs(result.gradients).max() > 1e-3
    assert np.abs(result.strain_gradient).max() > 1e-1


@pytest.mark.parametrize("average", [False, True])
def test_results_do_not_depend_on_the_skin(average, tmp_path, generator):
    """Not even for a model that would average over pairs beyond the cutoff, if it were handed them."""
    path = write_guest(tmp_path / "guest.pt", make_guest(average=average))
    kept, fresh = load(path, skin=1.0), load(path, skin=0.0)
    atoms = structure("triclinic", 64, generator)
    for _ in range(30):
        atoms.positions += generator.normal(scale=0.05, size=(64, 3))
        ours, theirs = kept.compute(atoms), fresh.compute(atoms)
        np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-12)
        np.testing.assert_allclose(ours.gradients, theirs.gradients, atol=1e-13)
        np.testing.assert_allclose(ours.strain_gradient, theirs.strain_gradient, atol=1e-12)
    assert kept.statistics["n_rebuilds"] < 15
    assert fresh.statistics["n_rebuilds"] == 30


def test_a_part_of_the_outputs(guest, generator):
    cv, atoms = load(guest), structure("cubic", 7, generator)
    whole, part = cv.compute(atoms), cv.compute(atoms, outputs=["node-1"])
    assert part.outputs == ["node-1"]
    np.testing.assert_array_equal(part.gradient("node-1"), whole.gradient("node-1"))
    assert cv.compute(atoms, outputs=[]).gradients.size == 0


@pytest.mark.parametrize("kept", [torch.float32, torch.float64])
def test_either_precision_can_be_asked_for(kept, tmp_path, generator):
    path = write_guest(tmp_path / "guest.pt", make_guest(dtype=kept))
    atoms = structure("triclinic", 64, generator)
    assert load(path).precision == str(kept).removeprefix("torch.")
    single, double = load(path, precision="float32"), load(path, precision="float64")
    assert (single.precision, double.precision) == ("float32", "float64")
    rough, exact = single.compute(atoms), double.compute(atoms)
    np.testing.assert_allclose(rough.values, exact.values, rtol=3e-6)
    assert (rough.values != exact.values).any()
    assert gradient_error(double, atoms, generator).max() < 1e-6


def test_what_is_known_of_it(guest):
    cv = load(guest)
    assert cv.species == SPECIES
    assert cv.cutoff == float(np.float32(CUTOFF))  # a buffer in single precision, taken as it is
    assert cv.hops == 0
    assert cv.site_names == []
    assert cv.metadata["kind"] == "mlcolvar"
    assert [output["name"] for output in cv.metadata["outputs"]] == cv.names


@pytest.mark.parametrize(("average", "beginning"), [(False, "Continuous"), (True, "Not continuous")])
def test_continuity_is_measured(average, beginning, tmp_path):
    remarks = load(write_guest(tmp_path / "guest.pt", make_guest(average=average))).remarks
    assert any("no per-site values" in remark for remark in remarks)
    (sentence,) = [remark for remark in remarks if "at the cutoff" in remark]
    assert sentence.startswith(beginning)
    assert ("node-1 at once by up to" in sentence) == average


def test_the_jump_reported_is_the_jump_there_is(tmp_path, generator):
    """An atom pulled over the cutoff of another changes the averaging guest about as much as was said."""
    cv = load(write_guest(tmp_path / "guest.pt", make_guest(n_out=1, average=True)))
    (sentence,) = [remark for remark in cv.remarks if "at the cutoff" in remark]
    reported = float(re.search(r"by up to (\S+)", sentence)[1])
    jumps = []
    for _ in range(40):
        atoms = structure("open", 32, generator)
        away = atoms.positions[1] - atoms.positions[0]
        away *= CUTOFF / np.linalg.norm(away)
        values = []
        for side in (-1e-7, 1e-7):
            atoms.positions[1] = atoms.positions[0] + (1 + side) * away
            values.append(cv.compute(atoms, outputs=[]).values[0])
        jumps.append(abs(values[1] - values[0]))
    assert 0.1 * reported < max(jumps) < 10 * reported


def rename_buffers(module):
    module.register_buffer("n_cvs", module._buffers.pop("n_out"))


def test_older_names_of_the_buffers(tmp_path, guest, generator):
    path = write_guest(tmp_path / "old.pt", change=rename_buffers)
    atoms = structure("cubic", 7, generator)
    np.testing.assert_array_equal(load(path).compute(atoms).values, load(guest).compute(atoms).values)


def refuse(path, match):
    with pytest.raises(gnncv.ModelError, match=match) as caught:
        gnncv.CollectiveVariable(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("buffer", "value", "match"),
    [
        ("buffer", 1.5, "environment.*buffer is 1.5.*train it with all atoms as system"),
        ("long_range_cutoff", 8.0, "subsystem.*train it without long_range_cutoff"),
        ("cutoff", 0.0, "its cutoff is 0"),
        ("cutoff", float("nan"), "its cutoff is nan"),
        ("atomic_numbers", 0, "no element of atomic number 0"),
    ],
)
def test_refused_for_what_its_buffers_say(buffer, value, match, tmp_path):
    refuse(
        write_guest(tmp_path / "guest.pt", change=lambda module: getattr(module, buffer).fill_(value)), match
    )


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        (NotPooled, r"returned shape \[32, 2\] for a graph of 32 atoms, expected \(1, outputs\): pool"),
        (Anchored, "uses the positions of atoms otherwise than through the vectors of its edges"),
    ],
)
def test_refused_for_what_it_does(kind, match, tmp_path):
    refuse(write_guest(tmp_path / "guest.pt", make_guest(kind)), match)


def test_a_script_without_the_inputs_is_no_guest(tmp_path):
    refuse(write_guest(tmp_path / "other.pt", Misnamed()), "neither gnncv's nor a graph model of mlcolvar")


def test_values_that_are_not_finite_stop(tmp_path, generator):
    cv = load(write_guest(tmp_path / "guest.pt", make_guest(Overflowing)))
    atoms = structure("open", 7, generator)
    assert np.isfinite(cv.compute(atoms).values).all()
    atoms.positions[1] = atoms.positions[0] + [0.2 * CUTOFF, 0.0, 0.0]
    with pytest.raises(gnncv.ModelError, match="value of output 'node-0' is not finite") as caught:
        cv.compute(atoms)
    assert "every atom" not in str(caught.value)


def test_errors_say_what_a_guest_lacks(guest, generator):
    cv, atoms = load(guest), structure("cubic", 7, generator)
    with pytest.raises(gnncv.InvalidArgument, match="no per-site values.*graph model of mlcolvar"):
        cv.per_site(atoms)
    with pytest.raises(gnncv.InvalidArgument, match="'Ar', which the model does not know; it knows Zr, Cu"):
        cv.bind(["Ar"])


@pytest.fixture
def frames(tmp_path, generator):
    """A trajectory on disk."""
    path = tmp_path / "frames.extxyz"
    for _ in range(3):
        write(path, structure("triclinic", 7, generator), append=True)
    return path


def test_inspect_prints_what_is_known(guest, capsys):
    assert main(["inspect", str(guest), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "mlcolvar"
    assert any("at the cutoff" in remark for remark in facts["remarks"])
    assert main(["inspect", str(guest)]) == 0
    text = capsys.readouterr().out
    assert "node-0" in text and "per-site" in text and "training configuration" not in text


def test_evaluate_writes_its_outputs(guest, frames, tmp_path, capsys):
    assert main(["evaluate", str(guest), str(frames), "-o", str(tmp_path / "COLVAR"), "--quiet"]) == 0
    assert (tmp_path / "COLVAR").read_text().splitlines()[0].split()[2:] == ["time", "node-0", "node-1"]
    capsys.readouterr()
    sites = ["--per-site", str(tmp_path / "sites.extxyz")]
    assert main(["evaluate", str(guest), str(frames), "-o", str(tmp_path / "C2"), "--quiet", *sites]) == 2
    assert "no per-site values" in capsys.readouterr().err
    assert not (tmp_path / "C2").exists() and not (tmp_path / "sites.extxyz").exists()


def test_sensitivity_of_a_guest(guest, generator):
    atoms = structure("triclinic", 7, generator)
    found = graph_node_sensitivity(guest, [atoms], component=1, show_progress=False)
    expected = np.linalg.norm(load(guest).compute(atoms).gradient("node-1"), axis=1)
    np.testing.assert_allclose(found["raw_sensitivities"][0], expected, rtol=1e-12)
