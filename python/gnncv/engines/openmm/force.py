"""The collective variable as an `openmm.PythonForce`: one evaluation a step, whoever asks."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import openmm
from numpy.typing import NDArray

from gnncv.engines.ase import check_outputs, lists_made
from gnncv.errors import InvalidArgument, ModelError

Array = NDArray[np.float64]
ANGSTROM_PER_NM = 10.0
_STICKY = 50  # evaluations for which an output stays among those asked for, after its gradient was needed


@dataclass(frozen=True)
class _Evaluation:
    positions_nm: Array
    box_nm: Array | None
    result: Any

    def at(self, positions_nm: Array, box_nm: Array | None) -> bool:
        if (box_nm is None) != (self.box_nm is None):
            return False
        same_box = box_nm is None or np.array_equal(box_nm, self.box_nm)  # type: ignore[arg-type]
        return same_box and np.array_equal(positions_nm, self.positions_nm)


class CvEvaluator:
    """Evaluates a collective variable for OpenMM, once for each configuration.

    OpenMM asks for energy and forces of each `PythonForce` separately, again for every hill and twice for
    every barostat trial. The last two evaluations are kept, so that nothing is computed again unless an atom
    or the box moved, not even when a barostat trial is refused.

    Parameters
    ----------
    cv : CollectiveVariable
        Or any object with its `names`, `bind` and `compute`.
    symbols : sequence of str
        Species of the atoms.
    periodic : bool
        Whether the box is periodic, in all three directions.

    Attributes
    ----------
    n_evaluations, n_reused : int
        Evaluations of the CV, and requests answered without one.
    seconds : float
        Time spent evaluating.
    error : Exception or None
        What an evaluation raised; OpenMM keeps only its text.
    """

    def __init__(self, cv: Any, symbols: Sequence[str], periodic: bool, key: str | None = None) -> None:
        self.cv = cv
        self.symbols = list(symbols)
        self.periodic = periodic
        self.key = key or uuid.uuid4().hex
        self.n_evaluations = 0
        self.n_reused = 0
        self._lists_before = lists_made(cv)
        self.seconds = 0.0
        self.error: Exception | None = None
        self._sticky: dict[str, int] = {}
        self._recent: list[_Evaluation] = []
        cv.bind(self.symbols)
        _registry[self.key] = self

    @property
    def n_rebuilds(self) -> int:
        """Neighbor lists that the collective variable has made here."""
        return lists_made(self.cv) - self._lists_before

    def evaluate(
        self,
        positions_nm: Array,
        box_nm: Array | None,
        gradients: Sequence[str] = (),
        once: Sequence[str] = (),
    ) -> Any:
        """The result at a configuration, with at least the gradients asked for.

        Parameters
        ----------
        positions_nm : (N, 3) float64
            As OpenMM has them.
        box_nm : (3, 3) float64 or None
            Rows are the box vectors; None without periodicity.
        gradients : sequence of str
            Outputs whose gradients are needed now. An output asked for once is computed along for a while.
        once : sequence of str
            Outputs whose gradients are needed for this configuration and not for those that follow.
        """
        for name in gradients:
            self._sticky[name] = _STICKY
        found = next((each for each in self._recent if each.at(positions_nm, box_nm)), None)
        if found is not None and all(name in found.result.outputs for name in (*gradients, *once)):
            self.n_reused += 1
            return found.result
        wanted = [name for name in self.cv.names if self._sticky.get(name, 0) > 0 or name in once]
        self._sticky = {name: left - 1 for name, left in self._sticky.items() if left > 1}
        start = perf_counter()
        result = self.cv.compute(*self.geometry(positions_nm, box_nm), outputs=wanted)
        self.seconds += perf_counter() - start
        self.n_evaluations += 1
        kept = [each for each in self._recent if each is not found][-1:]
        self._recent = [
            *kept,
            _Evaluation(positions_nm.copy(), None if box_nm is None else box_nm.copy(), result),
        ]
        return result

    def geometry(self, positions_nm: Array, box_nm: Array | None) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Positions and cell in angstrom, periodic directions: as `CollectiveVariable.compute` takes them."""
        cell = np.zeros((3, 3)) if box_nm is None else np.ascontiguousarray(box_nm) * ANGSTROM_PER_NM
        return positions_nm * ANGSTROM_PER_NM, cell, np.full(3, self.periodic)


