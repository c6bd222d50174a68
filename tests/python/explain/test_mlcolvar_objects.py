"""CVs and data sets as mlcolvar has them, without mlcolvar: objects that look like its own.

test_sensitivity_of_mlcolvar.py takes the real ones, where they are installed.
"""

import warnings

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.data import chemical_symbols

import gnncv
from gnncv.errors import InvalidArgument
from gnncv.explain import graph_node_sensitivity, node_sensitivity
from guest_model import CUTOFF, NUMBERS, make_guest, write_guest
from systems import random_structure

SPECIES = [chemical_symbols[number] for number in NUMBERS]


class Cv(torch.nn.Module):
    """Looks like mlcolvar.cvs.BaseCV."""

    def __init__(self, network):
        super().__init__()
        self.nn = network

    def forward(self, data):
        return self.nn(data)


class DataSet(dict):
    """Looks like mlcolvar.data.DictDataset."""

    def __init__(self, graphs, **metadata):
        super().__init__(data_list=graphs)
        self.metadata = {"data_type": "graphs", "atomic_numbers": NUMBERS, **metadata}


def graph_of(atoms, module, system, kept):
    """mlcolvar's graph of some atoms of a frame, others removed; the names of its system's nodes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from torch_geometric.data import Data
    from ase.neighborlist import primitive_neighbor_list

    some = atoms[kept]
    first, second, shifts = primitive_neighbor_list("ijS", some.pbc, some.cell.array, some.positions, CUTOFF)
    kinds = torch.tensor([NUMBERS.index(number) for number in some.numbers])
    masks = np.isin(kept, system)
    dtype = module.cutoff.dtype
    return Data(
        edge_index=torch.tensor(np.stack([first, second]), dtype=torch.long),
        shifts=torch.tensor(shifts.reshape(-1, 3) @ some.cell.array, dtype=dtype),
        positions=torch.tensor(some.positions, dtype=dtype),
        cell=torch.tensor(some.cell.array, dtype=dtype),
        node_attrs=torch.nn.functional.one_hot(kinds, len(NUMBERS)).to(dtype),
        system_masks=torch.tensor(masks[:, None]),
        n_system=torch.tensor([[float(masks.sum())]], dtype=dtype),
        edge_masks_lr=torch.zeros((len(first), 1), dtype=torch.bool),
        system_names_idx=torch.tensor([list(system).index(i) for i in np.array(kept)[masks]]),
    )


def norms_of(graph, module):
    """Of the first output of a graph by itself; pooled over the system's nodes, as mlcolvar pools."""
    positions = graph.positions.clone().requires_grad_(True)
    batch = torch.zeros(len(positions), dtype=torch.long)
    value = module({**graph.to_dict(), "positions": positions, "batch": batch})[0, 0]
    return torch.autograd.grad(value, positions)[0].norm(dim=1).numpy()


def frames_of(generator, n_atoms=14, n_frames=5):
    first = random_structure("triclinic", n_atoms, SPECIES, CUTOFF, generator)
    frames = [first.copy() for _ in range(n_frames)]
    for atoms in frames:
        atoms.positions += generator.normal(0.0, 0.2, (n_atoms, 3))
    return frames


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return write_guest(tmp_path_factory.mktemp("guest") / "guest.pt")


@pytest.fixture
def module():
    return make_guest()


@pytest.mark.parametrize("batch_size", [None, 0, 1, 2])
def test_a_module_on_frames_and_on_graphs_is_its_exported_file(generator, exported, module, batch_size):
    frames = frames_of(generator)
    everything = list(range(14))
    graphs = [graph_of(atoms, module, everything, everything) for atoms in frames]
    names = [f"RES{i}" for i in everything]
    data = DataSet(graphs, is_truncated_graph=False, system_idx=torch.arange(14), system_atoms_names=names)
    cv = Cv(module)
    expected = graph_node_sensitivity(exported, frames, 1, show_progress=False)
    cv.train()
    for model, given in ((cv, frames), (cv, data), (gnncv.CollectiveVariable(exported), data)):
        found = graph_node_sensitivity(model, given, 1, batch_size=batch_size, show_progress=False)
        assert np.allclose(found["raw_sensitivities"], expected["raw_sensitivities"], rtol=1e-9, atol=1e-14)
        assert np.allclose(found["values"], expected["values"], rtol=1e-12)
        assert found["component"] == "node-1"
        assert found["node_labels"] == (names if given is data else expected["node_labels"])
        assert found["frames"][0].get_chemical_formula() == frames[0].get_chemical_formula()
    assert cv.training  # its mode is put back
    one = node_sensitivity(cv, data, "node-1", batch_size=batch_size, show_progress=False)
    other = node_sensitivity(Cv(make_guest(seed=4)), data, show_progress=False)
    assert len(one.model_hash) == 64 and one.model_hash != other.model_hash
    assert np.allclose(one.scores, expected["avg_sensitivities"], rtol=1e-9)


