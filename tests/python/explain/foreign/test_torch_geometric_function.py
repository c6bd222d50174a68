"""Models of torch_geometric as functions of a graph: gated as captum does, and never by chance."""

import copy
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument
from gnncv.explain import GraphFunction, as_graph_function
from gnncv.explain.foreign import TorchGeometricFunction
from gnncv.explain.foreign.libraries import captum_attr, torch_geometric
from molecule_classifiers import GcnClassifier, GraphConvClassifier, random_graph

pyg = torch_geometric()


@pytest.fixture
def graph(generator: np.random.Generator) -> Any:
    torch.manual_seed(int(generator.integers(1 << 31)))
    return random_graph(generator)


class Convolutions(nn.Module):
    """Convolutions that take no edge weight; GATConv adds self-loops of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = pyg.nn.GINConv(nn.Linear(14, 8))
        self.second = pyg.nn.GATConv(8, 8)
        self.last = nn.Linear(8, 1)

    def forward(self, data: Any) -> Tensor:
        x = torch.tanh(self.first(data.x, data.edge_index))
        return self.last(pyg.nn.global_mean_pool(self.second(x, data.edge_index), data.batch))


def test_gates_are_the_edge_weights_of_captums_example(graph: Any) -> None:
    model = GraphConvClassifier().eval()
    function = as_graph_function(model, graph, output=1)
    assert isinstance(function, GraphFunction)
    assert function.gates == "edge_weight"

    def by_hand(edge_mask: Tensor, data: Any) -> Tensor:
        return model(data.x, data.edge_index, torch.zeros(data.num_nodes, dtype=torch.long), edge_mask)

    mask = torch.ones(graph.edge_index.shape[1]).requires_grad_(True)
    expected = captum_attr().Saliency(by_hand).attribute(mask, target=1, additional_forward_args=(graph,))
    gates = function.inputs["edges"]
    (gradient,) = torch.autograd.grad(function(edges=gates), gates)
    assert expected.abs().max() > 1e-4
    torch.testing.assert_close(gradient.abs(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(function(), by_hand(mask, graph)[0, 1])


def test_weights_of_the_graph_itself_multiply_the_gates(graph: Any, generator: np.random.Generator) -> None:
    model = GraphConvClassifier()
    half = torch.from_numpy(generator.uniform(0.2, 1.0, graph.edge_index.shape[1])).float()
    plain = as_graph_function(model, graph)
    weighted = graph.clone()
    weighted.edge_weight = half
    torch.testing.assert_close(as_graph_function(model, weighted)(), plain(edges=half))


def test_messages_of_graphconv_are_gated_as_its_edge_weights_are(
    graph: Any, generator: np.random.Generator
) -> None:
    model = GraphConvClassifier()
    gates = torch.from_numpy(generator.uniform(0, 1, graph.edge_index.shape[1])).float()
    by_weight = TorchGeometricFunction(model, graph, gates="edge_weight")(edges=gates)
    by_message = TorchGeometricFunction(model, graph, gates="messages")(edges=gates)
    torch.testing.assert_close(by_weight, by_message)
    assert abs(by_weight - TorchGeometricFunction(model, graph)()) > 1e-4


def test_convolutions_without_edge_weights_are_gated_by_their_messages(graph: Any) -> None:
    model = Convolutions()
    function = as_graph_function(model, graph)
    assert function.gates == "messages"
    assert set(function.inputs) == {"edges", "node_features"}
    torch.testing.assert_close(function(edges=torch.ones_like(function.inputs["edges"])), function())
    # without messages each node sees itself alone: GATConv's own self-loops are kept
    alone = torch.tanh(model.first.nn(graph.x))
    expected = model.last((model.second.lin(alone) * _attention_to_itself(model, graph)).mean(0))
    closed = function(edges=function.baselines["edges"]["no interaction"])
    bias = model.last.weight @ model.second.bias
    torch.testing.assert_close(closed, (expected + bias)[0])


def _attention_to_itself(model: Convolutions, graph: Any) -> Tensor:
    """The share of its own self-loop in each node's attention, of the values of closed gates below."""
    x = torch.tanh(model.first.nn(graph.x))
    h = model.second.lin(x)
    source = (h * model.second.att_src[0]).sum(-1)
    target = (h * model.second.att_dst[0]).sum(-1)
    loops, _ = pyg.utils.add_self_loops(graph.edge_index, num_nodes=graph.num_nodes)
    logits = nn.functional.leaky_relu(source[loops[0]] + target[loops[1]], 0.2)
    return pyg.utils.softmax(logits, loops[1])[-graph.num_nodes :, None]


def test_modes_and_masks_are_left_as_they_were(graph: Any) -> None:
    model = Convolutions().train()
    model.second.eval()
    masks = pyg.explain.algorithm.utils
    masks.set_masks(model, torch.zeros(graph.edge_index.shape[1]), graph.edge_index)
    function = as_graph_function(model, graph)
    function(edges=function.inputs["edges"])
    assert model.training and model.first.training and not model.second.training
    assert model.first.explain and model.first._apply_sigmoid
    assert model.first._edge_mask.abs().sum() == 0


