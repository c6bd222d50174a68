"""PLUMED in this process, for one run: evaluated, updated once a step, resumed where a run was cut off."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnncv.engines.plumed_files import (
    LOG,
    check_walker_files,
    cut_back,
    flush_files,
    make_walker_files,
    remove_later_files,
)
from gnncv.errors import GnncvError, InvalidArgument
from gnncv.plumed import PlumedInput

Array = NDArray[np.float64]
INPUT = "plumed.dat"


class PlumedError(GnncvError, RuntimeError):
    """PLUMED stopped, and says why."""


@dataclass(frozen=True)
class MdUnits:
    """The engine's units in PLUMED's own: kJ/mol, nm and ps."""

    energy: float = 1.0
    length: float = 1.0
    time: float = 1.0


@dataclass(frozen=True)
class Evaluation:
    """What PLUMED makes of a configuration, in the engine's units.

    Attributes
    ----------
    bias
        Energy of all biases.
    forces
        (N, 3): the forces given, with those of the biases added.
    virial
        (3, 3): dE/dstrain, added to the one given.
    """

    step: int
    positions: Array
    box: Array | None
    bias: float
    forces: Array
    virial: Array


@dataclass(frozen=True)
class Resumed:
    """What a restart point says of PLUMED's files: lengths, and contents of those that are written anew."""

    sizes: Mapping[str, int]
    contents: Mapping[str, bytes]


