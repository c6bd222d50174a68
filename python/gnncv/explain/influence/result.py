"""Scores of training frames for test frames: who taught the model what it says, and who taught against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation

Array = NDArray[np.float64]


class Influencer(NamedTuple):
    """A training frame: its number in the order given, its name, and its score for a test frame."""

    number: int
    name: str
    score: float


class Influence(Sequence[Explanation]):
    """The explanations of test frames by training frames, in the order of the test frames.

    Parameters
    ----------
    explanations
        Each over the same training frames.
    """

    def __init__(self, explanations: Sequence[Explanation]) -> None:
        self._explanations = list(explanations)

    def __len__(self) -> int:
        return len(self._explanations)

    @overload
    def __getitem__(self, index: int) -> Explanation: ...
    @overload
    def __getitem__(self, index: slice) -> Influence: ...
    def __getitem__(self, index: int | slice) -> Explanation | Influence:
        if isinstance(index, slice):
            return Influence(self._explanations[index])
        return self._explanations[index]

    @property
    def scores(self) -> Array:
        """``(test frames, training frames)``, float64."""
        return np.stack([explanation.scores for explanation in self._explanations])

    def proponents(self, test_frame: int = 0, k: int = 5) -> list[Influencer]:
        """The `k` training frames with the largest positive scores for a test frame, largest first.

        Fewer where fewer are positive.
        """
        return [one for one in self._ranked(test_frame)[: _counted(k)] if one.score > 0.0]

    def opponents(self, test_frame: int = 0, k: int = 5) -> list[Influencer]:
        """The `k` training frames with the most negative scores for a test frame, most negative first."""
        return [one for one in self._ranked(test_frame)[::-1][: _counted(k)] if one.score < 0.0]

    def _ranked(self, test_frame: int) -> list[Influencer]:
        if not -len(self) <= test_frame < len(self):
            raise InvalidArgument(f"test frame {test_frame} does not exist; there are {len(self)}")
        explanation = self._explanations[test_frame]
        order = np.argsort(-explanation.scores, kind="stable")
        return [Influencer(int(i), explanation.labels[i], float(explanation.scores[i])) for i in order]


def _counted(k: int) -> int:
    if k < 1:
        raise InvalidArgument(f"k is {k}; ask for at least one frame")
    return k
