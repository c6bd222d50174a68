"""Samples of several runs under different biases, together as samples of the unbiased system."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


def pooled_weights(biases_kj_mol: Array, counts: Sequence[int], temperature_kelvin: float) -> Array:
    """Weights of all samples of several runs, each under a static bias of its own (binless WHAM, or MBAR).

    With N_k samples under the bias V_k, the weight of sample t is 1 / sum_k N_k exp(f_k - V_k(x_t) / kT); the
    f_k are the minimum of a convex function.

    Parameters
    ----------
    biases_kj_mol : (K, T) float64
        Bias of every run at every sample.
    counts : K int
        Samples of each run; their sum is T.
    temperature_kelvin : float
        Of all runs.

    Returns
    -------
    (T,) float64
        Weights, scaled so that they sum to one.

    References
    ----------
    Shirts, Chodera, J. Chem. Phys. 129, 124105 (2008), doi:10.1063/1.2978177.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    energy = thermal_energy(temperature_kelvin)
    reduced = np.asarray(biases_kj_mol, dtype=np.float64) / energy
    numbers = np.asarray(counts, dtype=np.float64)
    if reduced.shape != (len(numbers), int(numbers.sum())) or np.any(numbers < 1):
        raise InvalidArgument(
            f"biases of shape {reduced.shape} do not belong to runs of {[int(n) for n in numbers]} samples"
        )
    if not np.all(np.isfinite(reduced)):
        raise InvalidArgument("a bias of a sample is not finite")
    reduced = reduced - reduced.min(axis=0)  # of each sample: only differences between runs matter here
    share = numbers / numbers.sum()

    def objective(free: Array) -> tuple[float, Array]:
        offsets = np.concatenate([[0.0], free])
        terms = np.log(share)[:, None] + offsets[:, None] - reduced
        mixed = logsumexp(terms, axis=0)
        slope = np.exp(terms - mixed).mean(axis=1) - share
        return float(mixed.mean() - share @ offsets), slope[1:]

    found = np.zeros(len(numbers) - 1)
    if len(found):
        found = minimize(objective, found, jac=True, method="BFGS", options={"gtol": 1e-9}).x
    lowest = np.asarray(biases_kj_mol, dtype=np.float64).min(axis=0) / energy
    offsets = np.concatenate([[0.0], found])
    logs = lowest - logsumexp(np.log(share)[:, None] + offsets[:, None] - reduced, axis=0)
    weights: Array = np.exp(logs - logsumexp(logs))
    return weights
