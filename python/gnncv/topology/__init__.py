"""Molecules: templates, their match with lists of atoms, and the geometry of sites.

Takes numpy, torch, ase and networkx (and, where they are asked for, vesin and RDKit): data, models, engines
and the rest build on it, not the other way round.
"""

from gnncv.topology.axis import Axis
from gnncv.topology.build import build_topology
from gnncv.topology.centers import center_frame
from gnncv.topology.choices import Choices
from gnncv.topology.config import AxisConfig, MoleculeEntry
from gnncv.topology.geometry import SiteGeometry, site_geometry
from gnncv.topology.guess import atom_order, group_by_molecule, guess_topology, reorder
from gnncv.topology.layout import SiteLayout, Topology
from gnncv.topology.molecule import Molecule
from gnncv.topology.whole import longest_bonds, make_whole

__all__ = [
    "Axis",
    "AxisConfig",
    "Choices",
    "Molecule",
    "MoleculeEntry",
    "SiteGeometry",
    "SiteLayout",
    "Topology",
    "atom_order",
    "build_topology",
    "center_frame",
    "group_by_molecule",
    "guess_topology",
    "longest_bonds",
    "make_whole",
    "reorder",
    "site_geometry",
]
