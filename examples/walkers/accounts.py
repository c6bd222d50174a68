"""Hills on file against the bias that walkers feel: ``python accounts.py OUTPUT``, of walkers.py."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

from gnncv.analysis.bias import hill_sum
from gnncv.engines.generations import load_generation
from gnncv.files import read_colvar, read_hills


def hill_files(output: Path) -> list[Path]:
    """The file of hills of each walker, whichever way they share them."""
    found = []
    for folder in sorted(output.glob("walker-?")):
        number = folder.name[-1]
        places = (output / "bias" / f"HILLS.{number}", folder / "plumed" / "HILLS", folder / "HILLS")
        found.append(next(path for path in places if path.exists()))
    return found


def check_grids(output: Path) -> float:
    """Each walker's hills on file, the grid it shows the others, and the grid of its restart point."""
    largest = 0.0
    for shown in sorted((output / "bias").glob("bias_*.npy")):
        number = shown.name.split("_")[1]
        folder = output / f"walker-{number}"
        generation = load_generation(folder / "generations")
        assert generation is not None
        own = np.load(io.BytesIO(generation.files["own_bias.npy"]))
        record = yaml.safe_load((output / "bias" / "grid.json").read_text())
        points = np.linspace(record["min"], record["max"], int(record["points"]))
        hills = hill_sum(read_hills(folder / "HILLS"), points)
        assert np.array_equal(own, np.load(shown)), f"walker {number} shows others what it does not have"
        largest = max(largest, float(np.abs(hills - own).max()))
    return largest


def check_felt(output: Path, pace: int) -> float:
    """Let each walker in turn go on for one hill: it must feel all hills of all walkers, once."""
    largest = 0.0
    for path in sorted(output.glob("walker-?.yaml")):
        values = yaml.safe_load(path.read_text())
        values["steps"] += pace
        path.write_text(yaml.safe_dump(values, sort_keys=False))
        command = [sys.executable, "-m", "gnncv.cli.main", "run", str(path), "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        table = read_colvar(path.with_suffix("") / "COLVAR")
        expected = 0.0
        for file in hill_files(output):
            hills = read_hills(file)
            own = file.name.endswith(f".{path.stem[-1]}") or path.stem in str(file)
            before = (
                hills.part(0, len(hills) - 1) if own else hills
            )  # its row was written before its last hill
            expected += float(hill_sum(before, table["progress"][-1:])[0])
        largest = max(largest, abs(expected - float(table["bias_kj_mol"][-1])))
    return largest


def check_accounts(output: Path) -> None:
    """Print how many hills there are, and by how much the bias felt is not their sum."""
    for file in hill_files(output):
        hills = read_hills(file)
        again = len(hills) - len(np.unique(hills.time))
        print(f"{file.relative_to(output)}: {len(hills)} hills, {again} of them at a time that was run again")
    if list((output / "bias").glob("bias_*.npy")):
        print(f"hills on file and grids: largest difference {check_grids(output):.1e} kJ/mol")
    pace = 100
    smallest = min(read_hills(file).bias_heights.min() for file in hill_files(output))
    difference = check_felt(output, pace)
    print(
        f"bias felt and hills of all: largest difference {difference:.1e} kJ/mol (least hill {smallest:.2f})"
    )
    if difference > 0.1 * smallest:
        sys.exit("a hill is missing, or counts twice")


if __name__ == "__main__":
    check_accounts(Path(sys.argv[1]))
