"""Molecular dynamics in LAMMPS, in pieces: a run that was killed goes on at its last finished piece."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.constants import N_A, R
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
EPSILON = 0.99607  # kJ/mol
SIGMA = 3.405  # angstrom
TEMPERATURE = 0.8 * EPSILON * 1e3 / R  # kelvin
TIMESTEP = 8.0  # fs


def atmospheres(pressure: float) -> float:
    """A pressure in units of epsilon / sigma^3, in atm."""
    return pressure * EPSILON * 1e3 / N_A / (SIGMA * 1e-10) ** 3 / 101325.0


@dataclass(frozen=True)
class Lammps:
    """How LAMMPS is started: its program, and the plugin with fix plumed unless LAMMPS has PLUMED inside."""

    program: str
    fix_plumed: Path | None = None

    def run(self, folder: Path, variables: dict[str, object]) -> None:
        """Run in.md in a folder; the log is shown if it fails."""
        if self.fix_plumed is not None:
            variables = {**variables, "fix_plumed": self.fix_plumed.resolve()}
        words = [word for name, value in variables.items() for word in ("-var", name, str(value))]
        for name in ("in.md", "lj.settings"):
            shutil.copy(HERE / name, folder)
        command = [self.program, "-in", "in.md", "-log", "log.lammps", "-screen", "none", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=_environment())
        if done.returncode:
            log = folder / "log.lammps"
            said = log.read_text()[-2000:] if log.exists() else ""
            raise SystemExit(
                f"LAMMPS failed in {folder}:\n{said}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )


def _environment() -> dict[str, str]:
    return {"OMP_NUM_THREADS": "1", **os.environ}


@dataclass
class Dynamics:
    """A run at constant temperature and pressure.

    Attributes
    ----------
    folder : Path
        Of the run; piece k is in its folder ``k``, and ``done`` says that it is whole.
    start : Path
        A data file of LAMMPS, or a binary restart file (``*.restart``) whose thermostat and barostat go on.
    pressure : float
        In epsilon / sigma^3.
    box : {"iso", "z"}
        What the barostat changes.
    plumed : str or None
        PLUMED's input.
    """

    folder: Path
    start: Path
    pressure: float
    box: str = "iso"
    plumed: str | None = None
    temperature: float = TEMPERATURE
    hot: float = 2.0 * TEMPERATURE  # of the velocities; half of it goes into a perfect lattice
    seed: int = 2026
    thermo: int = 1000
    dump: int = 0

    def run(self, lammps: Lammps, steps: int, piece: int) -> list[Path]:
        """Make the run ``steps`` long, in pieces of ``piece`` steps; the folders of the pieces."""
        piece = min(piece, steps)
        folders = [self.folder / str(k) for k in range(-(-steps // piece))]
        start = self.start
        for folder in tqdm(folders, desc=str(self.folder), unit="piece"):
            said = folder / "done"
            if not said.exists():
                self._piece(lammps, folder, start, piece)
            elif said.read_text() != f"{piece} steps\n":
                raise SystemExit(
                    f"{folder} has {said.read_text().strip()}, not {piece}: keep --piece as it was"
                )
            start = folder / "end.restart"
        return folders

    def _piece(self, lammps: Lammps, folder: Path, start: Path, steps: int) -> None:
        shutil.rmtree(folder, ignore_errors=True)  # what a killed run left of this piece
        folder.mkdir(parents=True)
        if self.plumed is not None:
            (folder / "plumed.dat").write_text(self.plumed)
        variables = {
            "start": start.resolve(),
            "from": "restart" if start.suffix == ".restart" else "data",
            "box": self.box,
            "temperature": f"{self.temperature:.10g}",
            "hot": f"{self.hot:.10g}",
            "pressure": f"{atmospheres(self.pressure):.10g}",
            "plumed": "no" if self.plumed is None else "yes",
            "steps": steps,
            "timestep": TIMESTEP,
            "thermo": self.thermo,
            "dump": self.dump,
            "seed": self.seed,
        }
        lammps.run(folder, variables)
        (folder / "done").write_text(f"{steps} steps\n")


def thermo(folders: list[Path]) -> dict[str, np.ndarray]:
    """The columns that LAMMPS printed in all pieces, the first row of each but the first left out."""
    rows: list[np.ndarray] = []
    for k, folder in enumerate(folders):
        lines = [line.split() for line in (folder / "log.lammps").read_text().splitlines()]
        first = max(n for n, words in enumerate(lines) if words[:1] == ["Step"])  # a minimization has its own
        last = max(n for n, words in enumerate(lines) if words[:2] == ["Loop", "time"])
        names = lines[first]
        rows.append(np.array(lines[first + 1 : last], dtype=float)[min(k, 1) :])
    return dict(zip(names, np.concatenate(rows).T, strict=True))
