"""The report of a run: its numbers against the model's own, what is kept in memory, and the page."""

from __future__ import annotations

import base64
import re
import weakref
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

import gnncv
from gnncv.demo import shipped_model
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.explain import write_run_report
from gnncv.explain.report.along_run import go_through
from gnncv.explain.report.displacements import check_by_displacing
from gnncv.explain.report.frame_view import Pairs, crystal_share, view_frame
from gnncv.explain.report.motions import motion_parts
from gnncv.explain.report.shells import find_shells, shell_shares
from molecule_models import molecular_system, write_molecule_model
from seeded_crystallites import seeded_crystallites


@pytest.fixture(autouse=True)
def _coarse_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gnncv.analysis.report_page.DOTS_PER_INCH", 20)


@pytest.fixture(scope="module")
def cv() -> gnncv.CollectiveVariable:
    return gnncv.CollectiveVariable(shipped_model(), num_threads=1)


@pytest.fixture(scope="module")
def frames(argon_frames: list[Atoms]) -> list[Atoms]:
    """A crystallite in a melt, shaken four times: 459 atoms."""
    atoms = next(seeded_crystallites(argon_frames, 1, 250, copies=1, seed=250)).atoms
    shaken = []
    for k in range(4):
        shaken.append(atoms.copy())
        shaken[k].rattle(0.08, seed=k)
        shaken[k].info["time"] = 2.0 * k
    return shaken


@pytest.fixture(scope="module")
def molecules(tmp_path_factory: pytest.TempPathFactory) -> gnncv.CollectiveVariable:
    """A random model of two kinds of molecules and of atoms beside them."""
    path = write_molecule_model(tmp_path_factory.mktemp("report") / "molecules.pt")
    return gnncv.CollectiveVariable(path, num_threads=1)


def test_pair_slopes_and_scores_are_those_of_the_gradients(cv, frames):
    atoms = frames[0]
    view = view_frame(cv, atoms, "ncrystal")
    result = cv.compute(atoms, outputs=["ncrystal"])
    assert view.scores == pytest.approx(np.linalg.norm(result.gradient("ncrystal"), axis=1), rel=1e-9)
    # the trace of the strain gradient is the sum of slope times length over pairs; each is there twice
    trace = float(np.trace(result.strain("ncrystal")))
    assert 0.5 * (view.pairs.outward * view.pairs.distance).sum() == pytest.approx(trace, rel=1e-4)
    assert (view.pairs.strength >= np.abs(view.pairs.outward) * (1.0 - 1e-12)).all()


def test_scores_of_molecules_add_up_over_their_atoms(molecules, generator):
    atoms, owner = molecular_system("triclinic", 9, generator)
    view = view_frame(molecules, atoms, "novelty")
    gradient = molecules.compute(atoms, outputs=["novelty"]).gradient("novelty")
    for site in range(9):
        own = gradient[owner == site]
        assert view.scores[site] == pytest.approx(np.linalg.norm(own), rel=1e-9)
    by_mass = (gradient**2).sum(axis=1) / atoms.get_masses()
    assert view.motions.sum() == pytest.approx(by_mass.sum(), rel=1e-9)
    assert (view.motions >= 0.0).all() and view.motions[:, 1:].any()


@pytest.mark.parametrize("name", ["C6H6", "H2O", "CO2", "N2"])
def test_a_rigid_motion_does_not_deform(name, generator):
    """Gradients m (v + w x r) are those of a rigid motion, also of linear molecules."""
    atoms = molecule(name, cell=[9.0, 9.0, 9.0], pbc=True)
    atoms.rotate(generator.uniform(0.0, 360.0), generator.normal(size=3))
    center = atoms.get_center_of_mass()
    moved, turned = generator.normal(size=(2, 3))
    owner = np.zeros(len(atoms), dtype=np.int64)
    arms = atoms.positions - center
    atoms.positions += generator.integers(-1, 2, size=(len(atoms), 3)) * 9.0  # images do not matter
    masses = atoms.get_masses()[:, None]
    for velocity, part in ((np.tile(moved, (len(atoms), 1)), 0), (np.cross(turned, arms), 1)):
        parts = motion_parts(atoms, masses * velocity, owner, center[None])[0]
        expected = np.zeros(3)
        expected[part] = (masses * velocity**2).sum()
        assert parts == pytest.approx(expected, abs=1e-9 * expected.max())


def test_single_sites_that_look_crystalline_are_not_counted(generator):
    """Two clusters on a ring of neighbors: only the larger makes its surroundings crystalline."""
    n = 40
    ring = np.arange(n)
    center = np.concatenate([ring, ring])
    neighbor = np.concatenate([(ring + 1) % n, (ring - 1) % n])
    nothing = np.zeros(2 * n)
    pairs = Pairs(center, neighbor, nothing, nothing, nothing)
    crystallinity = generator.uniform(0.0, 0.45, n)
    crystallinity[5:15] = generator.uniform(0.55, 1.0, 10)
    crystallinity[[25, 30, 31]] = 0.99
    share = crystal_share(crystallinity, pairs, n)
    expected = np.zeros(n)
    expected[6:14] = 1.0
    expected[[5, 14]], expected[[4, 15]] = 2.0 / 3.0, 1.0 / 3.0
    assert share == pytest.approx(expected)
    order = generator.permutation(n)
    place = np.argsort(order)
    swapped = Pairs(place[center], place[neighbor], nothing, nothing, nothing)
    assert crystal_share(crystallinity[order], swapped, n) == pytest.approx(share[order])


