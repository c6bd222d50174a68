"""A bias on a collective variable for any ASE calculator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from gnncv.engines.bias import Bias
from gnncv.errors import InvalidArgument

Array = NDArray[np.float64]


class BiasedCalculator(Calculator):  # type: ignore[misc]
    """A base calculator plus V(s), s being outputs of a collective variable.

    Energy, forces and stress are those of base + bias, so that every ASE dynamics, optimizer and
    finite-difference check works with it.

    Parameters
    ----------
    base : ase Calculator
        Any calculator.
    cv : CollectiveVariable
        Or any object with its `names`, `bind` and `compute`.
    bias : Bias or callable
        Maps the (G,) values of `outputs` to V (eV) and dV/ds (G,); see `gnncv.engines.bias`.
    outputs : sequence of str, optional
        The outputs that `bias` acts on; not needed when it has an attribute `outputs`.

    Attributes
    ----------
    results : dict
        Besides ASE's: ``cv`` (dict of all outputs), ``bias_energy`` (eV), ``base_energy`` (eV).
    seconds_cv, n_evaluations : float, int
        Cost of the collective variable so far.

    Raises
    ------
    InvalidArgument
        An output that the CV does not have; a bias without `outputs`.

    Notes
    -----
    Stress (Voigt, eV/A^3): base + sum_g dV/ds_g (ds_g/dstrain) / volume.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(
        self,
        base: Any,
        cv: Any,
        bias: Bias | Callable[[Array], tuple[float, Array]],
        outputs: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        chosen = outputs if outputs is not None else getattr(bias, "outputs", None)
        if chosen is None or isinstance(chosen, str):
            raise InvalidArgument("say which outputs the bias acts on: outputs=['progress']")
        check_outputs(cv.names, chosen)
        self.base = base
        self.cv = cv
        self.bias = bias
        self.outputs = list(chosen)
        self.seconds_cv = 0.0
        self.n_evaluations = 0
        self._lists_before = lists_made(cv)
        self._bound: list[str] = []

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results`: energy, forces, and stress where the box is periodic and the base has it."""
        super().calculate(atoms, properties, system_changes)
        here: Atoms = self.atoms
        symbols = here.get_chemical_symbols()
        if symbols != self._bound:
            self.cv.bind(symbols)
            self._bound = symbols
        start = perf_counter()
        result = self.cv.compute(
            here.positions, np.array(here.cell), np.asarray(here.pbc), outputs=self.outputs
        )
        self.seconds_cv += perf_counter() - start
        self.n_evaluations += 1
        values = np.array([result[name] for name in self.outputs])
        energy, slopes = self.bias(values)
        slopes = np.asarray(slopes, dtype=np.float64).reshape(len(self.outputs))
        gradient = np.tensordot(slopes, np.stack([result.gradient(name) for name in self.outputs]), 1)
        base_energy = self.base.get_property("energy", here)
        base_free = free_energy(self.base, here)
        self.results: dict[str, Any] = {
            "energy": base_energy + energy,
            "free_energy": (base_energy if base_free is None else base_free) + energy,
            "forces": self.base.get_property("forces", here) - gradient,
            "base_energy": base_energy,
            "bias_energy": float(energy),
            "cv": {name: float(result[name]) for name in result.names},
        }
        if "stress" in properties and here.cell.rank == 3:
            strain = np.tensordot(slopes, np.stack([result.strain(name) for name in self.outputs]), 1)
            bias_stress = full_3x3_to_voigt_6_stress(strain / here.get_volume())
            self.results["stress"] = self.base.get_property("stress", here) + bias_stress

    @property
    def n_rebuilds(self) -> int:
        """Neighbor lists that the collective variable has made here."""
        return lists_made(self.cv) - self._lists_before

    def bias_changed(self) -> None:
        """Forget the results: the bias is another one now (a hill was added)."""
        self.reset()


def free_energy(base: Any, atoms: Atoms) -> float | None:
    """Free energy (eV) that a calculator found with its energy; None if it has no such property."""
    try:
        found: float | None = base.get_property("free_energy", atoms, allow_calculation=False)
    except PropertyNotImplementedError:
        return None
    return found


def check_outputs(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse outputs that the collective variable does not have."""
    for name in wanted:
        if name not in names:
            raise InvalidArgument(
                f"the collective variable has no output {name!r}; it has {', '.join(names)}"
            )


def lists_made(cv: Any) -> int:
    """Neighbor lists that a collective variable has made since it was loaded; 0 if it does not count them."""
    return int(getattr(cv, "statistics", {}).get("n_rebuilds", 0))
