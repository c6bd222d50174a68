"""The Mutagenicity data set from files in TUDataset format, which the test writes itself; no network."""

import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gnncv.errors import InvalidArgument
from gnncv.explain.foreign import (
    ATOM_MAP,
    CLASSES,
    graph_of_smiles,
    mutagenicity,
    nitro_molecules,
    tu_dataset,
)

pytest.importorskip("rdkit.Chem", reason="RDKit is not installed")
pytestmark = pytest.mark.skipif(
    find_spec("torch_geometric") is None, reason="torch_geometric is not installed"
)

# Together all 14 elements, as the whole data set has them.
EVERY_ELEMENT = "[Na+].[K+].[Li+].[Ca+2].IC(P)C(Br)C(S)C(N)C(Cl)C(F)CO"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def write_tu_files(folder: Path, name: str, graphs: list[Any]) -> None:
    """The files of a TUDataset: 1-based pairs and graph numbers, one label a line."""
    folder.mkdir(parents=True)
    starts = np.cumsum([0, *(graph.num_nodes for graph in graphs)])
    pairs = np.concatenate([g.edge_index.numpy().T + s + 1 for g, s in zip(graphs, starts, strict=False)])
    columns = {
        "A": [f"{i}, {j}" for i, j in pairs],
        "graph_indicator": [i for i, g in enumerate(graphs, start=1) for _ in range(g.num_nodes)],
        "graph_labels": [int(g.y) for g in graphs],
        "node_labels": [k for g in graphs for k in g.x.argmax(1).tolist()],
        "edge_labels": [k for g in graphs for k in g.edge_attr.argmax(1).tolist()],
    }
    for part, lines in columns.items():
        (folder / f"{name}_{part}.txt").write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture(scope="module")
def molecules() -> list[Any]:
    every = graph_of_smiles(EVERY_ELEMENT)
    nitrile = graph_of_smiles("CC#N")  # a triple bond: the third edge label
    return [*nitro_molecules(6, seed=3), every, nitrile]


@pytest.mark.parametrize("place", ["Mutagenicity/raw", "Mutagenicity", "."])
def test_molecules_come_back_from_the_files(place: str, tmp_path: Path, molecules: list[Any]) -> None:
    root = tmp_path / "given"
    write_tu_files(root / place, "Mutagenicity", molecules)
    dataset = mutagenicity(root)
    assert len(dataset) == len(molecules)
    assert (dataset.num_node_features, dataset.num_edge_features, dataset.num_classes) == (14, 3, 2)
    for read, written in zip(dataset, molecules, strict=True):
        for field in ("x", "edge_index", "edge_attr", "y", "z"):
            torch.testing.assert_close(read[field], written[field])
        assert read.is_undirected()
        assert read.feature_names == ",".join(ATOM_MAP)
        assert read.output_names == ",".join(CLASSES) == "mutagen,nonmutagen"
    shuffled = dataset.shuffle()
    assert sorted(g.num_nodes for g in shuffled[:3] + shuffled[3:]) == sorted(g.num_nodes for g in molecules)


def test_files_are_asked_for_where_they_are_missing(tmp_path: Path, molecules: list[Any]) -> None:
    with pytest.raises(
        InvalidArgument, match="no Mutagenicity_A.txt in .*; unpack https://.*Mutagenicity.zip"
    ):
        mutagenicity(tmp_path)
    write_tu_files(tmp_path / "Mutagenicity", "Mutagenicity", molecules)
    (tmp_path / "Mutagenicity" / "Mutagenicity_graph_indicator.txt").unlink()
    with pytest.raises(InvalidArgument, match="has no Mutagenicity_graph_indicator.txt"):
        mutagenicity(tmp_path)


def test_files_of_something_else_are_refused(tmp_path: Path, molecules: list[Any]) -> None:
    write_tu_files(tmp_path / "few" / "Mutagenicity", "Mutagenicity", molecules[:4])
    with pytest.raises(
        InvalidArgument, match="has . kinds of atoms, expected 14; load a part of the data set"
    ):
        mutagenicity(tmp_path / "few")
    assert len(tu_dataset(tmp_path / "few", "Mutagenicity")) == 4
    write_tu_files(tmp_path / "broken" / "Mutagenicity", "Mutagenicity", molecules)
    (tmp_path / "broken" / "Mutagenicity" / "Mutagenicity_A.txt").write_text("1, 2\nnot a number\n")
    with pytest.raises(InvalidArgument, match="cannot be read as a TUDataset"):
        mutagenicity(tmp_path / "broken")
