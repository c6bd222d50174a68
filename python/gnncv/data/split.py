"""Training and validation frames: blocks of time with gaps longer than the correlation time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from gnncv.errors import InvalidArgument


@dataclass
class Split:
    """Indices of frames; ``gaps`` gives the number of frames left out beside each validation block."""

    training: list[int]
    validation: list[int]
    gaps: dict[str, int]


def correlation_frames(series: np.ndarray) -> float:
    """Integrated autocorrelation time of a series, in frames.

    ``tau = 1/2 + sum_t rho(t)`` summed up to the first window ``t >= 5 tau`` (Sokal, "Monte Carlo Methods
    in Statistical Mechanics", 1997, section 3).
    """
    centered = series - series.mean()
    n = len(centered)
    if n < 4 or np.allclose(centered, 0.0):
        return 0.5
    spectrum = np.abs(np.fft.rfft(centered, 2 * n)) ** 2
    rho = np.fft.irfft(spectrum)[:n]
    rho /= rho[0]
    tau = 0.5
    for lag in range(1, n):
        tau += rho[lag]
        if lag >= 5.0 * tau:
            break
    return max(0.5, float(tau))


def _signal(frames: Sequence[Atoms]) -> np.ndarray:
    """A slow scalar of each frame: its volume, or its radius of gyration where it has none."""
    values = []
    for atoms in frames:
        if atoms.pbc.all() and atoms.cell.rank == 3:
            values.append(atoms.get_volume())
        else:
            values.append(float(atoms.positions.var(axis=0).sum() ** 0.5))
    return np.asarray(values)


def split_frames(
    frames: Sequence[Atoms], validation_fraction: float = 0.2, n_blocks: int = 2, gap: int | None = None
) -> Split:
    """Split every trajectory into blocks of time.

    Each trajectory (frames of one ``info["source"]`` and phase, in order) gives ``n_blocks`` validation
    blocks, evenly spread, that hold ``validation_fraction`` of it together. ``gap`` frames on both sides of
    a block are used for neither, so that a validation frame is no near-copy of a training frame.

    Parameters
    ----------
    gap
        Frames; default: twice the trajectory's correlation time, rounded up.

    Raises
    ------
    InvalidArgument
        A trajectory too short to leave training frames beside its gaps.
    """
    if not 0.0 < validation_fraction < 1.0:
        raise InvalidArgument(f"validation_fraction is {validation_fraction}; it must lie between 0 and 1")
    split = Split([], [], {})
    for name, members in _trajectories(frames).items():
        width = gap
        if width is None:
            width = int(np.ceil(2.0 * correlation_frames(_signal([frames[i] for i in members]))))
        role = _roles(len(members), validation_fraction, n_blocks, width)
        if not (role == 0).any() or not (role == 1).any():
            raise InvalidArgument(
                f"{name} has {len(members)} frames: too few for {n_blocks} validation blocks with gaps of "
                f"{width} frames; give more frames, fewer blocks or a smaller gap"
            )
        split.training += [members[k] for k in np.flatnonzero(role == 0)]
        split.validation += [members[k] for k in np.flatnonzero(role == 1)]
        split.gaps[name] = width
    return split


def assign_frames(
    frames: Sequence[Atoms], validation_fraction: float = 0.2, n_blocks: int = 2, gap: int | None = None
) -> Split:
    """As :func:`split_frames`; ``info["split"]``, ``training`` or ``validation``, decides where given."""
    free = [k for k, atoms in enumerate(frames) if atoms.info.get("split") is None]
    blocks = split_frames([frames[k] for k in free], validation_fraction, n_blocks, gap)
    chosen = {
        role: [k for k, atoms in enumerate(frames) if atoms.info.get("split") == role]
        for role in ("training", "validation")
    }
    return Split(
        [free[k] for k in blocks.training] + chosen["training"],
        [free[k] for k in blocks.validation] + chosen["validation"],
        blocks.gaps,
    )


def _trajectories(frames: Sequence[Atoms]) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    for number, atoms in enumerate(frames):
        name = f"{atoms.info.get('source', 'frames')} ({atoms.info.get('phase', 'unlabeled')})"
        members.setdefault(name, []).append(number)
    return members


def _roles(n: int, fraction: float, n_blocks: int, gap: int) -> np.ndarray:
    """0 training, 1 validation, 2 gap for each of ``n`` frames."""
    role = np.zeros(n, dtype=int)
    length = max(1, round(n * fraction / n_blocks))
    for block in range(n_blocks):
        middle = (block + 0.5) * n / n_blocks
        start = max(0, round(middle - length / 2))
        role[max(0, start - gap) : start + length + gap] = 2
    for block in range(n_blocks):
        middle = (block + 0.5) * n / n_blocks
        start = max(0, round(middle - length / 2))
        role[start : start + length] = 1
    return role