def test_shells_are_those_of_the_lattice(cv, argon_frames):
    crystal = [a for a in argon_frames if a.info["phase"] == "crystal"][:2]
    run = go_through(cv, crystal, "progress")
    shells = find_shells(run.distance_edges, run.column("pairs").sum(axis=(0, 1)))
    nearest = (np.sqrt(2.0) * crystal[0].get_volume() / len(crystal[0])) ** (1.0 / 3.0)
    assert len(shells) == 2
    assert 1.1 * nearest < shells[0].end < 1.35 * nearest  # between the first two distances of fcc
    assert shell_shares(shells, run.column("strength").sum(axis=0))[:, -1].sum() == pytest.approx(1.0)
    inner = run.column("pairs").sum(axis=(0, 1))[shells[0].first : shells[0].last].sum()
    assert inner == pytest.approx(12 * 2 * len(crystal[0]), rel=0.01)


def test_averages_are_those_of_all_frames_at_once(cv, frames):
    run = go_through(cv, frames, "ncrystal")
    views = [view_frame(cv, atoms, "ncrystal") for atoms in frames]
    scores, layer = np.concatenate([v.scores for v in views]), np.concatenate([v.layer for v in views])
    means, errors = run.layers()
    for k in range(4):
        assert means[k] == pytest.approx(scores[layer == k].mean())
        assert errors[k] > 0.0
    assert run.at_face.sum() == sum(int(v.face.sum()) for v in views)
    assert run.shown_row == int(np.argmax([view.face.mean() for view in views]))


def test_frames_are_not_kept(cv, frames):
    alive: list[weakref.ref] = []

    def streamed() -> Iterator[Atoms]:
        for _ in range(2):
            for atoms in frames:
                copy = atoms.copy()
                alive.append(weakref.ref(copy))
                yield copy
                del copy
                # the one that is shown, and the one that was worked on last
                assert sum(one() is not None for one in alive) <= 3

    assert len(go_through(cv, streamed(), "progress")) == 2 * len(frames)


class Reader(HTMLParser):
    """Collects pictures, addresses and text; notices tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> Reader:
    reader = Reader()
    html = path.read_text(encoding="utf-8")
    reader.feed(html)
    assert not reader.open
    assert not re.search(r"https?://|@import|url\(", html)
    for address in reader.addresses:
        assert address.startswith("data:image/png;base64,")
        assert base64.b64decode(address.partition(",")[2]).startswith(b"\x89PNG")
    return reader


def test_the_page_answers_and_is_never_overwritten(cv, frames, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    run = write_run_report(cv, frames, path, "ncrystal", source={"model": "argon.pt"})
    page = read(path)
    assert len(page.addresses) == 6
    means, errors = run.layers()
    site = int(np.argmax(np.where(run.shown.face, run.shown.scores, -1.0)))
    above = min((means[2] - means[k]) / np.hypot(errors[2], errors[k]) for k in (0, 3)) > 3.0
    for fact in (
        "ncrystal listens to the growing face" if above else "ncrystal does not listen to the face above all",
        f"{means[2] / means[3]:.2g} times what one inside the crystal scores",
        "Which species? All atoms are Ar",
        f"Highest at the face: {run.shown.labels[site]},",
        "Which shell?",
        cv.hash,
        "argon.pt",
    ):
        assert fact in page.text, fact
    monkeypatch.setattr(cv, "compute", None)  # nothing is computed
    before = path.read_bytes()
    with pytest.raises(OutputExists, match="exists"):
        write_run_report(cv, frames, path, "ncrystal")
    assert path.read_bytes() == before


def test_the_page_says_what_it_cannot(cv, argon_frames, molecules, generator, tmp_path):
    crystal = [a for a in argon_frames if a.info["phase"] == "crystal"][:1]
    write_run_report(cv, crystal, tmp_path / "crystal.html", "progress")
    assert "Nothing is said of a growing face" in read(tmp_path / "crystal.html").text
    system = molecular_system("triclinic", 9, generator)[0]
    write_run_report(molecules, [system], tmp_path / "molecules.html", "progress")
    text = read(tmp_path / "molecules.html").text
    assert "deforming them" in text and "center by neighbor" in text
    with pytest.raises(InvalidArgument, match="no output 'progres'; its outputs are latent-1"):
        write_run_report(cv, crystal, tmp_path / "no.html", "progres")
    with pytest.raises(InvalidArgument, match="no frames"):
        write_run_report(cv, [], tmp_path / "no.html", "progress")
    assert not (tmp_path / "no.html").exists()


def test_displacements_tell_scores_from_others(cv, frames):
    view = view_frame(cv, frames[0], "progress")
    check = check_by_displacing(cv, view, "progress", n_sites=12)
    assert check.within[0] == 12 and check.rank_correlation[0] > 0.95
    view.scores[:] = np.roll(view.scores, 1)  # the scores of other sites
    assert check_by_displacing(cv, view, "progress", n_sites=12).within[0] < 8