class PlumedSession:
    """One PLUMED object with its input, working in a folder of its own.

    PLUMED sees configurations through `evaluate`, any number of times a step. Its hills are added and its
    rows are written by `update`, once a step, for the configuration evaluated last.

    Parameters
    ----------
    source
        The input.
    folder
        Where PLUMED's files go: it works there, whatever the folder of the process.
    kernel
        The library ``libplumedKernel.so``.
    resumed
        To go on from a restart point: the files are first cut back to where they were.

    Attributes
    ----------
    seconds, n_evaluations, n_reused
        Time spent in PLUMED's evaluations, their number, and requests answered without one.
    updated
        The last step for which `update` was done; -1 before the first.
    """

    def __init__(
        self, source: PlumedInput, folder: Path, kernel: Path, resumed: Resumed | None = None
    ) -> None:
        try:
            from plumed import Plumed
        except ModuleNotFoundError:
            raise InvalidArgument(
                "bias plumed needs PLUMED's Python wrapper: pip install 'gnncv[plumed]'"
            ) from None
        self.source = source
        self.folder = folder.absolute()
        self.resumed = resumed
        self.seconds = 0.0
        self.n_evaluations = 0
        self.n_reused = 0
        self.updated = -1
        self.error: Exception | None = None
        self._last: Evaluation | None = None
        self._given: dict[str, Array] = {}
        self.folder.mkdir(parents=True, exist_ok=True)
        if resumed is not None:
            cut_back(self.folder, resumed.sizes, resumed.contents)
            remove_later_files(self.folder, source, resumed.sizes)
            make_walker_files(source)
        try:
            with self._inside():
                self._plumed = Plumed(kernel=str(kernel))
        except Exception as error:
            raise InvalidArgument(
                f"PLUMED's kernel {kernel} does not load: {plumed_message(error)}"
            ) from None

    def start(
        self,
        n_atoms: int,
        timestep_ps: float,
        kt_kj_mol: float | None,
        engine: str,
        threads: int = 1,
        units: MdUnits | None = None,
    ) -> None:
        """Read the input.

        Parameters
        ----------
        n_atoms
            Atoms of the system.
        timestep_ps
            Time between two steps.
        kt_kj_mol
            Thermal energy, for inputs without TEMP; None if there is no thermostat.
        engine
            Its name, for the log.
        threads
            As many as PLUMED, and so GNNCV, may use.
        units
            The engine's; None means PLUMED's own.

        Raises
        ------
        InvalidArgument
            What PLUMED says against it; hills of another run in a new walker's file.
        """
        units = units or MdUnits()
        # PLUMED would rename a file of hills that is there, and other walkers would go on reading that one
        in_place = self.resumed is None and check_walker_files(self.source)
        (self.folder / INPUT).write_text(self.source.text)
        settings: dict[str, Any] = {
            "setMDEnergyUnits": units.energy, "setMDLengthUnits": units.length, "setMDTimeUnits": units.time,
            "setNatoms": n_atoms, "setMDEngine": engine, "setTimestep": timestep_ps / units.time,
            "setRestart": int(self.resumed is not None),
        }  # fmt: skip
        if kt_kj_mol is not None:
            settings["setKbT"] = kt_kj_mol / units.energy
        settings |= {"setNumOMPthreads": threads, "setLogFile": LOG, "setPlumedDat": INPUT}
        try:
            with self._inside(), _no_backups(in_place):
                for name, value in settings.items():
                    self._plumed.cmd(name, value)
                self._plumed.cmd("init")
        except Exception as error:
            message = plumed_message(error)
            if 'Action "GNNCV" is not known' in message and self.source.loads_gnncv:
                message += (
                    " The plugin of its LOAD line does not fit: leave that line out, or build it again."
                )
            raise InvalidArgument(f"PLUMED refuses its input: {message}") from None

    def evaluate(
        self,
        step: int,
        positions: Array,
        box: Array | None,
        *,
        masses: Array,
        charges: Array | None = None,
        forces: Array | None = None,
        virial: Array | None = None,
        energy: float | None = None,
    ) -> Evaluation:
        """The biases at a configuration, in the units of the engine.

        Parameters
        ----------
        step
            Its step: PLUMED's time is this many time steps.
        positions, box
            (N, 3), and (3, 3) rows of box vectors or None without periodicity.
        masses, charges
            (N,) each.
        forces, virial, energy
            Of the engine, where they are known: a bias on the energy scales them. Zero if absent.

        Raises
        ------
        PlumedError
            If PLUMED stops.
        """
        if self._is_last(step, positions, box):
            assert self._last is not None
            self.n_reused += 1
            return self._last
        n_atoms = len(positions)
        given = self._given = {  # PLUMED keeps pointers to these arrays
            "positions": np.array(positions, dtype=np.float64, order="C"),
            "forces": np.zeros((n_atoms, 3))
            if forces is None
            else np.array(forces, dtype=np.float64, order="C"),
            "virial": np.zeros((3, 3)) if virial is None else np.array(virial, dtype=np.float64, order="C"),
            "masses": np.array(masses, dtype=np.float64),
            "charges": np.zeros(n_atoms) if charges is None else np.array(charges, dtype=np.float64),
            "bias": np.zeros(1),
        }
        if box is not None:
            given["box"] = np.array(box, dtype=np.float64, order="C")
        start = perf_counter()
        with self._calls(f"at step {step}"):
            self._evaluate(step, energy)
        self.seconds += perf_counter() - start
        self.n_evaluations += 1
        self._last = Evaluation(
            step,
            given["positions"],
            given.get("box"),
            float(given["bias"][0]),
            given["forces"],
            given["virial"],
        )
        return self._last

    def _evaluate(self, step: int, energy: float | None) -> None:
        command, given = self._plumed.cmd, self._given
        command("setStep", step)
        command("setMasses", given["masses"])
        command("setCharges", given["charges"])
        if "box" in given:
            command("setBox", given["box"])
        command("setPositions", given["positions"])
        command("setForces", given["forces"])
        command("setVirial", given["virial"])
        command("prepareCalc")
        needed = np.zeros(1, dtype=np.intc)
        command("isEnergyNeeded", needed)
        if needed[0] and energy is None:
            raise InvalidArgument(
                "its input asks for ENERGY, which this engine does not give: use engine ase"
            )
        if energy is not None:
            command("setEnergy", float(energy))
        command("performCalcNoUpdate")
        command("getBias", given["bias"])
        finite = np.isfinite(given["forces"]).all(axis=1)
        if not (np.isfinite(given["bias"][0]) and finite.all()):
            bad = np.flatnonzero(~finite)
            where = f" (first at atom {bad[0]}, from 0)" if len(bad) else ""
            raise PlumedError(f"its bias is {given['bias'][0]} and its forces are not all finite{where}")

    def update(self, step: int, checkpoint: bool = False) -> None:
        """Add hills and write rows for the configuration evaluated last; does nothing the second time.

        Parameters
        ----------
        step
            The step of that evaluation.
        checkpoint
            Whether a restart point is being made: all files are then flushed.
        """
        if self.updated >= step:
            return
        if self._last is None or self._last.step != step:
            raise PlumedError(f"no evaluation at step {step} to update from")
        with self._calls(f"at step {step}"):
            if checkpoint:
                self._plumed.cmd("doCheckPoint", 1)
            self._plumed.cmd("update")
        self.updated = step

    def resume(self, step: int) -> None:
        """After the first evaluation of a resumed run: tell PLUMED that its step was updated before.

        PLUMED adds no hill in its first update, and its rows of that update are cut off again.
        """
        if self.resumed is None:
            return
        self.update(step, checkpoint=True)
        appended = {
            name: size for name, size in self.resumed.sizes.items() if name not in self.resumed.contents
        }
        cut_back(self.folder, appended, {})

    def files(self) -> tuple[dict[str, int], dict[str, bytes]]:
        """Lengths of PLUMED's files, forced to the disk, and contents of those it writes anew."""
        sizes = flush_files(self.folder, self.source)
        whole = self.source.written_whole() & sizes.keys()
        return sizes, {name: (self.folder / name).read_bytes() for name in sorted(whole)}

    def close(self) -> None:
        """Let PLUMED write what it writes at its end."""
        with self._inside():
            self._plumed.finalize()

    def _is_last(self, step: int, positions: Array, box: Array | None) -> bool:
        last = self._last
        if last is None or last.step != step or (box is None) != (last.box is None):
            return False
        same_box = box is None or np.array_equal(box, last.box)  # type: ignore[arg-type]
        return same_box and np.array_equal(positions, last.positions)

    @contextmanager
    def _calls(self, when: str) -> Iterator[None]:
        """Call PLUMED in its folder, and say when something went wrong."""
        try:
            with self._inside():
                yield
        except GnncvError as error:
            self.error = type(error)(f"PLUMED stops {when}: {error}")
            raise self.error from None
        except Exception as error:
            self.error = PlumedError(f"PLUMED stops {when}: {plumed_message(error)}")
            raise self.error from None

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """Make PLUMED's folder the working folder of the process, for the length of a call."""
        before = os.open(".", os.O_RDONLY)
        try:
            os.chdir(self.folder)
            yield
        finally:
            os.fchdir(before)
            os.close(before)


@contextmanager
def _no_backups(wanted: bool) -> Iterator[None]:
    """Let PLUMED write its files anew in place, instead of renaming those that are there."""
    before = os.environ.get("PLUMED_MAXBACKUP")
    if wanted:
        os.environ["PLUMED_MAXBACKUP"] = "0"
    try:
        yield
    finally:
        if before is not None:
            os.environ["PLUMED_MAXBACKUP"] = before
        else:
            os.environ.pop("PLUMED_MAXBACKUP", None)


def plumed_message(error: Exception) -> str:
    """What PLUMED says in an exception, on one line and without places in its source code."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not re.match(r"\(\S+\.(cpp|h):\d+\)|\+\+\+", line)]
    return " ".join(" ".join(kept or lines).split()) or type(error).__name__
