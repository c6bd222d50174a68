"""CPU time of a PLUMED step with a graph model of mlcolvar: GNNCV beside mlcolvar's own action.

    python benchmarks/guests.py --model MODEL.pt --plugin libgnncv_plumed.so --peer libPytorchModelGNN.so

The model knows argon only. Each action is alone in a `plumed driver` with a restraint on its first output,
for argon near an fcc lattice, moving at constant velocity (about 100 K, 4 fs a frame). The time of a step is
the difference of a long and a short run, so free of what starting costs; the driver's own is subtracted. CPU
time is user and system together, one thread.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from ase.build import bulk

from machine import print_facts

RESTRAINT = "restraint: RESTRAINT ARG={} AT=0 KAPPA=1\n"


def write_frames(folder: Path, cells: int, n_frames: int) -> int:
    """Write FOLDER/frames.xyz in nm and FOLDER/names.pdb; return the number of atoms."""
    generator = np.random.default_rng(0)
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True) * ((cells,) * 3)
    start = atoms.positions + generator.normal(scale=0.3, size=(len(atoms), 3))
    step = generator.normal(scale=0.0058, size=start.shape)
    with open(folder / "frames.xyz", "w", encoding="utf-8") as file:
        for t in range(n_frames):
            file.write(f"{len(atoms)}\n" + " ".join([f"{0.53 * cells:.6f}"] * 3) + "\n")
            file.writelines("Ar {:.7f} {:.7f} {:.7f}\n".format(*r) for r in (start + t * step) / 10)
    line = "ATOM  {:5d} AR   UNK A{:4d}       0.000   0.000   0.000  1.00  1.00          AR\n"
    text = "".join(line.format(i % 100000, i % 10000) for i in range(1, len(atoms) + 1))
    (folder / "names.pdb").write_text(text + "END\n")
    return len(atoms)


def inputs(model: Path, plugin: Path, peer: Path | None) -> dict[str, str]:
    """PLUMED input of each case; the first is the driver alone."""
    cases = {"driver": "c: VOLUME\n" + RESTRAINT.format("c")}
    action = f"c: GNNCV MODEL={model} ATOMS=@mdatoms\n"
    cases["GNNCV"] = f"LOAD FILE={plugin}\n" + action + RESTRAINT.format("c.node-0")
    if peer is not None:
        for stride in (1, 10):
            action = f"c: PYTORCH_GNN MODEL={model} SYSTEM_SELECTION=@mdatoms STRUCTURE=names.pdb"
            cases[f"PYTORCH_GNN NL_STRIDE={stride}"] = (
                f"LOAD FILE={peer}\n{action} NL_STRIDE={stride}\n" + RESTRAINT.format("c.node-0")
            )
    return cases


def run(plumed: str, folder: Path, text: str, n_frames: int, n_atoms: int) -> tuple[float, float]:
    """CPU and wall seconds of a driver on the first frames."""
    (folder / "plumed.dat").write_text(text)
    with open(folder / "frames.xyz", encoding="utf-8") as whole, open(folder / "part.xyz", "w") as part:
        part.writelines(line for line, _ in zip(whole, range(n_frames * (n_atoms + 2)), strict=False))
    command = [plumed, "driver", "--plumed", "plumed.dat", "--ixyz", "part.xyz"]
    threads = {"OMP_NUM_THREADS": "1", "PLUMED_NUM_THREADS": "1"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | threads)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def main() -> None:
    """Print a table of milliseconds a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--plugin", type=Path, required=True)
    parser.add_argument("--peer", type=Path, help="PytorchModelGNN.cpp of mlcolvar, compiled for this PLUMED")
    parser.add_argument("--plumed", default="plumed")
    parser.add_argument("--cells", type=int, nargs="+", default=[4, 10], help="fcc cells along a side")
    parser.add_argument("--frames", type=int, nargs=2, default=[8, 28], help="of the short and the long run")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print_facts(threads=1)
    short, long = given.frames
    peer = given.peer.resolve() if given.peer else None
    for cells in given.cells:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            n_atoms = write_frames(folder, cells, long)
            found: dict[str, list[np.ndarray]] = {}
            cases = inputs(given.model.resolve(), given.plugin.resolve(), peer)
            for _ in range(given.repeats):
                for title, text in cases.items():
                    times = [np.array(run(given.plumed, folder, text, n, n_atoms)) for n in (short, long)]
                    found.setdefault(title, []).append(1e3 * (times[1] - times[0]) / (long - short))
        own = np.median(found.pop("driver"), axis=0)
        print(f"{n_atoms} atoms; driver alone {own[0]:.1f} ms CPU")
        for title, rows in found.items():
            cpu, wall = np.array(rows).T - own[:, None]
            each = ", ".join(f"{x:.1f}" for x in cpu)
            print(
                f"  {title:26} CPU {statistics.median(cpu):.1f} ({each}), wall {statistics.median(wall):.1f}"
            )


if __name__ == "__main__":
    main()
