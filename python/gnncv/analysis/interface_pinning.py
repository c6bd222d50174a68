"""Chemical potentials from a crystal and its melt side by side, held by a harmonic restraint.

The restraint U = kappa / 2 (n - a)^2 on a variable n that counts crystalline atoms pins the interface. Along
n the free energy of the box is linear, since moving the interface turns melt into crystal and changes
nothing else:

    G(n) = G_0 + (mu_crystal - mu_melt) (n - n_0) / (c_crystal - c_melt) ,

with c the value of n an atom adds in either bulk phase. With the restraint n is Gaussian, of variance
kT / kappa, and its mean is where the forces balance,

    mu_crystal - mu_melt = -kappa (<n> - a) (c_crystal - c_melt) .

U. R. Pedersen, J. Chem. Phys. 139, 104102 (2013), doi:10.1063/1.4818747.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gnncv.analysis.blocks import scan_blocks
from gnncv.analysis.thermal import thermal_energy
from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


@dataclass
class PinnedInterface:
    """What the mean of a pinned variable says.

    Attributes
    ----------
    delta_mu, error : float
        mu_crystal - mu_melt for an atom, and its standard error, kJ/mol: below zero the crystal grows.
    mean, mean_error : float
        Of the pinned variable.
    linearity : float
        kappa var(n) / kT: one where the free energy is linear. Less: the box resists, through strain or
        because an interface feels the next one. More: samples drift, or the restraint is not felt.
    inefficiency : float
        How many samples are worth one.
    """

    delta_mu: float
    error: float
    mean: float
    mean_error: float
    linearity: float
    inefficiency: float


def pinned_interface(
    samples: Array,
    anchor: float,
    kappa_kj_mol: float,
    crystal_per_atom: float,
    melt_per_atom: float,
    temperature_kelvin: float,
) -> PinnedInterface:
    """Difference of chemical potential from a run with a pinned interface.

    Parameters
    ----------
    samples : (T,) float64
        The pinned variable, in the order of time, equilibration left out.
    anchor : float
        Center a of the restraint.
    kappa_kj_mol : float
        Its spring constant, kJ/mol over the variable's unit squared.
    crystal_per_atom, melt_per_atom : float
        Mean of the variable in a box of bulk crystal and of bulk melt, over the number of their atoms.
    temperature_kelvin : float
        Of the run.

    Returns
    -------
    PinnedInterface
        The error is the largest of those of blocks of 1, 2, 4, ... samples (at least 8 blocks).

    Raises
    ------
    InvalidArgument
        A spring constant that is not positive, phases that do not differ, fewer than 16 samples.
    """
    energy = thermal_energy(temperature_kelvin)
    values = np.asarray(samples, dtype=np.float64)
    if not (math.isfinite(kappa_kj_mol) and kappa_kj_mol > 0.0):
        raise InvalidArgument(f"kappa_kj_mol is {kappa_kj_mol}; a pinning restraint has a positive one")
    difference = crystal_per_atom - melt_per_atom
    if not (math.isfinite(anchor) and math.isfinite(difference)):
        raise InvalidArgument(
            f"anchor {anchor}, crystal_per_atom {crystal_per_atom} and melt_per_atom {melt_per_atom} must be "
            "finite"
        )
    if difference == 0.0:
        raise InvalidArgument(
            f"crystal_per_atom and melt_per_atom are both {crystal_per_atom}: this variable does not "
            "tell the phases apart"
        )
    if values.ndim != 1 or len(values) < 16:
        raise InvalidArgument(
            f"samples have shape {values.shape}; blocks need at least 16 in the order of time"
        )
    scan = scan_blocks(values)
    error = float(scan.errors.max())
    slope = kappa_kj_mol * difference
    return PinnedInterface(
        delta_mu=-slope * (scan.mean - anchor),
        error=abs(slope) * error,
        mean=scan.mean,
        mean_error=error,
        linearity=kappa_kj_mol * float(values.var()) / energy,
        inefficiency=scan.inefficiency,
    )


def coexistence_pressure(pressure: float, delta_mu: float, delta_volume: float) -> float:
    """Pressure at which two phases coexist, to first order, from a pressure near it.

    d(mu_crystal - mu_melt)/dp = v_crystal - v_melt at constant temperature (Gibbs-Duhem), so that
    p_coexistence = p - delta_mu / delta_volume.

    Parameters
    ----------
    pressure, delta_mu : float
        Where the interface was pinned, and what was found there.
    delta_volume : float
        v_crystal - v_melt for an atom. Units: those of delta_mu are those of pressure times delta_volume.

    Raises
    ------
    InvalidArgument
        If the volumes do not differ: then pressure does not drive the transition.
    """
    if not (math.isfinite(delta_volume) and delta_volume != 0.0):
        raise InvalidArgument(f"delta_volume is {delta_volume}; phases of one volume have no such pressure")
    return pressure - delta_mu / delta_volume
