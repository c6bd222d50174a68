"""The shipped frames are complete and small, and the starting crystal is what it says."""

import numpy as np
import pytest

from gnncv.analysis import order_parameters
from gnncv.data import load_frames
from gnncv.demo import demo_frames, fcc_crystal, shipped_order
from gnncv.demo.frames import CRYSTAL_VOLUME_PER_ATOM, DATA
from gnncv.demo.settings import ORDER_CUTOFF


def test_shipped_data_is_small() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 3_000_000


@pytest.mark.parametrize("phase", ["crystal", "melt"])
def test_shipped_order_parameters_are_those_of_the_frames(phase: str) -> None:
    frames = load_frames(demo_frames()[phase], index="::40")
    table = shipped_order(phase)
    assert len(table["global_q6"]) == 200
    for atoms, k in zip(frames, range(0, 200, 40), strict=True):
        assert len(atoms) == 500 and atoms.info["phase"] == phase
        found = order_parameters(atoms, ORDER_CUTOFF)
        assert atoms.get_volume() / 500 == pytest.approx(table["volume_per_atom"][k], rel=1e-5)
        assert np.mean(found.averaged_q6) == pytest.approx(table["averaged_q6"][k], abs=2e-3)
        assert found.global_q6 == pytest.approx(table["global_q6"][k], abs=2e-3)


@pytest.mark.parametrize("repeat", [3, 4])
def test_crystal(repeat: int) -> None:
    atoms = fcc_crystal(repeat)
    assert len(atoms) == 4 * repeat**3 and atoms.pbc.all()
    assert atoms.get_volume() / len(atoms) == pytest.approx(CRYSTAL_VOLUME_PER_ATOM)
    assert order_parameters(atoms, ORDER_CUTOFF).global_q6 == pytest.approx(0.5745, abs=1e-3)
