"""The Mutagenicity data set, and any other in TUDataset format, from files that are already here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ase.data import atomic_numbers

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign.libraries import torch_geometric

# Elements of the 14 node labels, and names of the two classes, as the data set's readme gives them.
ATOM_MAP = ("C", "O", "Cl", "H", "N", "F", "Br", "S", "P", "I", "Na", "K", "Li", "Ca")
CLASSES = ("mutagen", "nonmutagen")

_SOURCE = "https://www.chrsmrrs.com/graphkerneldatasets"
_NEEDED = ("A", "graph_indicator")


def tu_dataset(folder: str | Path, name: str, transform: Any = None) -> Any:
    """A data set in TUDataset format, read from files on this machine; nothing is downloaded.

    Parameters
    ----------
    folder : path
        Where the files ``NAME_A.txt``, ``NAME_graph_indicator.txt``, ``NAME_graph_labels.txt``,
        ``NAME_node_labels.txt``, ``NAME_edge_labels.txt`` lie: here, in ``NAME/`` (as the data set's zip is
        unpacked) or in ``NAME/raw/`` (where torch_geometric puts them). What was read is kept in
        ``NAME/processed/``, as torch_geometric does; remove that folder when the files have changed.
    name : str
        Name of the data set, with which its files begin.
    transform : callable, optional
        Applied to each graph as it is taken out.

    Returns
    -------
    torch_geometric.datasets.TUDataset
        ``x`` one-hot node labels, ``edge_attr`` one-hot edge labels, ``y`` the class counted from 0.

    Raises
    ------
    InvalidArgument
        If the files are not there, or one of them cannot be read.
    """
    pyg = torch_geometric()
    root = Path(folder)
    places = [root / name / "raw", root / name, root]
    found = next((place for place in places if (place / f"{name}_A.txt").is_file()), None)
    if found is None:
        raise InvalidArgument(
            f"no {name}_A.txt in {', '.join(map(str, places))}; unpack {_SOURCE}/{name}.zip there"
        )
    missing = [f"{name}_{part}.txt" for part in _NEEDED if not (found / f"{name}_{part}.txt").is_file()]
    if missing:
        raise InvalidArgument(f"{found} has no {missing[0]}; the data set's zip holds it")

    base: Any = pyg.datasets.TUDataset

    class Given(base):
        """TUDataset, whose own raw folder is ``NAME/raw`` alone."""

        @property
        def raw_dir(self) -> str:
            return str(found)

        def __repr__(self) -> str:
            return f"{name}({len(self)})"

    try:
        return Given(str(root), name, transform=transform)
    except (ValueError, RuntimeError, IndexError) as error:
        raise InvalidArgument(
            f"the files {name}_*.txt in {found} cannot be read as a TUDataset: {error}"
        ) from error


def mutagenicity(folder: str | Path) -> Any:
    """The Mutagenicity data set (4337 molecules with hydrogens), read from files as by :func:`tu_dataset`.

    Each graph carries, besides what the files give, what the explainers read: ``z`` (atomic numbers),
    ``feature_names`` and ``output_names``, so that nodes, features and classes have names.

    Returns
    -------
    torch_geometric.datasets.TUDataset
        ``x (n, 14)`` one-hot elements of ``ATOM_MAP``, ``edge_attr (E, 3)`` one-hot single, double, triple
        bonds, ``y`` 0 for mutagen and 1 for nonmutagen.

    Notes
    -----
    J. Kazius, R. McGuire, R. Bursi, J. Med. Chem. 48, 312 (2005); as graphs: K. Riesen, H. Bunke, IAM graph
    database (2008), in the TUDataset collection of C. Morris et al., arXiv:2007.08663.
    """
    dataset = tu_dataset(folder, "Mutagenicity", transform=with_names)
    if dataset.num_node_labels != len(ATOM_MAP):
        raise InvalidArgument(
            f"Mutagenicity_node_labels.txt in {folder} has {dataset.num_node_labels} kinds of atoms, "
            f"expected {len(ATOM_MAP)}; load a part of the data set by tu_dataset"
        )
    return dataset


def with_names(graph: Any, elements: tuple[str, ...] = ATOM_MAP, classes: tuple[str, ...] = CLASSES) -> Any:
    """The graph with ``z``, ``feature_names`` and ``output_names``, read from its one-hot elements."""
    numbers = torch.tensor([atomic_numbers[symbol] for symbol in elements])
    graph.z = numbers[graph.x[:, : len(elements)].argmax(dim=1)]
    # not lists: one as long as the molecule would be taken for a list of its nodes by torch_geometric
    graph.feature_names = ",".join(elements)
    graph.output_names = ",".join(classes)
    return graph
