"""Writes argon.gro, the start of this run: ``python write_argon.py FRAMES.extxyz.gz``."""

import sys

from ase.io import read

atoms = read(sys.argv[1], index=-1)
atoms.wrap()
lines = [f"argon, frame of {sys.argv[1].rsplit('/', 1)[-1]}", str(len(atoms))]
for number, (x, y, z) in enumerate(0.1 * atoms.positions, start=1):
    lines.append(f"{number:5d}Ar      Ar{number:5d}{x:8.4f}{y:8.4f}{z:8.4f}")
lines.append(" ".join(f"{0.1 * length:.5f}" for length in atoms.cell.lengths()))
with open("argon.gro", "w") as stream:
    stream.write("\n".join(lines) + "\n")
print(f"argon.gro: {len(atoms)} atoms")
