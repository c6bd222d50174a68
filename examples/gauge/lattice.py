"""Writes a perfect crystal of 256 argon atoms: ``python lattice.py start.extxyz``."""

import sys

from ase.build import bulk

atoms = bulk("Ar", "fcc", a=5.48, cubic=True) * (4, 4, 4)
atoms.write(sys.argv[1])
print(f"{sys.argv[1]}: {len(atoms)} atoms")
