"""The split leaves gaps, uses every trajectory, and knows the correlation time."""

import numpy as np
import pytest
from ase import Atoms

from gnncv.data import split_frames
from gnncv.data.split import correlation_frames
from gnncv.errors import InvalidArgument


def trajectory(n: int, source: str, generator: np.random.Generator) -> list[Atoms]:
    frames = []
    for k in range(n):
        atoms = Atoms("Ar", cell=np.eye(3) * (5 + generator.random()), pbc=True)
        atoms.info |= {"source": source, "frame": k}
        frames.append(atoms)
    return frames


@pytest.mark.parametrize("gap", [0, 1, 5])
@pytest.mark.parametrize("n_blocks", [1, 2, 4])
def test_training_and_validation_are_apart(gap: int, n_blocks: int, generator: np.random.Generator) -> None:
    frames = trajectory(100, "a", generator) + trajectory(83, "b", generator)
    split = split_frames(frames, 0.2, n_blocks, gap)
    training, validation = set(split.training), set(split.validation)
    assert not training & validation
    for first, last in ((0, 100), (100, 183)):
        ours = [k for k in validation if first <= k < last]
        assert abs(len(ours) / (last - first) - 0.2) < 0.06
        for k in ours:
            near = range(max(first, k - gap), min(last, k + gap + 1))
            assert not training & set(near)


def test_correlation_time_of_a_known_process(generator: np.random.Generator) -> None:
    """x_t = a x_{t-1} + noise has tau = 1/2 (1 + a) / (1 - a)."""
    a, n = 0.9, 20000
    series = np.zeros(n)
    for t in range(1, n):
        series[t] = a * series[t - 1] + generator.normal()
    assert correlation_frames(series) == pytest.approx(0.5 * (1 + a) / (1 - a), rel=0.35)
    assert correlation_frames(generator.normal(size=n)) == pytest.approx(0.5, abs=0.1)


def test_gap_follows_the_correlation_time(generator: np.random.Generator) -> None:
    frames = trajectory(300, "slow", generator)
    slow = 5 + np.cos(np.arange(300) / 8.0) * 0.2
    for atoms, edge in zip(frames, slow, strict=True):
        atoms.set_cell(np.eye(3) * edge)
    quick = split_frames(trajectory(300, "quick", generator)).gaps
    assert next(iter(split_frames(frames).gaps.values())) > next(iter(quick.values()))


def test_too_short_a_trajectory_is_refused(generator: np.random.Generator) -> None:
    with pytest.raises(InvalidArgument, match=r"has 6 frames: too few for 2 validation blocks"):
        split_frames(trajectory(6, "short", generator), 0.2, 2, 4)
