"""The collective variable as Python sees it: the C++ core behind NumPy arrays."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from ase import Atoms

from gnncv._native import load_core
from gnncv.errors import InvalidArgument, ModelError

if TYPE_CHECKING:
    from gnncv.models.exported_graph_function import ExportedGraphFunction

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Result:
    """Values of all outputs, and gradients of those asked for.

    Attributes
    ----------
    names
        All K outputs of the model.
    values
        (K,) their values.
    outputs
        The G outputs whose gradients were asked for, in that order.
    gradients
        (G, N, 3) dCV/dr, per angstrom (not forces).
    strain_gradient
        (G, 3, 3) dCV/dstrain for r' = (1 + strain) r. The stress of a bias V(s) is
        dV/ds dCV/dstrain / volume.
    """

    names: list[str]
    values: FloatArray
    outputs: list[str]
    gradients: FloatArray
    strain_gradient: FloatArray

    def __getitem__(self, name: str) -> float:
        """Value of one output."""
        return float(self.values[_index(self.names, name, "the model has no output")])

    def gradient(self, name: str) -> FloatArray:
        """(N, 3) gradient of one output; it must be among `outputs`."""
        gradient: FloatArray = self.gradients[_index(self.outputs, name, "no gradient was asked for output")]
        return gradient

    def gradnorm2(self, name: str) -> float:
        """|grad CV|^2 of one output, the sum over atoms, per square angstrom; it must be among `outputs`.

        The weight of the geometric free energy, which does not depend on how a CV is parametrized (Hartmann,
        Latorre and Ciccotti, Eur. Phys. J. Spec. Top. 200, 73, 2011).
        """
        gradient = self.gradient(name).ravel()
        return float(gradient @ gradient)

    def strain(self, name: str) -> FloatArray:
        """(3, 3) strain gradient of one output; it must be among `outputs`."""
        index = _index(self.outputs, name, "no gradient was asked for output")
        strain: FloatArray = self.strain_gradient[index]
        return strain


class CollectiveVariable:
    """A learned collective variable, evaluated with gradients and strain gradient by the C++ core.

    Parameters
    ----------
    path
        Model file written by `gnncv export`, or a graph model that mlcolvar exported as TorchScript.
    device
        `"cpu"`, `"cuda"` or `"cuda:N"`.
    skin
        Length in angstrom added to the cutoff in the neighbor list, so that the list serves many steps; 0
        builds it anew each time; None chooses from the cutoff. Results do not depend on it.
    num_threads
        Threads within one evaluation; None leaves torch's setting alone.
    precision
        `"float32"` or `"float64"`: arithmetic of the network. None means as the file was exported; a float32
        file can be evaluated in float64, not the other way round.

    Raises
    ------
    ModelError
        If the file is missing, truncated, foreign or of a newer format.
    DeviceError
        If the device is not there, or this build or the installed torch cannot use it.
    InvalidArgument
        If an option cannot be used.

    Notes
    -----
    Units are angstrom. Calls from several Python threads are carried out one after the other.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        device: str = "cpu",
        skin: float | None = None,
        num_threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        if skin is not None and not skin >= 0.0:
            raise InvalidArgument(f"skin is {skin}, expected a length in angstrom, 0 or more")
        if num_threads is not None and num_threads < 1:
            raise InvalidArgument(f"num_threads is {num_threads}, expected 1 or more, or None")
        self.path = Path(path)
        self._core = load_core().CollectiveVariable(
            fspath(path), device, -1.0 if skin is None else float(skin), num_threads or 0, precision or ""
        )
        self._symbols: list[str] | None = None
        self._numbers: npt.NDArray[Any] | None = None
        self._lock = threading.Lock()
        self._hash: str | None = None
        try:
            self.metadata: dict[str, Any] = json.loads(self._core.metadata)
        except json.JSONDecodeError as error:
            raise ModelError(f"gnncv.json in '{self.path}' is not JSON: {error}; export it again") from error
        self.names: list[str] = self._core.names
        self.site_names: list[str] = self._core.site_names
        self.species: list[str] = self._core.species
        self.kinds: list[str] = self._core.kinds
        self.cutoff: float = self._core.cutoff
        self.skin: float = self._core.skin
        self.precision: str = self._core.precision
        self.hops: int = self._core.hops
        self.remarks: list[str] = self._core.remarks
        self.device = device

    def __repr__(self) -> str:
        return f"CollectiveVariable('{self.path}', outputs={self.names}, cutoff={self.cutoff:g})"

    @property
    def hash(self) -> str:
        """SHA-256 of the model file, in hexadecimal."""
        if self._hash is None:
            self._hash = str(self._core.hash)
        return self._hash

    @property
    def site_kinds(self) -> npt.NDArray[np.int64]:
        """(M,) kinds of the sites that are bound, as places in `kinds`: molecules, or each atom its own."""
        return np.asarray(self._core.site_kinds, dtype=np.int64)

    @property
    def site_of_atom(self) -> npt.NDArray[np.int64]:
        """(N,) the site that each bound atom belongs to: row of `per_site`."""
        first = np.asarray(self._core.first_atoms, dtype=np.int64)
        lengths = np.diff(first, append=self._core.n_atoms)
        return np.repeat(np.arange(len(first)), lengths)

    @property
    def statistics(self) -> dict[str, float]:
        """Counts (pairs, evaluations, rebuilds) and times in seconds since the object was made."""
        return dict(self._core.statistics)

    def bind(self, symbols: Sequence[str]) -> None:
        """Say which species each atom is.

        Parameters
        ----------
        symbols
            (N,) species names, each one of `species`. A model of molecules wants the atoms molecule by
            molecule, those of each in the order of its template.

        Raises
        ------
        InvalidArgument
            If a species is unknown, an atom is not what the template says, or there are no atoms.
        """
        names = [str(symbol) for symbol in symbols]
        with self._lock:
            self._core.bind(names)
            self._symbols = names
            self._numbers = None

    def compute(
        self,
        atoms: Atoms | npt.ArrayLike,
        cell: npt.ArrayLike | None = None,
        pbc: bool | Sequence[bool] | npt.ArrayLike | None = None,
        outputs: Sequence[str] | None = None,
    ) -> Result:
        """Evaluate: `compute(atoms)`, or `compute(positions, cell, pbc)` after `bind`.

        Parameters
        ----------
        atoms
            `ase.Atoms` (species are bound when they change), or positions (N, 3) in angstrom.
        cell
            With positions: (3, 3) lattice vectors as rows, or (3,) lengths; None for an open box.
        pbc
            With positions: periodic or not, one for all or one for each direction; None means not periodic.
        outputs
            Names of the outputs whose gradients are wanted; None means all, an empty list none. Values of all
            outputs are always returned.

        Raises
        ------
        InvalidArgument
            For input that cannot be used; nothing has been computed then.
        ModelError
            If a value or gradient is not finite.
        """
        if isinstance(outputs, str):
            raise InvalidArgument(f"outputs is '{outputs}', expected a list of names, such as ['{outputs}']")
        wanted = None if outputs is None else [str(name) for name in outputs]
        with self._lock:
            geometry = self._geometry(atoms, cell, pbc)
            values, done, gradients, strain = self._core.compute(*geometry, wanted)
        return Result(self.names, values, done, gradients, strain)

    def per_site(
        self,
        atoms: Atoms | npt.ArrayLike,
        cell: npt.ArrayLike | None = None,
        pbc: bool | Sequence[bool] | npt.ArrayLike | None = None,
    ) -> dict[str, FloatArray]:
        """Per-site columns, name -> (M,); arguments and errors as for `compute`.

        Sites are the atoms, or the molecules (`site_of_atom` says which). A graph model of mlcolvar has no
        such columns: `InvalidArgument`.
        """
        with self._lock:
            columns = self._core.per_site(*self._geometry(atoms, cell, pbc))
        return {name: np.ascontiguousarray(columns[:, k]) for k, name in enumerate(self.site_names)}

    def graph_function(self, atoms: Atoms, output: str | int = 0) -> ExportedGraphFunction:
        """One output on one frame as a function of positions or pair vectors, for `gnncv.explain`.

        Raises
        ------
        InvalidArgument
            An unknown output or species.
        ModelError
            The file is one of mlcolvar's, which has no pairs of its own.
        """
        from gnncv.models.exported_graph_function import ExportedGraphFunction

        return ExportedGraphFunction(self.path, atoms, output, self.hash, self.precision)

    def _geometry(
        self, atoms: Atoms | npt.ArrayLike, cell: npt.ArrayLike | None, pbc: Any
    ) -> tuple[FloatArray, FloatArray, list[bool]]:
        if isinstance(atoms, Atoms):
            if cell is not None or pbc is not None:
                raise InvalidArgument("cell and pbc are taken from the atoms: give them with positions only")
            self._bind_atoms(atoms)
            return atoms.positions, atoms.cell.array, [bool(p) for p in atoms.pbc]
        return _positions(atoms), _cell(cell), _periodic(pbc)

    def _bind_atoms(self, atoms: Atoms) -> None:
        if self._numbers is not None and np.array_equal(self._numbers, atoms.numbers):
            return
        symbols = atoms.get_chemical_symbols()
        if symbols != self._symbols:
            self._core.bind(symbols)
            self._symbols = symbols
        self._numbers = atoms.numbers.copy()


