"""Graphs hold every pair within the cutoff once in each direction, sorted, and join into batches."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.neighborlist import neighbor_list

from gnncv.data import GraphBatch, build_graph


def random_atoms(n: int, pbc: bool | tuple, generator: np.random.Generator) -> Atoms:
    cell = (4.0 * max(n, 1) ** (1 / 3)) * (np.eye(3) + generator.uniform(-0.2, 0.2, (3, 3)))
    symbols = generator.choice(["Ar", "Kr"], n)
    return Atoms(list(symbols), positions=generator.uniform(0, 1, (n, 3)) @ cell, cell=cell, pbc=pbc)


@pytest.mark.parametrize("pbc", [False, True, (True, True, False)])
@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_pairs_are_those_of_ase(n: int, pbc: bool | tuple, generator: np.random.Generator) -> None:
    atoms = random_atoms(n, pbc, generator)
    graph = build_graph(atoms, 5.0, ["Ar", "Kr"])
    center, distance = neighbor_list("id", atoms, 5.0)
    assert len(graph.center) == len(center)
    assert np.allclose(np.sort(graph.vectors.norm(dim=1).numpy()), np.sort(distance))
    assert torch.equal(graph.center, graph.center.sort().values)
    assert graph.row_ptr.tolist() == np.cumsum([0, *np.bincount(center, minlength=n)]).tolist()


def test_batches_keep_frames_apart(generator: np.random.Generator) -> None:
    graphs = [build_graph(random_atoms(n, True, generator), 5.0, ["Ar", "Kr"], 0) for n in (3, 1, 20)]
    batch = GraphBatch.from_graphs(graphs)
    assert batch.n_frames == 3
    assert torch.equal(batch.frame[batch.center], batch.frame[batch.neighbor])
    assert torch.bincount(batch.frame).tolist() == [3, 1, 20]
    assert torch.equal(batch.vectors, torch.cat([g.vectors for g in graphs]))
    assert batch.row_ptr[-1] == len(batch.center)
