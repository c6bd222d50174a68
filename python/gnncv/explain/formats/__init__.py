"""Explanations as files: extended XYZ, CSV, data frames, PDB."""

from gnncv.explain.formats.extxyz import write_extxyz
from gnncv.explain.formats.pdb import write_pdb
from gnncv.explain.formats.table import to_columns

__all__ = ["to_columns", "write_extxyz", "write_pdb"]
