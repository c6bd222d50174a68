"""A check of the scores by what they claim: sites are displaced, and the output is evaluated again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from gnncv.errors import InvalidArgument
from gnncv.explain.report.frame_view import Array, ExplainedModel, FrameView, Indices

AMPLITUDES = (0.05, 0.3)
"""Angstrom: small enough for the slope to hold, and about a thermal displacement in a melt."""

TOLERANCE = 0.2
"""Of the score: a measured slope within it counts as told."""


@dataclass(frozen=True)
class Check:
    """Sites moved along their own slope, to and fro.

    Attributes
    ----------
    sites
        ``(K,)``.
    predicted, measured
        ``(2, K)`` slopes of the output by each site, 1/angstrom: its score, and the change of the output
        between both displaced positions over their distance, at each of `AMPLITUDES`.
    """

    sites: Indices
    predicted: Array
    measured: Array

    @property
    def within(self) -> Indices:
        """``(2,)`` number of sites whose change is what the score says, to within `TOLERANCE`."""
        close = np.abs(self.measured - self.predicted) <= TOLERANCE * self.predicted
        return np.asarray(close.sum(axis=1), dtype=np.int64)

    @property
    def rank_correlation(self) -> Array:
        """``(2,)`` Spearman's, of scores and measured changes."""
        pairs = zip(self.predicted, self.measured, strict=True)
        return np.array([float(spearmanr(p, m).statistic) for p, m in pairs])


def check_by_displacing(
    model: ExplainedModel, view: FrameView, output: str, n_sites: int = 16, seed: int = 0
) -> Check:
    """Move sites of one frame along their slope by each amplitude, and compare with the score.

    Half of the sites are drawn from the face where there is one, the rest from all. The atoms of a site go
    along their own gradients, scaled so that the root of the sum of their squared displacements is the
    amplitude: the measured slope then is the site's score where the output is linear.

    Raises
    ------
    InvalidArgument
        Fewer than 3 sites with a slope.
    """
    sloped = np.flatnonzero(view.scores > 0.0)
    if len(sloped) < 3:
        raise InvalidArgument(f"{len(sloped)} sites have a slope; at least 3 are needed to compare")
    generator = np.random.default_rng(seed)
    face = sloped[view.face[sloped]]
    chosen = generator.permutation(face)[: n_sites // 2]
    others = generator.permutation(np.setdiff1d(sloped, chosen))[: n_sites - len(chosen)]
    sites = np.concatenate([chosen, others])
    gradient = np.asarray(model.compute(view.atoms, outputs=[output]).gradient(output))
    measured = np.empty((len(AMPLITUDES), len(sites)))
    for k, site in enumerate(sites):
        own = np.where((view.site_of_atom == site)[:, None], gradient, 0.0) / view.scores[site]
        for row, amplitude in enumerate(AMPLITUDES):
            ends = []
            for sign in (1.0, -1.0):
                moved = view.atoms.copy()
                moved.positions += sign * amplitude * own
                ends.append(float(model.compute(moved, outputs=[])[output]))
            measured[row, k] = (ends[0] - ends[1]) / (2.0 * amplitude)
    predicted = np.tile(view.scores[sites], (len(AMPLITUDES), 1))
    return Check(sites, predicted, measured)
