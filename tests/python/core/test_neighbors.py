"""The pairs a model is given, against all images written out, in every box and far from the origin."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from torch import Tensor

import gnncv
from core_model import save_script
from systems import BOXES, SIZES, random_structure

CUTOFF = 3.0


class PairModel(torch.nn.Module):
    """Per-site sums over pairs that tell one pair list from another, and whether it is in order."""

    species: list[str]
    output_names: list[str]
    site_names: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.format_version = 1
        self.cutoff = CUTOFF
        self.species = ["Ar"]
        self.output_names = ["pairs", "disorder"]
        self.site_names = ["number", "distance", "x", "y", "z", "neighbors", "own"]
        self.precision = "float64"

    @torch.jit.export
    def site_part(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        distance = vectors.square().sum(1, keepdim=True).sqrt()
        columns = [torch.ones_like(distance), distance, vectors**3, (neighbor + 1.0).unsqueeze(1) * distance]
        site = torch.zeros(types.size(0), 6, dtype=torch.float64)
        site = site.index_add(0, center, torch.cat(columns, 1))
        own = row_ptr.diff().to(torch.float64).unsqueeze(1)
        return torch.cat([site, own, self.order(center, neighbor, row_ptr, types.size(0))], 1)

    @torch.jit.export
    def order(self, center: Tensor, neighbor: Tensor, row_ptr: Tensor, n_sites: int) -> Tensor:
        """For each site how many pairs it has, and how many are out of order or in another site's row."""
        number = torch.bincount(center, minlength=n_sites)
        key = center * n_sites + neighbor
        late = torch.bincount(center[1:], (key.diff() < 0).to(torch.float64), minlength=n_sites)
        disorder = late + (number - row_ptr.diff()).abs()
        return torch.stack([number.to(torch.float64), disorder], 1)

    @torch.jit.export
    def sums(self, site: Tensor) -> Tensor:
        return site[:, 7:].sum(0)

    @torch.jit.export
    def head(self, sums: Tensor) -> Tensor:
        return sums

    @torch.jit.export
    def site_values(self, site: Tensor) -> Tensor:
        return site[:, :7]


