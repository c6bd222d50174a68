"""Writes argon.data, the start of the LAMMPS inputs here: ``python write_argon.py FRAMES.extxyz.gz``."""

import sys

from ase.io import read, write

atoms = read(sys.argv[1], index=-1)
write("argon.data", atoms, format="lammps-data", units="real")
print(f"argon.data: {len(atoms)} atoms")
