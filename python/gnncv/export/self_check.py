"""The check every exported file passes before it gets its name."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import ModelError
from gnncv.models import GraphAutoencoder
from gnncv.models.reference_evaluation import ReferenceResult, evaluate_reference

from .random_frames import random_frames

TOLERANCE = {"float64": 1e-12, "float32": 2e-5}
TABLE_TOLERANCE = {"float64": 1e-6, "float32": 2e-5}


@dataclass
class SelfCheck:
    """Largest errors of the exported file against the PyTorch model in float64.

    Values are relative to the larger of one and the value, derivatives to :func:`derivative_scales`.
    """

    n_training_frames: int
    n_random_frames: int
    value_error: float
    gradient_error: float
    strain_gradient_error: float
    tolerance: float

    def as_dict(self) -> dict[str, float]:
        """Plain numbers for ``gnncv.json``."""
        return asdict(self)

    @property
    def largest(self) -> float:
        """The largest of the errors."""
        return max(self.value_error, self.gradient_error, self.strain_gradient_error)


def check_export(
    path: Path,
    model: GraphAutoencoder,
    precision: str,
    training: Sequence[Atoms],
    seed: int = 0,
    tables: bool = False,
) -> SelfCheck:
    """Compare a file, evaluated through the C++ core, with the float64 PyTorch model.

    Raises
    ------
    ModelError
        An error is above the tolerance of the precision: 1e-12 in float64 (1e-6 with tables), 2e-5 in
        float32.
    """
    from gnncv.cv import CollectiveVariable

    exact = model.double()
    cv = CollectiveVariable(str(path))
    random = random_frames(model.species, model.config.cutoff, seed, model.topology, training)
    errors = np.zeros(3)
    for atoms in [*training, *random]:
        result = cv.compute(atoms)
        computed = ReferenceResult(result.values, result.gradients, result.strain_gradient)
        errors = np.maximum(errors, _errors(computed, evaluate_reference(exact, atoms), result.names))
    value, gradient, strain = (float(error) for error in errors)
    tolerance = (TABLE_TOLERANCE if tables else TOLERANCE)[precision]
    check = SelfCheck(len(training), len(random), value, gradient, strain, tolerance)
    if not check.largest <= check.tolerance:
        raise ModelError(
            f"the exported {precision} file differs from the PyTorch model by {check.largest:.2e} "
            f"(values {check.value_error:.1e}, gradients {check.gradient_error:.1e}, strain "
            f"{check.strain_gradient_error:.1e}), more than {check.tolerance:.0e}: nothing was written; "
            + _way_out(precision, tables)
        )
    return check


def _way_out(precision: str, tables: bool) -> str:
    if precision == "float32":
        return "export it in float64 (precision='float64', `gnncv export --precision float64`)"
    if tables:
        return "export it without tables (tables=False, `gnncv export --no-tables`)"
    return "the model amplifies rounding too much: train it for fewer epochs, or with another seed"


def _errors(computed: ReferenceResult, reference: ReferenceResult, names: Sequence[str]) -> list[float]:
    value = np.abs(computed.values - reference.values) / np.maximum(1.0, np.abs(reference.values))
    pairs = (
        (computed.gradients, reference.gradients),
        (computed.strain_gradient, reference.strain_gradient),
    )
    derivative = []
    for ours, exact in pairs:
        scale = derivative_scales(exact, names)
        difference = np.abs(ours - exact).max(axis=(1, 2))
        derivative.append(float((difference / np.where(scale > 0.0, scale, 1.0)).max()))
    return [float(value.max()), *derivative]


def derivative_scales(derivatives: NDArray[np.float64], names: Sequence[str]) -> NDArray[np.float64]:
    """What errors of derivatives ``(K, ..., 3)`` are measured by: each output's largest component, ``(K,)``.

    The slope of ``deviation`` vanishes on the line that ``progress`` runs along, while both are made of the
    same latents in units of the same gap: it is measured by the larger of the two.
    """
    scale: NDArray[np.float64] = np.abs(derivatives).max(axis=(1, 2))
    for k, name in enumerate(names):
        if name.startswith("deviation"):
            scale[k] = max(scale[k], scale[names.index(name.replace("deviation", "progress"))])
    return scale