def test_dropout_in_eval_mode_is_said_plainly_and_switched_off(graph: Any) -> None:
    torch.manual_seed(3)
    model = GcnClassifier()
    with pytest.warns(UserWarning, match="GcnClassifier drops out in eval mode too"):
        function = as_graph_function(model, graph)
    assert function() == function()
    twin = GcnClassifier(always_drops=False)
    twin.load_state_dict(model.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.testing.assert_close(as_graph_function(twin, graph)(), function())


def test_other_chance_is_refused(graph: Any) -> None:
    class Noisy(GraphConvClassifier):
        def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor, edge_weight: Any = None) -> Tensor:
            noise = 0.1 * torch.rand_like(x)
            return super().forward(x + noise, edge_index, batch, edge_weight)

    with pytest.raises(InvalidArgument, match="Noisy gives .* for the same graph in eval mode"):
        as_graph_function(Noisy(), graph)


def test_forward_is_called_by_its_arguments_names(graph: Any) -> None:
    inner = GraphConvClassifier()

    class Reordered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, batch_index: Tensor, x: Tensor, edge_weights: Tensor, edge_index: Tensor) -> Tensor:
            return self.inner(x, edge_index, batch_index, edge_weights)

    class Nameless(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, nodes: Tensor, bonds: Tensor, graphs: Tensor, weights: Any = None) -> Tensor:
            return self.inner(nodes, bonds, graphs, weights)

    class Library(pyg.nn.GIN):
        """torch_geometric's own models have a batch of their own, and an edge weight that is not used."""

        def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
            return pyg.nn.global_add_pool(super().forward(x, edge_index, batch=batch), batch)

    expected = as_graph_function(inner, graph)()
    for module in (Reordered(), Nameless()):
        function = as_graph_function(module, graph)
        torch.testing.assert_close(function(), expected)
        assert function.gates == "edge_weight"
    assert as_graph_function(Library(14, 8, 2), graph).gates == "messages"

    class Demanding(nn.Module):
        def forward(self, x: Tensor, edge_index: Tensor, charges: Tensor) -> Tensor:
            return x.sum() + charges.sum()

    with pytest.raises(InvalidArgument, match="Demanding.forward asks for charges, which the graph does not"):
        as_graph_function(Demanding(), graph)


def test_frames_are_named_and_positions_can_vary(graph: Any, generator: np.random.Generator) -> None:
    class Distances(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = pyg.nn.GraphConv(14, 4)

        def forward(self, x: Tensor, edge_index: Tensor, pos: Tensor) -> Tensor:
            lengths = (pos[edge_index[0]] - pos[edge_index[1]]).norm(dim=1)
            return self.conv(x, edge_index, torch.exp(-lengths)).sum()

    graph.z = torch.full((graph.num_nodes,), 6)
    graph.z[0] = 7
    graph.pos = torch.from_numpy(generator.normal(size=(graph.num_nodes, 3)))
    function = as_graph_function(Distances(), graph)
    assert list(function.node_labels[:2]) == ["N1", "C2"]
    assert function.atoms is not None and function.atoms.get_chemical_symbols()[:2] == ["N", "C"]
    positions = function.inputs["positions"]
    (gradient,) = torch.autograd.grad(function(positions=positions), positions)
    assert gradient.abs().max() > 1e-3
    torch.testing.assert_close(gradient.sum(0), torch.zeros(3), atol=1e-5, rtol=0)


def test_another_network_gets_the_same_graph_and_output(graph: Any) -> None:
    model = GraphConvClassifier()
    function = as_graph_function(model, graph, 1)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.lin2.bias[1] += 1.0
    moved = function.with_model(other)
    assert moved.model_hash != function.model_hash == as_graph_function(model, graph).model_hash
    assert moved.output == function.output == "output 1"
    assert moved() > function()


def test_errors_name_what_is_wrong(graph: Any) -> None:
    model = GraphConvClassifier()
    with pytest.raises(InvalidArgument, match="output 2 does not exist; the model has 2"):
        as_graph_function(model, graph, 2)
    with pytest.raises(InvalidArgument, match="output 'mutagen' is not one of output 0, output 1"):
        as_graph_function(model, graph, "mutagen")
    model.output_names = ["mutagen", "nonmutagen"]
    assert as_graph_function(model, graph, "nonmutagen").output == "nonmutagen"
    with pytest.raises(InvalidArgument, match="a batch of 2 graphs; explain them one by one"):
        as_graph_function(model, pyg.data.Batch.from_data_list([graph, graph]))
    with pytest.raises(InvalidArgument, match="edges has shape .3,., expected"):
        as_graph_function(model, graph)(edges=torch.ones(3))
    with pytest.raises(InvalidArgument, match="returns .9, 14. for one graph, expected one row"):
        as_graph_function(pyg.nn.GCN(14, 14, 1), graph)
    with pytest.raises(InvalidArgument, match="no gate on edges reaches _Features"):
        TorchGeometricFunction(_Features(), graph, gates="messages")
    with pytest.raises(InvalidArgument, match="does not use edge weights; leave gates='auto'"):
        TorchGeometricFunction(Convolutions(), graph, gates="edge_weight")


def test_a_model_without_convolutions_still_has_its_features(graph: Any) -> None:
    function = as_graph_function(_Features(), graph)
    assert set(function.inputs) == {"node_features"}
    torch.testing.assert_close(function(node_features=graph.x * 2), graph.x[:, 0].sum() * 2)
    graph.num_nodes, graph.x = graph.num_nodes, None
    with pytest.raises(InvalidArgument, match="forward asks for x, which the graph does not have"):
        as_graph_function(_Features(), graph)


class _Features(nn.Sequential):
    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return x.sum(0)


def test_a_missing_library_is_said_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "captum"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(InvalidArgument, match=r"captum is not installed; pip install 'gnncv\[explain\]'"):
        captum_attr()