class HalfPairModel(PairModel):
    """The same from bonds that stand for both directions, and whether a list with all pairs agrees."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.pairs = kind

    @torch.jit.export
    def site_part_of_halves(
        self, vectors: Tensor, half_begin: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        n_sites = types.size(0)
        center = torch.repeat_interleave(torch.arange(n_sites), row_ptr.diff())
        half = torch.arange(center.size(0)) >= half_begin[center]
        here, there, between = center[half], neighbor[half].to(torch.int64), vectors[half]
        both = (torch.cat([between, -between]), torch.cat([here, there]), torch.cat([there, here]))
        order = torch.argsort(both[1] * n_sites + both[2])
        rows = torch.cat([row_ptr[:1], torch.bincount(both[1], minlength=n_sites).cumsum(0)])
        site = self.site_part(both[0][order], both[1][order], both[2][order], rows, types)
        key = (center * 2 + half.to(torch.int64)) * n_sites + neighbor
        late = torch.bincount(center[1:], (key.diff() < 0).to(torch.float64), minlength=n_sites)
        site[:, 6] = torch.bincount(here, minlength=n_sites).to(torch.float64)
        site[:, 8] += late
        if self.pairs == "both":
            site[:, 8] += (row_ptr.diff() - rows.diff()).abs()
        return site


def write_pair_model(path: Path, model: PairModel) -> Path:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        scripted = torch.jit.script(model)
    save_script(scripted, path, {"gnncv.json": "{}", "gnncv_format": "1"})
    return path


@pytest.fixture(scope="module", params=["full", "half", "both"])
def pair_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = PairModel() if request.param == "full" else HalfPairModel(request.param)
    return write_pair_model(tmp_path_factory.mktemp("pairs") / "pairs.pt", model)


def all_images(atoms: Atoms) -> dict[str, np.ndarray]:
    """The same sums, from every image that can be within the cutoff, one by one."""
    cell, pbc = atoms.cell.array, atoms.pbc
    fractions = atoms.get_scaled_positions(wrap=False) if pbc.any() else np.zeros((len(atoms), 3))
    reach = [0, 0, 0]
    if pbc.any():
        heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.complete().array), axis=0)
        spread = np.ptp(fractions, axis=0)
        reach = [int(np.ceil(CUTOFF / heights[a] + spread[a])) if pbc[a] else 0 for a in range(3)]
    numbers = np.array(np.meshgrid(*[np.arange(-r, r + 1) for r in reach])).reshape(3, -1).T
    sums = np.zeros((len(atoms), 6))
    for i, origin in enumerate(atoms.positions):
        for j, position in enumerate(atoms.positions):
            vectors = position - origin + numbers @ cell
            distances = np.linalg.norm(vectors, axis=1)
            inside = (distances < CUTOFF) & (distances > 1e-9)
            d, v = distances[inside], vectors[inside]
            sums[i] += [len(d), d.sum(), *(v**3).sum(axis=0), (j + 1) * d.sum()]
    return dict(zip(PairModel().site_names[:6], sums.T, strict=True))


def compare(cv, atoms: Atoms) -> None:
    found, expected = cv.per_site(atoms), all_images(atoms)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-9, err_msg=name)
    result = cv.compute(atoms, outputs=[])
    assert result["disorder"] == 0
    assert result["pairs"] == expected["number"].sum() == cv.statistics["n_pairs"]


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("skin", [None, 0.0])
def test_pairs_are_all_within_the_cutoff(pair_model, box, n_atoms, skin, generator):
    atoms = random_structure(box, n_atoms, ["Ar"], CUTOFF, generator)
    cv = gnncv.CollectiveVariable(pair_model, skin=skin)
    compare(cv, atoms)
    atoms.rattle(0.05, rng=generator)
    compare(cv, atoms)


@pytest.mark.parametrize("box", BOXES)
def test_atoms_outside_of_the_cell(pair_model, box, generator):
    atoms = random_structure(box, 7, ["Ar"], CUTOFF, generator)
    atoms.positions += generator.integers(-2, 3, size=(7, 3)) * atoms.pbc @ atoms.cell.array
    compare(gnncv.CollectiveVariable(pair_model), atoms)


@pytest.mark.parametrize("pbc", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1)])
def test_mixed_periodicity(pair_model, pbc, generator):
    atoms = random_structure("triclinic", 20, ["Ar"], CUTOFF, generator)
    atoms.pbc = pbc
    cv = gnncv.CollectiveVariable(pair_model)
    compare(cv, atoms)
    atoms.pbc = True  # the list notices
    compare(cv, atoms)


def test_a_cell_much_smaller_than_the_cutoff(pair_model):
    atoms = Atoms("Ar", cell=[[0.8, 0, 0], [0.3, 0.7, 0], [0.1, 0.2, 0.9]], pbc=True)
    compare(gnncv.CollectiveVariable(pair_model), atoms)


@pytest.mark.parametrize("ratio", [0.99, 1.001, 1.003, 1.05])
def test_a_cell_about_twice_as_wide_as_the_list_reaches(pair_model, ratio, generator):
    """Around the width from which on shifts are those to the nearest images; atoms on the faces, too."""
    skin = 0.5
    cell = np.eye(3) + generator.uniform(-0.4, 0.4, (3, 3))
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    cell *= 2 * (CUTOFF + skin) * ratio / heights.min()
    fractions = generator.random((60, 3))
    fractions[range(30), generator.integers(0, 3, 30)] = generator.choice([-1e-16, 0.0, 0.5, 1.0], 30)
    atoms = Atoms("Ar60", positions=fractions @ cell, cell=cell, pbc=generator.random(3) < 0.8)
    cv = gnncv.CollectiveVariable(pair_model, skin=skin)
    compare(cv, atoms)
    atoms.rattle(0.05, rng=generator)
    compare(cv, atoms)


def test_a_very_skewed_cell(pair_model, generator):
    atoms = random_structure("cubic", 7, ["Ar"], CUTOFF, generator)
    atoms.set_cell(np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ atoms.cell.array)
    compare(gnncv.CollectiveVariable(pair_model), atoms)


def test_vectors_of_open_directions_are_ignored(pair_model, generator):
    atoms = random_structure("slab", 7, ["Ar"], CUTOFF, generator)
    cv = gnncv.CollectiveVariable(pair_model)
    compare(cv, atoms)
    cell = atoms.cell.array
    before = cv.per_site(atoms)["distance"]
    for third in ([0.0, 0.0, np.nan], [1e-9, 0, 0], cell[0]):
        cell[2] = third
        after = cv.per_site(atoms.positions, cell, atoms.pbc)["distance"]
        np.testing.assert_allclose(after, before, rtol=1e-12)


def test_far_apart_in_an_open_box(pair_model):
    atoms = Atoms("Ar4", [[0, 0, 0], [1.5, 0, 0], [1e7, -1e8, 3e6], [1e7, -1e8, 3e6 + 2]])
    compare(gnncv.CollectiveVariable(pair_model), atoms)


def test_a_changed_number_of_atoms_and_cell(pair_model, generator):
    cv = gnncv.CollectiveVariable(pair_model)
    for n_atoms in (7, 20, 3, 3):
        for box in ("cubic", "open", "triclinic"):
            compare(cv, random_structure(box, n_atoms, ["Ar"], CUTOFF, generator))


def test_a_cell_that_shrinks_rebuilds_in_time(pair_model, generator):
    """Atoms that follow the cell do not move relative to it: only its stretch brings new pairs in."""
    atoms = random_structure("triclinic", 40, ["Ar"], CUTOFF, generator)
    cv = gnncv.CollectiveVariable(pair_model, skin=0.4)
    for _ in range(25):
        atoms.set_cell(atoms.cell.array * [0.985, 1.0, 0.99], scale_atoms=True)
        compare(cv, atoms)
    assert 2 <= cv.statistics["n_rebuilds"] < 20


def test_half_the_skin_is_not_too_late(pair_model):
    """Two atoms that approach head-on from just outside of the list."""
    cv = gnncv.CollectiveVariable(pair_model, skin=0.5)
    for gap in np.arange(3.51, 2.5, -0.01):
        # Two more atoms far away keep the mean displacement at zero.
        atoms = Atoms("Ar4", [[-gap / 2, 0, 0], [gap / 2, 0, 0], [0, 50, 0], [0, -50, 0]])
        assert cv.compute(atoms, outputs=[])["pairs"] == (2 if gap < CUTOFF else 0)
    assert 1 < cv.statistics["n_rebuilds"] < 8


@pytest.mark.parametrize("kind", ["half", "both"])
def test_every_atom_has_about_half_of_its_bonds(kind, tmp_path, generator):
    """In whatever order the atoms are: equal shares of them are equal shares of the work."""
    atoms = random_structure("cubic", 300, ["Ar"], CUTOFF, generator)
    atoms = atoms[np.argsort(atoms.positions[:, 0])]
    cv = gnncv.CollectiveVariable(write_pair_model(tmp_path / "pairs.pt", HalfPairModel(kind)))
    own = cv.per_site(atoms)["own"]
    all_of_them = cv.compute(atoms, outputs=[])["pairs"]
    assert 2 * own.sum() == all_of_them
    assert abs(own[:150].sum() / own.sum() - 0.5) < 0.05
