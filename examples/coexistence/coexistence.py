"""Crystal and melt of Lennard-Jones argon at coexistence, in LAMMPS with GNNCV.

    python coexistence.py STAGE --lammps lmp --fix-plumed ./fix_plumed.so [--steps N]

Stages: `frames` (what the variable is trained on), `identical`, `unbiased` and `static` (the density of the
crystal), `melt` (its volume), `sweep` (does the variable count?), `pin` (interface pinning). results.py makes
the tables and the picture. Give a command again after an interruption: finished pieces are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from pieces import SIGMA, TEMPERATURE, Dynamics, Lammps, thermo

PRESSURE, DENSITY = 2.185, 0.9731  # published, in units of epsilon and sigma
SLOPE = 40.0  # of the static bias on `progress`, kJ/mol
KAPPA = 0.0015  # of the pinning restraint, kJ/mol
STRIDE = 10  # steps between two evaluations of the pinning restraint

COLVAR = """
vol: VOLUME
PRINT ARG=cv.ncrystal,cv.progress,cv.novelty,vol{more} FILE=COLVAR STRIDE=50
"""


def crystal(cells: tuple[int, int, int], density: float = DENSITY) -> Atoms:
    """A perfect crystal; density in atoms / sigma^3."""
    edge = (4.0 / density) ** (1.0 / 3.0) * SIGMA
    return bulk("Ar", "fcc", edge, cubic=True).repeat(cells)


def write_data(path: Path, atoms: Atoms) -> Path:
    """Write LAMMPS' data file, unless it is there; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write(path, atoms, format="lammps-data", units="real")
    return path


def dumped(folder: Path, index: str = ":") -> list[Atoms]:
    """Frames that LAMMPS dumped, as argon."""
    frames = read(folder / "frames.dump", index=index, format="lammps-dump-text")
    return [Atoms("Ar" * len(one), one.positions, cell=one.cell, pbc=True) for one in frames]


def mean_edges(folders: list[Path], skip: float = 0.1) -> np.ndarray:
    """Mean edges of the box (angstrom) after the first part of a run."""
    table = thermo(folders)
    kept = slice(int(skip * len(table["Step"])), None)
    return np.array([table[name][kept].mean() for name in ("Lx", "Ly", "Lz")])


