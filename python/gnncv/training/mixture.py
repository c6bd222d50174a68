"""Gaussian mixtures of frames' latents: one component for each phase, from labels or found as clusters."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument

from .config import ClustersConfig

Array = NDArray[np.float64]

CLEAR_SEPARATION = 2.0
"""Above this Ashman's D, two normal distributions are separated cleanly."""
SAME_VOLUME = 1e-3
STARTS = 10
FEWEST = 5
"""Frames of a cluster."""
COVARIANCE_FLOOR = 1e-6


@dataclass(frozen=True)
class Mixture:
    """Normal distributions of the latents of frames, the reference's first.

    Attributes
    ----------
    names : list of K str
        Of the phases.
    weights, means, covariances : (K,), (K, L), (K, L, L)
        Of the components.
    responsibilities : (B, K)
        How likely each frame is of each phase; rows of unlabeled frames are zero.
    facts : dict
        Where it comes from.
    """

    names: list[str]
    weights: Array
    means: Array
    covariances: Array
    responsibilities: Array
    facts: dict[str, Any]

    @property
    def labels(self) -> NDArray[np.int64]:
        """The most likely phase of each frame, ``(B,)``; -1 without any."""
        best = self.responsibilities.argmax(axis=1)
        return np.where(self.responsibilities.sum(axis=1) > 0.0, best, -1).astype(np.int64)

    def classify(self, latents: Array) -> NDArray[np.int64]:
        """The most likely phase of other frames, ``(B,)`` from their latents ``(B, L)``."""
        logs = []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            away = latents - mean
            _, log_volume = np.linalg.slogdet(covariance)
            squares = np.einsum("bi,bi->b", away, np.linalg.solve(covariance, away.T).T)
            logs.append(math.log(weight) - 0.5 * (squares + log_volume))
        return np.argmax(logs, axis=0).astype(np.int64)

    @property
    def separation(self) -> float:
        """The smallest of :func:`separations`."""
        return min(separations(self.means, self.covariances), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        """What the model file says of it."""
        return {
            "names": self.names,
            "weights": self.weights.tolist(),
            "means": self.means.tolist(),
            "covariances": self.covariances.tolist(),
            "separation": self.separation,
            **self.facts,
        }


def separations(means: Array, covariances: Array) -> list[float]:
    """Ashman's D of each two components, along the line between their means.

    D = sqrt(2) |m_1 - m_2| / sqrt(s_1^2 + s_2^2) with the standard deviations along that line (Ashman, Bird,
    Zepf, Astron. J. 108, 2348, 1994, doi:10.1086/117248).
    """
    found = []
    for b in range(len(means)):
        for a in range(b):
            along = means[b] - means[a]
            gap = float(np.linalg.norm(along))
            spread = float(along @ (covariances[a] + covariances[b]) @ along) / max(gap, 1e-300) ** 2
            found.append(math.sqrt(2.0) * gap / math.sqrt(max(spread, 1e-300)))
    return found


def labeled_mixture(latents: Array, labels: NDArray[np.int64], names: Sequence[str]) -> Mixture:
    """One normal distribution for each label; a label of -1 is none."""
    n_phases = len(names)
    chosen = [latents[labels == k] for k in range(n_phases)]
    means = np.array([part.mean(axis=0) for part in chosen])
    covariances = np.array([np.cov(part.T, bias=True).reshape(2 * latents.shape[1:]) for part in chosen])
    counts = np.array([len(part) for part in chosen], dtype=np.float64)
    responsibilities = (labels[:, None] == np.arange(n_phases)).astype(np.float64)
    return Mixture(
        list(names), counts / counts.sum(), means, covariances, responsibilities, {"source": "labels"}
    )


def cluster(latents: Array, volumes: Array | None, config: ClustersConfig, seed: int = 0) -> Mixture:
    """Find phases as clusters of frames' latents (expectation maximization, scikit-learn).

    Parameters
    ----------
    latents : (B, L)
        Mean over the sites of each frame.
    volumes : (B,) or None
        Per atom, cubic angstrom; None where a frame has none.
    config
        How many, and their order.
    seed
        Of the first guesses.

    Raises
    ------
    InvalidArgument
        One cluster describes the frames better (by the Bayesian information criterion), or clusters overlap.
    """
    numbers = [1, *numbers_of_clusters(len(latents), config)]
    seen = _main_axes(latents, max(numbers))
    fits = {k: _fit(seen, k, seed) for k in numbers}
    criterion = {k: float(fit.bic(seen)) for k, fit in fits.items()}
    clear = {
        k: min(separations(fits[k].means_, fits[k].covariances_))
        for k in numbers[1:]
        if fits[k].weights_.min() * len(latents) >= FEWEST
    }
    chosen = _choose(criterion, clear)
    responsibilities = fits[chosen].predict_proba(seen)
    order, ordered_by = _order(responsibilities, volumes, config)
    responsibilities = responsibilities[:, order]
    weights, means, covariances = _moments(latents, responsibilities)
    facts: dict[str, Any] = {
        "source": "clusters",
        "ordered_by": ordered_by,
        "criterion": {str(k): value for k, value in criterion.items()},
    }
    if volumes is not None:
        facts["volumes_per_atom"] = _weighted(volumes, responsibilities).tolist()
    names = [f"cluster-{k + 1}" for k in range(chosen)]
    return Mixture(names, weights, means, covariances, responsibilities, facts)


def numbers_of_clusters(n_frames: int, config: ClustersConfig) -> list[int]:
    """How many clusters are tried; :class:`InvalidArgument` if so many training frames are too few."""
    least = config.count or 2
    if n_frames < FEWEST * least:
        raise InvalidArgument(
            f"{n_frames} training frames are too few for {least} clusters of at least {FEWEST}: give more"
        )
    most = config.count or min(config.most, n_frames // FEWEST)
    return list(range(least, most + 1))


def _main_axes(latents: Array, n_clusters: int) -> Array:
    """Latents along their first principal axes, as many as so many frames can support, of unit variance."""
    n_frames, most = latents.shape
    n_axes = max(
        (d for d in range(1, most + 1) if 5 * n_clusters * (d * (d + 3) // 2 + 1) <= n_frames), default=1
    )
    centered = latents - latents.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    along = centered @ axes[:n_axes].T
    return np.asarray(along / (along.std(axis=0) + 1e-12), dtype=np.float64)


def _moments(latents: Array, responsibilities: Array) -> tuple[Array, Array, Array]:
    """Weights, means and covariances of the components, in all latents."""
    count = responsibilities.sum(axis=0)
    means = responsibilities.T @ latents / count[:, None]
    floor = COVARIANCE_FLOOR * np.diag(latents.var(axis=0) + 1e-12)
    covariances = [
        (share[:, None] * (latents - mean)).T @ (latents - mean) / total + floor
        for share, mean, total in zip(responsibilities.T, means, count, strict=True)
    ]
    return count / count.sum(), means, np.array(covariances)


def _fit(standard: Array, n_clusters: int, seed: int) -> Any:
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(n_clusters, reg_covar=1e-4, n_init=STARTS, max_iter=300, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not converge.*")
        return mixture.fit(standard)


def _choose(criterion: Mapping[int, float], clear: Mapping[int, float]) -> int:
    """The number of clusters with the smallest criterion among those that are separated."""
    separated = [k for k, separation in clear.items() if separation > CLEAR_SEPARATION]
    best = min(separated, key=lambda k: criterion[k], default=None)
    if best is not None and criterion[best] < criterion[1]:
        return best
    values = ", ".join(f"{k}: {value:.1f}" for k, value in criterion.items())
    overlap = ", ".join(f"{k}: {value:.2f}" for k, value in clear.items())
    raise InvalidArgument(
        f"the latents of the frames do not fall into clusters: Bayesian information criterion of so many "
        f"clusters {values} (the smallest is best), smallest separation {overlap or 'none'} (above "
        f"{CLEAR_SEPARATION:g} is clear, of clusters of at least {FEWEST} frames); give frames of both "
        "phases, train longer, or leave `clusters` out (resume the run with that: the weights are kept)"
    )


def _order(
    responsibilities: Array, volumes: Array | None, config: ClustersConfig
) -> tuple[NDArray[np.int64], str]:
    """The clusters, the reference first, and what they are ordered by."""
    population = responsibilities.sum(axis=0)
    if config.order == "volume" and volumes is not None:
        mean = _weighted(volumes, responsibilities)
        if np.ptp(mean) > SAME_VOLUME * mean.mean():
            return np.argsort(-mean), "volume per atom, the largest first"
    return np.argsort(-population), "number of frames, the most first"


def _weighted(values: Array, responsibilities: Array) -> Array:
    """Mean of the frames' values in each cluster."""
    found: Array = values @ responsibilities / responsibilities.sum(axis=0)
    return found
