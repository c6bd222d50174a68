"""What a committee says of one frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnncv.cv import Result
from gnncv.errors import InvalidArgument

FloatArray = npt.NDArray[np.float64]
SPREAD = "std-"


def spread_name(name: str) -> str:
    """Name of the standard deviation of an output over the members: ``std-progress``."""
    return f"{SPREAD}{name}"


def mean_and_spread(members: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (with C - 1) over the first axis, the C members."""
    return members.mean(axis=0), members.std(axis=0, ddof=1)


def spread_slopes(members: FloatArray, spread: float) -> FloatArray:
    """Slopes (C,) of the standard deviation of C values, d std / d s_c = (s_c - mean) / ((C - 1) std).

    Zero where all members agree: the standard deviation has a kink there, like the length of a vector.
    """
    if spread == 0.0:
        return np.zeros(len(members))
    slopes: FloatArray = (members - members.mean()) / ((len(members) - 1) * spread)
    return slopes


@dataclass(frozen=True)
class CommitteeResult(Result):
    """Means and standard deviations over the members, and what each member says.

    It is a `Result` whose outputs are the means, under the names that the members have (``progress``), and
    the standard deviations (``std-progress``): values, gradients, `gradnorm2` and strain gradients of both.

    Attributes
    ----------
    member_values
        (C, K/2) values of the C members, in the order of the first half of `names`.
    """

    member_values: FloatArray

    def mean(self, name: str) -> float:
        """Mean of an output over the members: the same as ``result[name]``."""
        return self[name]

    def std(self, name: str) -> float:
        """Standard deviation of an output over the members, the root of the squares' sum by C - 1."""
        return self[spread_name(name)]

    def members(self, name: str) -> FloatArray:
        """(C,) what each member says of an output."""
        half = self.names[: self.member_values.shape[1]]
        if name not in half:
            raise InvalidArgument(
                f"the members have no output '{name}' in common; there are {', '.join(half)}"
            )
        found: FloatArray = self.member_values[:, half.index(name)]
        return found


def combine(
    names: Sequence[str], values: FloatArray, outputs: Sequence[str], results: Sequence[Result]
) -> CommitteeResult:
    """The committee's result.

    Parameters
    ----------
    names
        The K outputs that members have in common.
    values
        (C, K) what members say.
    outputs
        Means and standard deviations whose gradients are wanted.
    results
        Of the members, with the gradients that `outputs` need.
    """
    means, spreads = mean_and_spread(values)
    n_atoms = results[0].gradients.shape[1]
    gradients = np.zeros((len(outputs), n_atoms, 3))
    strains = np.zeros((len(outputs), 3, 3))
    for row, output in enumerate(outputs):
        name = output.removeprefix(SPREAD)
        column = list(names).index(name)
        slopes = np.full(len(results), 1.0 / len(results))
        if output != name:
            slopes = spread_slopes(values[:, column], float(spreads[column]))
        for slope, result in zip(slopes, results, strict=True):
            gradients[row] += slope * result.gradient(name)
            strains[row] += slope * result.strain(name)
    every = [*names, *map(spread_name, names)]
    return CommitteeResult(
        every, np.concatenate([means, spreads]), list(outputs), gradients, strains, member_values=values
    )
