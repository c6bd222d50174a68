"""Models of torch_geometric that others wrote, their data sets and their molecules."""

from gnncv.explain.foreign.mutagenicity import ATOM_MAP, CLASSES, mutagenicity, tu_dataset
from gnncv.explain.foreign.nitro_molecules import NITRO_CLASSES, graph_of_smiles, nitro_molecules
from gnncv.explain.foreign.torch_geometric_function import TorchGeometricFunction

__all__ = [
    "ATOM_MAP",
    "CLASSES",
    "NITRO_CLASSES",
    "TorchGeometricFunction",
    "graph_of_smiles",
    "mutagenicity",
    "nitro_molecules",
    "tu_dataset",
]
