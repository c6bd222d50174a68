"""Run with GROMACS, harvest, relabel, retrain: rounds/round-0, round-1, ...; given again, it goes on.

python rounds.py --gmx gmx --rounds 2 --steps 250000
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
from pathlib import Path

from ase.io import iread, read, write
from order import learned_thresholds, molecules, orientation

from gnncv import CollectiveVariable
from gnncv.export import export
from gnncv.files import write_atomic
from gnncv.rounds import HarvestConfig, harvest_run
from gnncv.rounds.loop import configured_frames
from gnncv.topology import Topology, guess_topology, make_whole
from gnncv.training import TrainConfig, fit

HERE = Path(__file__).resolve().parent
BENZENE = HERE.parent / "benzene"
CUTOFF = 7.6  # angstrom between centers
HARVEST = "harvest.extxyz"


def command(arguments: list[str], folder: Path, answer: str = "") -> None:
    """Run one command in a folder, its output in command.log there."""
    with open(folder / "command.log", "a") as log:
        log.write("$ " + " ".join(arguments) + "\n")
        log.flush()
        done = subprocess.run(arguments, cwd=folder, input=answer, text=True, stdout=log, stderr=log)
    if done.returncode:
        raise SystemExit(f"{arguments[0]} {arguments[1]} failed: see {folder / 'command.log'}")


def write_start(path: Path) -> None:
    """The last frame of the crystal, molecules in one piece, as a .gro file."""
    atoms = read(BENZENE / "crystal.extxyz.gz", index=-1)
    topology = guess_topology(atoms, {"C6H6": "benzene"})
    layout = topology.match(atoms.get_chemical_symbols())
    whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout) / 10.0
    names = [f"{symbol}{k}" for symbol in "CH" for k in range(1, 7)]
    lines = ["benzene", f"{len(atoms)}"]
    for k, position in enumerate(whole):
        x, y, z = position
        lines.append(f"{k // 12 + 1:5d}{'BNZ':<5s}{names[k % 12]:>5s}{k + 1:5d}{x:8.3f}{y:8.3f}{z:8.3f}")
    lines.append("".join(f"{length / 10.0:10.5f}" for length in atoms.cell.lengths()))
    path.write_text("\n".join(lines) + "\n")


def prepare(here: Path, gmx: list[str], steps: int, seed: int) -> None:
    """The input of mdrun, made once; with other `steps` later, the same run made longer."""
    settings = (HERE / "npt.mdp").read_text()
    if not (here / "npt.tpr").exists():
        for key, value in {"gen-seed": seed, "ld-seed": seed, "nsteps": steps}.items():
            settings = re.sub(rf"(?m)^({key}\s*=\s*)\S+", rf"\g<1>{value}", settings)
        (here / "npt.mdp").write_text(settings)
        write_start(here / "start.gro")
        shutil.copy(HERE / "plumed.dat", here)
        with open(here / "load.dat", "w") as file:
            subprocess.run(["gnncv", "plumed", "load"], stdout=file, check=True)
        top = str(BENZENE / "topol.top")
        command([*gmx, "grompp", "-f", "npt.mdp", "-c", "start.gro", "-p", top, "-o", "npt.tpr"], here)
    else:
        command([*gmx, "convert-tpr", "-s", "npt.tpr", "-nsteps", str(steps), "-o", "longer.tpr"], here)
        os.replace(here / "longer.tpr", here / "npt.tpr")


def simulate(here: Path, gmx: list[str], steps: int, seed: int) -> None:
    """mdrun up to `steps`, from its last checkpoint where there is one; frames.pdb."""
    prepare(here, gmx, steps, seed)
    again = ["-cpi", "npt.cpt"] if (here / "npt.cpt").exists() else []
    one = ["-ntmpi", "1", "-ntomp", "1"]
    command([*gmx, "mdrun", "-deffnm", "npt", "-plumed", "plumed.dat", *one, *again], here)
    frames = ["-f", "npt.xtc", "-s", "npt.tpr", "-o", "frames.pdb"]
    command([*gmx, "trjconv", *frames], here, answer="0\n")


def harvest(here: Path, config: TrainConfig, most: int) -> None:
    """New frames of a run; those on which positions and orientations of molecules disagree get no label."""
    run_frames = list(iread(here / "frames.pdb"))
    settings = HarvestConfig(max_frames=most)
    found = harvest_run(here / "cv.pt", run_frames, config, CUTOFF, here.name, settings)
    topology = Topology.from_dict(CollectiveVariable(here / "cv.pt").metadata["topology"])
    turned = learned_thresholds(topology)[1]
    for atoms in found.frames:
        if turned.phase(orientation(molecules(atoms, topology)[1])) != atoms.info.get("phase"):
            atoms.info.pop("phase", None)
    labels = [atoms.info.get("phase") for atoms in found.frames]
    counts = ", ".join(
        f"{labels.count(name)} {name or 'without label'}" for name in ("crystal", "melt", None)
    )
    print(f"{here}: {len(run_frames)} frames, harvested: {counts}")
    with write_atomic(here / HARVEST, overwrite=True) as temporary:
        write(temporary, found.frames, format="extxyz")


def main() -> None:
    """All rounds, each where it has not been done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gmx", default="gmx", help="command of GROMACS 2025 or newer")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=250000, help="of 4 fs, each round")
    parser.add_argument("--frames", type=int, default=100, help="harvested a round, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("rounds"))
    options = parser.parse_args()
    config = TrainConfig.from_yaml(HERE / "train.yaml")
    frames = configured_frames(config)
    for number in range(options.rounds):
        here = options.output / f"round-{number}"
        here.mkdir(parents=True, exist_ok=True)
        if not (here / "cv.pt").exists():
            export(fit(config, here / "train", frames=frames, overwrite=True), here / "cv.pt")
        config.stage1.run = options.output / "round-0" / "train" / "stage1"  # the molecule is learned once
        if not (here / HARVEST).exists():
            simulate(here, options.gmx.split(), options.steps, options.seed + number)
            harvest(here, config, options.frames)
        frames += read(here / HARVEST, index=":")
    print(f"now: python order.py {options.output}/round-*")


if __name__ == "__main__":
    main()