def _index(names: list[str], name: str, problem: str) -> int:
    if name not in names:
        raise InvalidArgument(f"{problem} '{name}'; there are {', '.join(names) or 'none'}")
    return names.index(name)


def _positions(positions: npt.ArrayLike) -> FloatArray:
    array = _array(positions, "positions")
    if array.ndim != 2 or array.shape[1] != 3:
        raise InvalidArgument(f"positions have shape {array.shape}, expected (N, 3)")
    return array


def _cell(cell: npt.ArrayLike | None) -> FloatArray:
    array = np.zeros((3, 3)) if cell is None else _array(cell, "cell")
    if array.shape == (3,):
        array = np.diag(array)
    if array.shape != (3, 3):
        raise InvalidArgument(
            f"cell has shape {array.shape}, expected (3, 3) rows of vectors, or (3,) lengths"
        )
    return array


def _periodic(pbc: Any) -> list[bool]:
    flags = np.asarray(False if pbc is None else pbc)
    if flags.shape not in ((), (3,)):
        raise InvalidArgument(f"pbc has shape {flags.shape}, expected one or three booleans")
    return [bool(flag) for flag in np.broadcast_to(flags, (3,))]


def _array(values: npt.ArrayLike, name: str) -> FloatArray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"{name} cannot be read as numbers: {error}") from error