_registry: WeakValueDictionary[str, CvEvaluator] = WeakValueDictionary()


class CvOutput:
    """One output of a collective variable, callable as `openmm.PythonForce` wants it, and picklable.

    OpenMM clones the forces of a `CustomCVForce` through pickle. A copy finds the live evaluator by its key
    and shares it; in another process it loads the model from its path again.

    Parameters
    ----------
    evaluator : CvEvaluator
        Shared by all outputs of one CV in one system.
    name : str
        The output.
    beyond : tuple of (str, float), optional
        ("upper", x) or ("lower", x): the force that uses this output is zero on the other side of x, so its
        gradient is computed only beyond x.
    """

    def __init__(self, evaluator: CvEvaluator, name: str, beyond: tuple[str, float] | None = None) -> None:
        check_outputs(evaluator.cv.names, [name])
        self.evaluator = evaluator
        self.name = name
        self.beyond = beyond

    def _idle(self, value: float) -> bool:
        if self.beyond is None:
            return False
        side, limit = self.beyond
        return value <= limit if side == "upper" else value >= limit

    def __call__(self, state: openmm.State) -> tuple[float, Array]:
        """Value of the output and minus its gradient, per nm."""
        try:
            positions = state.getPositions(asNumpy=True)._value
            box = state.getPeriodicBoxVectors(asNumpy=True)._value if self.evaluator.periodic else None
            result = self.evaluator.evaluate(positions, box, () if self.beyond else (self.name,))
            value = float(result[self.name])
            if self._idle(value):
                return value, np.zeros_like(positions)
            if self.name not in result.outputs:
                result = self.evaluator.evaluate(positions, box, (self.name,))
            return value, -ANGSTROM_PER_NM * result.gradient(self.name)
        except Exception as error:
            self.evaluator.error = error
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        here = self.evaluator
        path, model_hash = getattr(here.cv, "path", None), getattr(here.cv, "hash", None)
        saved = (here.key, path and str(path), model_hash, here.symbols, here.periodic)
        return _restore, (*saved, self.name, self.beyond)


def _restore(
    key: str,
    path: str | None,
    model_hash: str | None,
    symbols: list[str],
    periodic: bool,
    name: str,
    beyond: tuple[str, float] | None,
) -> CvOutput | _Unavailable:
    """The unpickled callable: with the live evaluator, or with one made from the model file."""
    evaluator = _registry.get(key)
    if evaluator is None:
        try:
            evaluator = CvEvaluator(_load(path, model_hash), symbols, periodic, key)
        except Exception as error:  # OpenMM crashes on exceptions here, and passes on those of a call
            return _Unavailable(error)
    return CvOutput(evaluator, name, beyond)


def _load(path: str | None, model_hash: str | None) -> Any:
    """The collective variable of a saved system."""
    if path is None:
        raise InvalidArgument("a collective variable without a model file cannot leave its process")
    import gnncv

    cv = gnncv.CollectiveVariable(path)
    if model_hash is not None and cv.hash != model_hash:
        raise ModelError(
            f"{path} has changed since this system was saved (sha256 {cv.hash[:12]}, then "
            f"{model_hash[:12]}); put the model back or build the system anew"
        )
    return cv


@dataclass(frozen=True)
class _Unavailable:
    """Stands for an output whose model cannot be loaded, and says so when it is used."""

    error: Exception

    def __call__(self, state: openmm.State) -> tuple[float, Array]:
        raise self.error


def cv_force(
    evaluator: CvEvaluator, name: str, beyond: tuple[str, float] | None = None
) -> openmm.PythonForce:
    """A force whose energy is the output `name`, for use as a variable of a `CustomCVForce`."""
    force = openmm.PythonForce(CvOutput(evaluator, name, beyond))
    force.setUsesPeriodicBoundaryConditions(evaluator.periodic)
    force.setName(name)
    return force
