"""A committee's values, spreads and gradients follow from its members; what cannot be compared is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones

import gnncv
from core_model import CUTOFF, SPECIES, write_core_model
from distance_models import write_distance_model
from finite_differences import gradient_error, strain_error
from gnncv import Committee, InvalidArgument
from gnncv.engines import BiasedCalculator
from gnncv.explain import write_per_site
from systems import random_structure


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("members")
    return [write_core_model(folder / f"{seed}.pt", seed=seed) for seed in range(3)]


@pytest.fixture
def atoms(generator: np.random.Generator) -> Atoms:
    return random_structure("triclinic", 7, SPECIES, CUTOFF, generator)


class Turned:
    """A variable whose latents are given in other coordinates: the same training, in another gauge."""

    def __init__(
        self, cv: gnncv.CollectiveVariable, generator: np.random.Generator, bend: float = 0.0
    ) -> None:
        self.cv, self.path, self.hash = cv, Path("turned.pt"), "turned"
        self.names, self.site_names, self.species = cv.names, cv.site_names, cv.species
        self.kinds, self.metadata, self.cutoff, self.bind = cv.kinds, cv.metadata, cv.cutoff, cv.bind
        self.latents = [name for name in cv.names if name.startswith("latent-")]
        self.matrix = generator.normal(size=(3, 3)) + 2.0 * np.eye(3)
        self.offset, self.bend = generator.normal(size=3), bend

    def _turn(self, rows: np.ndarray) -> np.ndarray:
        return np.tensordot(self.matrix, rows, 1)

    def compute(self, *geometry: Any, outputs: list[str] | None = None) -> gnncv.Result:
        found = self.cv.compute(*geometry, outputs=self.names if outputs else [])
        n = len(self.latents)
        values = np.concatenate([self._turn(found.values[:n]) + self.offset, found.values[n:]])
        if not outputs:
            return replace(found, values=values)
        gradients = np.concatenate([self._turn(found.gradients[:n]), found.gradients[n:]])
        strain = np.concatenate([self._turn(found.strain_gradient[:n]), found.strain_gradient[n:]])
        return replace(found, values=values, gradients=gradients, strain_gradient=strain)

    def per_site(self, *geometry: Any) -> dict[str, np.ndarray]:
        columns = self.cv.per_site(*geometry)
        turned = self._turn(np.stack([columns[name] for name in self.latents])) + self.offset[:, None]
        turned += self.bend * turned**2
        return {**columns, **dict(zip(self.latents, turned, strict=True))}


def test_values_and_spreads_are_those_of_the_members(files: list[Path], atoms: Atoms) -> None:
    committee = Committee(files, num_threads=1)
    singles = [gnncv.CollectiveVariable(path, num_threads=1).compute(atoms, outputs=[]) for path in files]
    result = committee.compute(atoms, outputs=[])
    assert result.names == committee.names
    for name in singles[0].names:
        said = np.array([single[name] for single in singles])
        assert np.array_equal(result.members(name), said)
        assert result[name] == result.mean(name) == pytest.approx(said.mean(), rel=1e-12)
        assert result[f"std-{name}"] == result.std(name) == pytest.approx(said.std(ddof=1), rel=1e-12)
        assert result.std(name) > 0.0


def test_gradients_are_derivatives(files: list[Path], atoms: Atoms, generator: np.random.Generator) -> None:
    committee = Committee(files, num_threads=1)
    assert (gradient_error(committee, atoms, generator) < 1e-6).all()
    assert (strain_error(committee, atoms) < 1e-6).all()
    one = committee.compute(atoms, outputs=["std-mixed"])
    assert one.outputs == ["std-mixed"]
    every = committee.compute(atoms.positions, atoms.cell.array, atoms.pbc)
    assert np.allclose(one.gradient("std-mixed"), every.gradient("std-mixed"), rtol=1e-10, atol=1e-14)
    assert one.gradnorm2("std-mixed") > 0.0


def test_per_site(files: list[Path], atoms: Atoms, tmp_path: Path) -> None:
    committee = Committee(files, num_threads=1)
    columns, members = committee.per_site(atoms), committee.per_site_members(atoms)
    assert list(columns) == committee.site_names == ["first", "second", "std-first", "std-second"]
    assert members["first"].shape == (3, len(atoms))
    assert np.allclose(columns["first"], members["first"].mean(axis=0))
    assert np.allclose(columns["std-first"], members["first"].std(axis=0, ddof=1))
    write_per_site(committee, [atoms], tmp_path / "sites.extxyz", show_progress=False)
    assert "std-first" in (tmp_path / "sites.extxyz").read_text()


def test_it_biases_as_a_variable_does(files: list[Path], atoms: Atoms) -> None:
    biased = atoms.copy()
    wall = BiasedCalculator(
        LennardJones(sigma=2.0, rc=3.0),
        Committee(files, num_threads=1),
        lambda s: (s[0] ** 2, 2.0 * s),
        outputs=["std-mixed"],
    )
    biased.calc = wall
    expected = Committee(files, num_threads=1).compute(atoms, outputs=["std-mixed"])
    biased.get_potential_energy()
    assert wall.results["bias_energy"] == pytest.approx(expected["std-mixed"] ** 2)
    pushed = biased.get_forces() - wall.base.get_property("forces", biased)
    assert np.allclose(pushed, -2.0 * expected["std-mixed"] * expected.gradient("std-mixed"))


def test_members_that_agree_have_no_spread_and_no_slope() -> None:
    from gnncv.committee.result import spread_slopes

    assert np.array_equal(spread_slopes(np.full(3, 0.7), 0.0), np.zeros(3))


def test_members_must_be_trainings_of_one_variable(files: list[Path]) -> None:
    with pytest.raises(InvalidArgument, match="at least two"):
        Committee(files[:1])
    with pytest.raises(InvalidArgument, match="would count twice"):
        Committee([files[0], files[1], files[0]])
    with pytest.raises(InvalidArgument, match="is one"):
        Committee(str(files[0]))

    def member(**facts: Any) -> SimpleNamespace:
        same: dict[str, Any] = {
            "path": "b.pt",
            "hash": "b",
            "species": ["Cu"],
            "metadata": {"phases": ["melt", "crystal"]},
        }
        same |= {"names": ["progress"], "site_names": [], "cutoff": 3.0}
        return SimpleNamespace(**{**same, **facts})

    with pytest.raises(InvalidArgument, match="different species"):
        Committee([member(), member(hash="c", species=["Zr"])])
    with pytest.raises(InvalidArgument, match="different phases"):
        Committee([member(), member(hash="c", metadata={"phases": ["crystal", "melt"]})])
    with pytest.raises(InvalidArgument, match="no output that can be compared"):
        Committee([member(names=["latent-1"]), member(hash="c", names=["latent-1"])])


def test_latents_are_left_out_until_they_are_aligned(
    generator: np.random.Generator, atoms: Atoms, tmp_path: Path
) -> None:
    cv = gnncv.CollectiveVariable(
        write_distance_model(tmp_path / "cv.pt", "float64", "attention"), num_threads=1
    )
    frames = [random_structure("cubic", 40, SPECIES, CUTOFF, generator) for _ in range(4)]
    committee = Committee([cv, Turned(cv, generator)])
    latents = [f"latent-{k}" for k in (1, 2, 3)]
    assert committee.left_out == [*latents, "deviation"]
    with pytest.raises(InvalidArgument, match=r"change of coordinates .*align\(frames\)"):
        committee.compute(atoms, outputs=["std-latent-1"])
    with pytest.raises(InvalidArgument, match="take progress"):
        committee.compute(atoms, outputs=["deviation"])
    alignment = committee.align(frames)
    assert alignment.explained.min() > 1.0 - 1e-9
    assert committee.left_out == ["deviation"]
    result, own = committee.compute(atoms, outputs=latents), cv.compute(atoms, outputs=latents)
    for name in latents:
        assert result[name] == pytest.approx(own[name], abs=1e-9)
        assert result.std(name) < 1e-8
        assert np.allclose(result.gradient(name), own.gradient(name), atol=1e-8)
        assert np.allclose(result.strain(name), own.strain(name), atol=1e-8)
    assert np.allclose(committee.per_site(atoms)["latent-2"], cv.per_site(atoms)["latent-2"], atol=1e-8)
    assert len(committee.compute(atoms).outputs) == len(committee.names)


def test_a_bent_gauge_is_refused(generator: np.random.Generator, tmp_path: Path) -> None:
    cv = gnncv.CollectiveVariable(
        write_distance_model(tmp_path / "cv.pt", "float64", "attention"), num_threads=1
    )
    frames = [random_structure("cubic", 40, SPECIES, CUTOFF, generator) for _ in range(4)]
    committee = Committee([cv, Turned(cv, generator, bend=100.0)])
    with pytest.raises(InvalidArgument, match="more than a linear change of coordinates"):
        committee.align(frames, at_least=0.999999)
    assert "latent-1" in committee.left_out
    with pytest.raises(InvalidArgument, match="at least two frames"):
        committee.align(frames[:1])
