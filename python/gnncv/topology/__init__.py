"""Molecules: templates, their match with lists of atoms, and the geometry of sites.

Takes numpy, torch and ase only: data, models, engines and the rest build on it, not the other way round.
"""

from gnncv.topology.geometry import SiteGeometry, site_geometry
from gnncv.topology.layout import SiteLayout, Topology
from gnncv.topology.molecule import Axis, Molecule
from gnncv.topology.whole import longest_bonds, make_whole

__all__ = [
    "Axis",
    "Molecule",
    "SiteGeometry",
    "SiteLayout",
    "Topology",
    "longest_bonds",
    "make_whole",
    "site_geometry",
]
