"""The one view of a model that explainers have: a value and its gradient by the positions."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import PathLike

Array = NDArray[np.float64]
ValueAndGradient = Callable[[Atoms], tuple[float, Array]]


@runtime_checkable
class DifferentiableModel(Protocol):
    """Anything with named outputs and their gradients."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the outputs."""

    def value_and_gradient(self, atoms: Atoms, name: str) -> tuple[float, Array]:
        """Value of one output and its (N,3) gradient by the positions, per angstrom."""


class CollectiveVariableModel:
    """A `gnncv.CollectiveVariable`, or an object with its `names`, `site_names`, `compute` and `per_site`."""

    def __init__(self, cv: Any) -> None:
        self.cv = cv

    @property
    def names(self) -> Sequence[str]:
        """Names of the outputs."""
        return list(self.cv.names)

    @property
    def site_names(self) -> Sequence[str]:
        """Names of the values per atom."""
        return list(self.cv.site_names)

    def value_and_gradient(self, atoms: Atoms, name: str) -> tuple[float, Array]:
        """Value of one output and its (N,3) gradient, from one backward pass for that output only."""
        result = self.cv.compute(atoms, outputs=[name])
        return float(result[name]), np.asarray(result.gradient(name), dtype=np.float64)

    def value(self, atoms: Atoms, name: str) -> float:
        """Value of one output, without gradients."""
        return float(self.cv.compute(atoms, outputs=[])[name])

    def values(self, atoms: Atoms) -> dict[str, float]:
        """Values of all outputs, without gradients."""
        result = self.cv.compute(atoms, outputs=[])
        return {name: float(result[name]) for name in self.names}

    def per_site(self, atoms: Atoms) -> dict[str, Array]:
        """Values per atom: (N,) each; the atoms of a molecule have its values."""
        columns = self.cv.per_site(atoms)
        sites = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
        if all(len(values) == len(atoms) for values in sites.values()):
            return sites
        owner = self.cv.site_of_atom
        return {name: values[owner] for name, values in sites.items()}


class CallableModel:
    """A function of atoms that returns a value and its (N,3) gradient, or just a value where that will do."""

    def __init__(self, function: Callable[[Atoms], Any]) -> None:
        self.function = function

    @property
    def names(self) -> Sequence[str]:
        """The one output, named after the function."""
        return [getattr(self.function, "__name__", "value")]

    def value_and_gradient(self, atoms: Atoms, name: str) -> tuple[float, Array]:
        """Call the function."""
        value, gradient = self.function(atoms)
        return float(value), np.asarray(gradient, dtype=np.float64)

    def value(self, atoms: Atoms, name: str) -> float:
        """Call the function; a gradient that comes with the value is let go."""
        found = self.function(atoms)
        return float(found[0] if isinstance(found, tuple) else found)


def as_model(model: Any, device: str = "cpu") -> DifferentiableModel:
    """Give a model file, a collective variable or a function the explainers' view.

    Parameters
    ----------
    model : path-like, CollectiveVariable, mlcolvar.cvs.BaseCV, DifferentiableModel or callable
        A path is loaded with `gnncv.CollectiveVariable`; a callable takes `ase.Atoms` and returns a value and
        its (N,3) gradient. A graph CV of mlcolvar is the Python module; its exported file is a path.
    device : str
        Device of a model that is loaded here, or of mlcolvar's module, which is moved there.

    Returns
    -------
    DifferentiableModel

    Raises
    ------
    InvalidArgument
        If it is none of these.
    """
    if isinstance(model, str | os.PathLike):
        return CollectiveVariableModel(_load(model, device))
    if hasattr(model, "compute") and hasattr(model, "names"):
        return CollectiveVariableModel(_on(model, device))
    if hasattr(model, "nn") and hasattr(model, "forward"):
        from gnncv.explain.mlcolvar_graphs import GraphModule

        return GraphModule(model, device)
    if isinstance(model, DifferentiableModel):
        return model
    if callable(model):
        return CallableModel(model)
    raise InvalidArgument(
        f"cannot explain a {type(model).__name__}; give a model file, a CollectiveVariable, or a function of "
        "atoms that returns a value and its gradient"
    )


def value_of(model: DifferentiableModel, atoms: Atoms, name: str) -> float:
    """Value of one output, without gradients where the model can do without."""
    value = getattr(model, "value", None)
    return model.value_and_gradient(atoms, name)[0] if value is None else float(value(atoms, name))


def _load(path: PathLike, device: str) -> Any:
    from gnncv.cv import CollectiveVariable

    return CollectiveVariable(path, device=device)


def _on(cv: Any, device: str) -> Any:
    """The same collective variable, if it is where it is wanted: a loaded one stays on its device."""
    where = getattr(cv, "device", device)
    if device not in ("cpu", where):
        raise InvalidArgument(
            f"the model is loaded on {where}, not on {device}: load it there, CollectiveVariable(path, "
            f"device={device!r}), or give its path"
        )
    return cv


def model_hash(model: DifferentiableModel) -> str:
    """SHA-256 of the model's file, or of its weights; empty for a function, which has neither."""
    cv = getattr(model, "cv", None)
    if cv is not None:
        return str(getattr(cv, "hash", ""))
    module = getattr(model, "module", None)
    return "" if module is None else weights_hash(module)


def weights_hash(module: Any) -> str:
    """SHA-256 of names and values of a torch module's weights, in hexadecimal."""
    digest = hashlib.sha256()
    for name, values in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def choose_output(model: DifferentiableModel, component: int | str) -> str:
    """Name of an output given by name or index; `InvalidArgument` lists the outputs there are."""
    names = list(model.names)
    if isinstance(component, str):
        if component not in names:
            raise InvalidArgument(
                f"the model has no output {component!r}; its outputs are {', '.join(names)}"
            )
        return component
    if not -len(names) <= component < len(names):
        raise InvalidArgument(
            f"the model has no output number {component}; it has {len(names)}: {', '.join(names)}"
        )
    return names[component]
