"""Molecular crystals and melts as files have them.

GNNCV_SHARED_DATA is a folder with `benzene` and `paracetamol`; without it, `shared/data` of the checkout is
taken. The paracetamol files have no license that would allow to ship them.
"""

import gzip
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.io import read

from gnncv.errors import InvalidArgument
from gnncv.topology import (
    Molecule,
    MoleculeEntry,
    Topology,
    build_topology,
    guess_topology,
    make_whole,
    reorder,
    site_geometry,
)

DATA = Path(os.environ.get("GNNCV_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def require(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"no {path.relative_to(DATA)}: GNNCV_SHARED_DATA does not name the folder it is in")
    return path


def paracetamol(phase: str) -> Atoms:
    with gzip.open(require(DATA / "paracetamol" / f"{phase}.gro.gz"), "rt") as file:
        return read(file, format="gromacs")


@pytest.mark.parametrize("phase", ["crystal", "melt"])
def test_benzene(phase):
    frames = read(require(DATA / "benzene" / f"benzene_72_{phase}.extxyz.gz"), index="::30")
    topology = guess_topology(frames[0], {"C6H6": "benzene"})
    (benzene,) = topology.molecules
    ring = [(0, 1), (0, 5), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert sorted(benzene.bonds) == sorted([*ring, *((c, c + 6) for c in range(6))])
    assert benzene.axes[0].ring == (0, 1, 2, 3, 4, 5)
    bonds = dict(zip(benzene.bonds, benzene.bond_lengths, strict=True))
    assert bonds[0, 1] == pytest.approx(1.39, abs=0.02)
    assert bonds[0, 6] == pytest.approx(1.09, abs=0.02)
    layout = topology.match(frames[0].get_chemical_symbols())
    np.testing.assert_array_equal(layout.site_of_atom + 1, frames[0].arrays["mol_id"])
    for frame in frames:
        whole = make_whole(frame.positions, frame.cell.array, frame.pbc, topology, layout)
        np.testing.assert_allclose(whole, frame.positions, rtol=0, atol=1e-9)
        frame.wrap()
        again = make_whole(frame.positions, frame.cell.array, frame.pbc, topology, layout)
        centers = [
            site_geometry(torch.from_numpy(each), topology, layout).centers.numpy() for each in (whole, again)
        ]
        images = (centers[1] - centers[0]) @ np.linalg.inv(frame.cell.array)
        np.testing.assert_allclose(images, np.round(images), rtol=0, atol=1e-9)


def test_the_two_orders_of_paracetamol():
    """The crystal's residues are written C6 N C O C O H9, the melt's C6 N C C O O H9."""
    frames = {phase: paracetamol(phase) for phase in ("crystal", "melt")}
    file = require(DATA / "paracetamol" / "molecule.pdb")
    pytest.importorskip("rdkit")
    templates = {phase: Molecule.from_file(file, "paracetamol", frames[phase]) for phase in frames}
    assert "".join(templates["crystal"].symbols) == "CCCCCCNCOCO" + "H" * 9
    assert "".join(templates["melt"].symbols) == "CCCCCCNCCOO" + "H" * 9
    for phase, frame in frames.items():
        topology = Topology([templates[phase]])
        layout = topology.match(frame.get_chemical_symbols())
        assert layout.n_sites == 864
        whole = make_whole(frame.positions, frame.cell.array, frame.pbc, topology, layout)
        assert site_geometry(torch.from_numpy(whole), topology, layout).axes.shape == (864, 1, 3)
    crystal = Topology([templates["crystal"]])
    with pytest.raises(InvalidArgument, match="atom 8 is C, but 'paracetamol' .* has O there"):
        crystal.match(frames["melt"].get_chemical_symbols())
    with pytest.raises(InvalidArgument, match="frame 1: atom 8 is C, but 'paracetamol'"):
        kind = MoleculeEntry(name="paracetamol", structure=file)
        build_topology([kind], list(frames.values()))
    one_order = [frames["crystal"], reorder(frames["melt"], crystal)]
    assert build_topology([kind], one_order).molecules[0].symbols == templates["crystal"].symbols


def test_speed_of_guessing_and_reordering():
    """17280 atoms; bounds are several times what one core of 2026 takes."""
    crystal, melt = paracetamol("crystal"), paracetamol("melt")
    begin = time.process_time()
    topology = guess_topology(crystal)
    guessed = time.process_time()
    reorder(melt, topology)
    reordered = time.process_time()
    assert guessed - begin < 3
    assert reordered - guessed < 3
