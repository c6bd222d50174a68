"""Augmented frames stay in the volume range, are strained within bounds, and are reproducible."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from gnncv.data import Augmentation, GraphDataset
from gnncv.errors import InvalidArgument


def crystal(volume: float = 41.0) -> Atoms:
    return bulk("Ar", "fcc", a=(4 * volume) ** (1 / 3), cubic=True).repeat((3, 3, 3))


def test_volumes_cover_the_range_and_stay_in_it(generator: np.random.Generator) -> None:
    augmentation = Augmentation(keep=0.0)
    allowed = augmentation.volume_range([crystal(41.0), crystal(46.0)])
    assert allowed == pytest.approx((41.0 * 0.92, 46.0 * 1.08))
    volumes = []
    for _ in range(300):
        changed = augmentation.apply(crystal(), allowed, generator)
        volumes.append(changed.get_volume() / len(changed))
    assert min(volumes) >= allowed[0] - 1e-9 and max(volumes) <= allowed[1] + 1e-9
    assert np.ptp(volumes) > 0.9 * (allowed[1] - allowed[0])


def test_strain_moves_cell_and_atoms_together(generator: np.random.Generator) -> None:
    augmentation = Augmentation(keep=0.0, noise=0.0, strain=0.05)
    before = crystal()
    after = augmentation.apply(before, (40.0, 42.0), generator)
    assert np.allclose(after.get_scaled_positions(wrap=False), before.get_scaled_positions(wrap=False))
    deformation = np.linalg.solve(before.cell.array, after.cell.array)
    shape = deformation / np.linalg.det(deformation) ** (1 / 3)
    assert np.abs(shape - np.eye(3)).max() < 2 * 0.05
    assert np.abs(shape - np.eye(3)).max() > 0


def test_off_and_kept_frames_are_untouched(generator: np.random.Generator) -> None:
    frame = crystal()
    assert Augmentation(enabled=False).apply(frame, (30, 60), generator) is frame
    kept = sum(Augmentation(keep=0.5).apply(frame, (30, 60), generator) is frame for _ in range(400))
    assert 140 < kept < 260


def test_open_frames_are_strained_without_a_cell(generator: np.random.Generator) -> None:
    cluster = Atoms("Ar13", positions=generator.normal(0, 4, (13, 3)))
    changed = Augmentation(keep=0.0).apply(cluster, None, generator)
    assert not np.allclose(changed.positions, cluster.positions)
    assert np.isfinite(changed.positions).all()


def test_frames_drawn_depend_on_seed_epoch_and_index_alone() -> None:
    frames = [crystal(), crystal(43.0)]
    first = GraphDataset(frames, 5.0, augmentation=Augmentation(keep=0.0), seed=3)
    second = GraphDataset(frames, 5.0, augmentation=Augmentation(keep=0.0), seed=3)
    _ = first[1]
    assert np.array_equal(first.atoms(0).positions, second.atoms(0).positions)
    second.set_epoch(1)
    assert not np.array_equal(first.atoms(0).positions, second.atoms(0).positions)
    first.set_epoch(1)
    assert np.array_equal(first[0].vectors, second[0].vectors)


def test_a_cutoff_that_no_pair_reaches_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"closer than the cutoff of 2.0 A \(closest: 3.8"):
        GraphDataset([crystal()], 2.0)


def test_unknown_species_and_phase_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="atom 0 is Ar; the model knows Ne, Kr"):
        GraphDataset([crystal()], 5.0, species=["Ne", "Kr"])
    labeled = crystal()
    labeled.info["phase"] = "glass"
    with pytest.raises(InvalidArgument, match="phase 'glass' is none of melt, crystal"):
        GraphDataset([labeled], 5.0, phases=["melt", "crystal"])