class Stages:
    """What the command line asks for."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.lammps = Lammps(options.lammps, options.fix_plumed)
        self.root: Path = options.output
        self.options = options
        self.root.mkdir(exist_ok=True)

    def steps(self, default: int) -> int:
        return self.options.steps or default

    def plumed(self, bias: str = "", printed: str = "") -> str:
        """PLUMED's input: the variable, a bias on it, and what to print."""
        load = Path("load.dat").read_text()
        action = f"cv: GNNCV MODEL={Path('cv.pt').resolve()} ATOMS=@mdatoms\n"
        return load + action + bias + COLVAR.format(more=printed)

    def run(self, name: str, start: Path, steps: int, **others: object) -> list[Path]:
        """Run or continue the dynamics in the folder ``name``."""
        options = {"pressure": PRESSURE, "seed": self.options.seed, **others}
        return Dynamics(self.root / name, start, **options).run(self.lammps, steps, self.options.piece)

    @property
    def suffix(self) -> str:
        """Of the names of runs in boxes of another size."""
        return "" if self.options.edge == 5 else f"-{self.options.edge}"

    def one_phase(self) -> Path:
        """A perfect crystal to start from."""
        return write_data(self.root / f"crystal{self.suffix}.data", crystal((self.options.edge,) * 3))

    def frames(self) -> None:
        """Crystal and melt to train on."""
        small = self.one_phase()
        steps = self.steps(25_000)
        cold = self.run("frames/crystal", small, steps, dump=100)
        hot = self.run("frames/melting", small, 4000, temperature=3 * TEMPERATURE, hot=6 * TEMPERATURE)
        melt = self.run("frames/melt", hot[-1] / "end.restart", steps, dump=100)
        for name, folders in (("crystal", cold), ("melt", melt)):
            frames = [frame for folder in folders for frame in dumped(folder)]
            write(f"{name}.extxyz", frames[len(frames) // 5 :])

    def identical(self) -> None:
        """The same dynamics without PLUMED, with GNNCV that is only printed, and with a bias of zero."""
        start = self.one_phase()
        zero = "zero: RESTRAINT ARG=cv.progress AT=0.5 KAPPA=0\n"
        inputs = {"none": None, "printed": self.plumed(), "zero": self.plumed(zero, ",zero.bias")}
        said = {}
        for name, plumed in inputs.items():
            folders = self.run(f"identical/{name}", start, self.steps(5000), plumed=plumed, dump=500)
            said[name] = [(folder / "frames.dump").read_bytes() for folder in folders]
        for name in ("printed", "zero"):
            print(f"{name}: {'identical' if said[name] == said['none'] else 'DIFFERENT'}")

    def bulk(self, name: str, bias: str = "", printed: str = "") -> list[Path]:
        """A crystal with GNNCV loaded."""
        start = self.one_phase()
        return self.run(name, start, self.steps(300_000), plumed=self.plumed(bias, printed))

    def unbiased(self) -> None:
        """The crystal's density, GNNCV loaded."""
        self.bulk("unbiased" + self.suffix)

    def static(self) -> None:
        """The crystal's density under a static bias on `progress`."""
        self.bulk(
            "static",
            f"static: RESTRAINT ARG=cv.progress AT=1 KAPPA=0 SLOPE={SLOPE} STRIDE=4\n",
            ",static.bias",
        )

    def melt(self) -> None:
        """The melt's volume."""
        start = self.one_phase()
        hot = self.run("melting", start, 4000, temperature=3 * TEMPERATURE, hot=6 * TEMPERATURE)
        self.run("melt", hot[-1] / "end.restart", self.steps(300_000), plumed=self.plumed())

    def two_phases(self) -> Path:
        """A box that is half crystal and half melt, with the crystal's own Lx and Ly."""
        path = self.root / "two-phases.data"
        if path.exists():
            return path
        finished = (self.root / f"unbiased{self.suffix}").glob("*/done")
        unbiased = sorted((done.parent for done in finished), key=lambda one: int(one.name))
        if not unbiased:
            raise SystemExit("run the stage `unbiased` first: Lx and Ly are those of the crystal alone")
        edge = mean_edges(unbiased).mean() / self.options.edge
        width, height = self.options.cells
        half = crystal((width, width, height // 2), 4.0 / (edge / SIGMA) ** 3)
        start = write_data(self.root / "half.data", half)
        hot = self.run("half/melting", start, 6000, box="z", temperature=3 * TEMPERATURE, hot=6 * TEMPERATURE)
        cold = self.run("half/melt", hot[-1] / "end.restart", 10_000, box="z", dump=10_000)
        melt = dumped(cold[-1], "-1:")[0]
        melt.wrap()
        return write_data(path, stacked(half, melt, gap=0.6 * SIGMA))

    def sweep(self) -> None:
        """Unbiased growth and melting of the two-phase box, far from coexistence: does the variable count?"""
        start = self.two_phases()
        for name, pressure in (("grow", 4.0), ("shrink", 0.5)):
            options = {"box": "z", "hot": TEMPERATURE, "pressure": pressure, "dump": 500}
            self.run(name, start, self.steps(25_000), plumed=self.plumed(), **options)

    def pin(self) -> None:
        """Crystal and melt side by side, the size of the crystal held by a harmonic restraint."""
        start = self.two_phases()
        width, height = self.options.cells
        n_atoms = 4 * width * width * height
        for fraction in self.options.anchors:
            anchor = round(fraction * n_atoms)
            pin = f"pin: RESTRAINT ARG=cv.ncrystal AT={anchor} KAPPA={KAPPA} STRIDE={STRIDE}\n"
            pressure = self.options.pressure
            self.run(
                f"pin-{pressure:g}-{anchor}",
                start,
                self.steps(400_000),
                plumed=self.plumed(pin, ",pin.bias"),
                box="z",
                hot=TEMPERATURE,
                pressure=pressure,
                dump=10_000,
            )


def stacked(below: Atoms, above: Atoms, gap: float) -> Atoms:
    """A crystal and a melt of the same x and y on each other, with a gap (angstrom) at both interfaces."""
    height = below.cell[2, 2]
    centered = below.copy()  # the crystal's lowest plane is at zero: center it in its box
    centered.positions[:, 2] += 0.5 * (height - np.ptp(below.positions[:, 2]))
    lifted = above.copy()
    lifted.positions[:, 2] += height + 0.5 * gap
    both = centered + lifted
    both.set_cell([below.cell[0, 0], below.cell[1, 1], height + above.cell[2, 2] + gap])
    return both


def main() -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    stages = ("frames", "identical", "unbiased", "static", "melt", "sweep", "pin")
    parser.add_argument("stage", choices=stages)
    parser.add_argument("--lammps", default="lmp", help="LAMMPS' program")
    parser.add_argument("--fix-plumed", type=Path, help="plugin, where LAMMPS has no PLUMED inside")
    parser.add_argument("--steps", type=int, help="length of the run; each stage has its own default")
    parser.add_argument("--piece", type=int, default=50_000, help="steps in a piece")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--pressure", type=float, default=PRESSURE, help="of `pin`, epsilon / sigma^3")
    parser.add_argument("--anchors", type=float, nargs="+", default=[0.5], help="of `pin`: crystal's share")
    parser.add_argument("--edge", type=int, default=5, help="unit cells along a box of one phase")
    parser.add_argument(
        "--cells", type=int, nargs=2, default=[5, 16], help="cells along x and z of two phases"
    )
    parser.add_argument("--output", type=Path, default=Path("runs"))
    options = parser.parse_args()
    getattr(Stages(options), options.stage)()


if __name__ == "__main__":
    main()