def test_truncated_graphs_whose_nodes_change(generator, module):
    """System atoms that were removed get zero; the environment is what is there; names stay with atoms."""
    frames = frames_of(generator)
    system = [2, 5, 6, 9]
    kept = [[1, 2, 5, 6, 7, 9], [2, 5, 9, 12], [2, 5, 6, 9], [0, 1, 3, 4, 5, 6, 9, 13], list(range(14))]
    graphs = [graph_of(atoms, module, system, some) for atoms, some in zip(frames, kept, strict=True)]
    data = DataSet(
        graphs, is_truncated_graph=True, system_idx=torch.arange(4), system_atoms_names=["a", "b", "c", "d"]
    )
    result = graph_node_sensitivity(Cv(module), data, show_progress=False)
    labels = ["a", "b", "c", "d", "environment_atoms_mean", "environment_atoms_sum"]
    assert result["node_labels"] == result["atoms_list"] == labels
    expected = np.zeros((5, 6))
    for k, some in enumerate(kept):
        alone = norms_of(graphs[k], module)
        assert np.allclose(result["raw_sensitivities"][k], alone, rtol=1e-9, atol=1e-14)
        others = [score for i, score in zip(some, alone, strict=True) if i not in system]
        expected[k, :4] = [alone[some.index(i)] if i in some else 0.0 for i in system]
        expected[k, 4:] = (np.mean(others), np.sum(others)) if others else 0.0
    assert np.allclose(result["avg_sensitivities"], expected.mean(axis=0), rtol=1e-9)


def test_an_atom_that_is_isolated_in_every_frame_has_no_name(generator, module):
    """mlcolvar's function fails here with IndexError: names are counted among the atoms that were used."""
    frames = frames_of(generator, n_frames=2)
    kept = [[0, 1, 3, 4, 5], [0, 1, 4, 5, 6]]
    graphs = [graph_of(atoms, module, range(14), some) for atoms, some in zip(frames, kept, strict=True)]
    used = torch.tensor([0, 1, 3, 4, 5, 6])
    data = DataSet(
        graphs, is_truncated_graph=False, system_idx=used, system_atoms_names=[f"N{i}" for i in used.tolist()]
    )
    result = graph_node_sensitivity(Cv(module), data, show_progress=False)
    raw = result["raw_sensitivities"]
    expected = [[*raw[0], 0.0], [raw[1][0], raw[1][1], 0.0, *raw[1][2:]]]
    assert np.allclose(result["avg_sensitivities"], np.mean(expected, axis=0), rtol=1e-12)
    graphs[1]["system_names_idx"] = torch.tensor([0, 1])
    with pytest.raises(InvalidArgument, match="graph 1 has 5 nodes of the system and names 2 of 6"):
        graph_node_sensitivity(Cv(module), data, show_progress=False)


def test_what_cannot_be_explained(generator, module):
    frames = frames_of(generator)
    descriptors = Cv(torch.nn.Linear(3, 1))
    with pytest.raises(InvalidArgument, match="the CV's network, a Linear, has no n_out"):
        graph_node_sensitivity(descriptors, frames)
    with pytest.raises(InvalidArgument, match="'Xe' of atom 0 is unknown to the model"):
        graph_node_sensitivity(Cv(module), Atoms("Xe"), show_progress=False)
    data = DataSet([], is_truncated_graph=False, system_idx=[], system_atoms_names=[])
    with pytest.raises(InvalidArgument, match="no frames in the data set"):
        graph_node_sensitivity(Cv(module), data)
    graphs = [graph_of(frames[0], module, range(14), range(14))]
    data = DataSet(graphs, is_truncated_graph=False, system_idx=range(14), system_atoms_names=["a"] * 14)
    with pytest.raises(InvalidArgument, match="says itself which atoms are the system"):
        graph_node_sensitivity(Cv(module), data, system=[0])
    with pytest.raises(InvalidArgument, match="the model has no output number 7"):
        graph_node_sensitivity(Cv(module), data, 7)
    module.long_range_cutoff.fill_(9.0)
    with pytest.raises(InvalidArgument, match="long-range edges"):
        graph_node_sensitivity(Cv(module), frames, show_progress=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(generator, exported, module):
    frames = frames_of(generator)
    loaded = gnncv.CollectiveVariable(exported)
    with pytest.raises(InvalidArgument, match="loaded on cpu, not on cuda"):
        graph_node_sensitivity(loaded, frames, device="cuda")
    with pytest.raises((RuntimeError, AssertionError), match=r"(?i)cuda"):
        graph_node_sensitivity(exported, frames, device="cuda")


@pytest.mark.cuda
def test_a_module_on_a_gpu(generator, module):
    frames = frames_of(generator)
    on_cpu = graph_node_sensitivity(Cv(module), frames, show_progress=False)
    on_gpu = graph_node_sensitivity(Cv(module), frames, device="cuda", show_progress=False)
    assert np.allclose(on_gpu["raw_sensitivities"], on_cpu["raw_sensitivities"], rtol=1e-9, atol=1e-13)
