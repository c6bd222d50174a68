"""Run `plumed driver` with the plugin on frames made up by a test, and read what it wrote."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from ase import Atoms

from gnncv._native import package_folder
from gnncv.plumed import Installation, find_installations

SOURCE = Path(__file__).resolve().parents[2] / "plumed_plugin"


@cache
def installations(with_mpi: bool) -> tuple[Installation, ...]:
    """Every PLUMED that is found, with MPI or without."""
    return tuple(found for found in find_installations() if found.has_mpi == with_mpi)


@dataclass(frozen=True)
class Counts:
    """What a GNNCV action says at the end of the log."""

    evaluations: int
    backward: int
    lists: int


@dataclass(frozen=True)
class Run:
    """A finished `plumed driver`."""

    folder: Path
    log: str
    errors: str
    status: int

    def counts(self, label: str = "cv") -> Counts:
        pattern = rf"GNNCV {label}: (\d+) evaluations, (\d+) backward passes, (\d+) neighbor lists"
        found = re.search(pattern, self.log)
        assert found, self.log[-2000:]
        return Counts(*map(int, found.groups()))

    def table(self, name: str = "COLVAR") -> dict[str, np.ndarray]:
        return read_fields(self.folder / name)

    def forces(self, name: str = "forces") -> np.ndarray:
        """(frames, N, 3), in PLUMED's default units of the driver's input."""
        return read_forces(self.folder / name)[0]

    def virials(self, name: str = "forces") -> np.ndarray:
        return read_forces(self.folder / name)[1]


@dataclass(frozen=True)
class Plumed:
    """A PLUMED with the plugin that was built for it."""

    installation: Installation
    plugin: Path

    @property
    def load(self) -> str:
        return f"LOAD FILE={self.plugin}\n"

    def driver(
        self,
        folder: Path,
        text: str,
        frames: Sequence[Atoms],
        options: Sequence[str] = (),
        ranks: int = 0,
        environment: dict[str, str] | None = None,
        fails: bool = False,
        length: str = "A",
    ) -> Run:
        """Run an input, after its LOAD line, on frames that are written for it.

        Parameters
        ----------
        length
            The unit in which the driver reads the frames' numbers, which are written in angstrom.
        ranks
            Processes of MPI; 0: none, and no mpirun.
        fails
            Whether it is expected to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "plumed.dat").write_text(self.load + text)
        write_frames(folder / "frames.xyz", frames)
        command = [str(self.installation.command), "driver", "--plumed", "plumed.dat", "--ixyz", "frames.xyz"]
        if ranks:
            command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks), *command]
        variables = {"OMP_NUM_THREADS": "1", "PLUMED_NUM_THREADS": "1", **(environment or {})}
        done = subprocess.run(
            [*command, "--length-units", length, *options],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, **variables},
            timeout=300,
        )
        run = Run(folder, done.stdout, done.stderr, done.returncode)
        assert (run.status != 0) == fails, f"{run.log[-3000:]}\n{run.errors[-3000:]}"
        return run


def build(installation: Installation, folder: Path) -> Path:
    """Compile the repository's plugin for a PLUMED."""
    beside = str(Path(sys.executable).parent)
    cmake = shutil.which("cmake", path=beside) or shutil.which("cmake")
    assert cmake, "cmake is missing"
    configure = [cmake, "-S", str(SOURCE), "-B", str(folder)]
    configure += [f"-DPLUMED_EXECUTABLE={installation.command}"]
    configure += [f"-Dgnncv_DIR={package_folder() / 'lib' / 'cmake' / 'gnncv'}"]
    for command in (configure, [cmake, "--build", str(folder), "--parallel", "2"]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return folder / "libgnncv_plumed.so"


def write_frames(path: Path, frames: Sequence[Atoms]) -> None:
    """XYZ as PLUMED's driver reads it: a box of nine numbers, zero vectors where it is not periodic."""
    with open(path, "w") as file:
        for frame in frames:
            cell = np.where(np.reshape(frame.pbc, (3, 1)), frame.cell.array, 0.0)
            file.write(f"{len(frame)}\n{' '.join(f'{x:.17g}' for x in cell.ravel())}\n")
            for symbol, position in zip(frame.symbols, frame.positions, strict=True):
                file.write(f"{symbol} {' '.join(f'{x:.17g}' for x in position)}\n")


def read_fields(path: Path) -> dict[str, np.ndarray]:
    """Columns of a file with a FIELDS line, by name."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    names = next(words[2:] for words in lines if words[:2] == ["#!", "FIELDS"])
    rows = [words for words in lines if words[0] != "#!"]
    columns = np.array(rows, dtype=float).reshape(len(rows), len(names)).T
    return dict(zip(names, columns, strict=True))


def read_forces(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Forces (frames, N, 3) and virials of `--dump-forces`: (frames, 9), or of the diagonal, (frames, 3)."""
    lines = path.read_text().splitlines()
    forces, virials = [], []
    while lines:
        n_atoms = int(lines[0])
        virials.append([float(word) for word in lines[1].split()])
        forces.append([[float(word) for word in line.split()[1:]] for line in lines[2 : 2 + n_atoms]])
        lines = lines[2 + n_atoms :]
    return np.array(forces), np.array(virials)


def species_lines(atoms: Atoms) -> str:
    """SPECIES1, SPECIES2, ... and SPECIES_TO_TYPES for a frame of several elements."""
    symbols = sorted(set(atoms.symbols))
    groups = [
        f"SPECIES{n}=" + ",".join(str(i + 1) for i, symbol in enumerate(atoms.symbols) if symbol == wanted)
        for n, wanted in enumerate(symbols, start=1)
    ]
    return " ".join([*groups, f"SPECIES_TO_TYPES={','.join(symbols)}"])


def in_species_order(atoms: Atoms) -> Atoms:
    """The atoms in the order that `species_lines` gives them to the action."""
    return atoms[np.argsort(np.array(atoms.symbols), kind="stable")]
