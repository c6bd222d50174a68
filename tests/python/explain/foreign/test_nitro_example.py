"""The seeds' own job: a classifier of molecules explained, beside captum's own lines, and the group found."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gnncv.explain import (
    as_graph_function,
    gnn_explainer,
    integrated_gradients,
    nitro_molecules,
    saliency,
    tracin,
)
from gnncv.explain.foreign.libraries import captum_attr
from molecule_classifiers import GcnClassifier, pyg

pytest.importorskip("rdkit.Chem", reason="RDKit is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "examples" / "nitro"))
from classifiers import Net, loss_of, predicted, train
from measure import found, removal


class Trained:
    """The GraphConv classifier after a short training, in float64, and held-out molecules."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        graphs = nitro_molecules(200)
        self.train_graphs, held_out = graphs[:160], graphs[160:]
        self.model = Net(dim=24)
        self.checkpoints = train(self.model, self.train_graphs, epochs=25, lr=4e-3)
        self.model.double()
        right = predicted(self.model, held_out) == torch.cat([graph.y for graph in held_out])
        self.accuracy = float(right.double().mean())
        self.nitro = [graph for graph, ok in zip(held_out, right, strict=True) if ok and graph.y.item() == 0]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return Trained()


def test_captums_example_gives_the_same_scores(trained: Trained) -> None:
    """Its functions `model_forward` and `explain`, as they were published, in float64."""
    model = trained.model

    def model_forward(edge_mask: Tensor, data: Any) -> Tensor:
        batch = torch.zeros(data.x.shape[0], dtype=int)
        return model(data.x.double(), data.edge_index, batch, edge_mask)

    def explain(method: str, data: Any, target: int = 0) -> np.ndarray:
        input_mask = torch.ones(data.edge_index.shape[1], dtype=torch.float64).requires_grad_(True)
        if method == "ig":
            mask = (
                captum_attr()
                .IntegratedGradients(model_forward)
                .attribute(
                    input_mask,
                    target=target,
                    additional_forward_args=(data,),
                    internal_batch_size=data.edge_index.shape[1],
                )
            )
        else:
            mask = (
                captum_attr()
                .Saliency(model_forward)
                .attribute(input_mask, target=target, additional_forward_args=(data,))
            )
        return mask.detach().numpy()

    for molecule in trained.nitro[:1]:
        for target in (0, 1):
            ours = saliency(model, molecule, "edges", target)
            np.testing.assert_allclose(
                ours.scores, explain("saliency", molecule, target), rtol=1e-6, atol=1e-12
            )
            ours = integrated_gradients(model, molecule, "edges", target, show_progress=False)
            np.testing.assert_allclose(ours.scores, explain("ig", molecule, target), rtol=0, atol=1e-6)
            assert np.abs(ours.scores).max() > 1e-3


def test_the_primers_lines_give_the_same_scores(trained: Trained) -> None:
    """Its saliency of nodes, and its integrated gradients of a mask with a dimension before."""
    torch.manual_seed(1)
    model = GcnClassifier(always_drops=False).double().eval()
    graph = trained.nitro[0].clone()
    graph.x = graph.x.double()
    batch_idx = torch.zeros(graph.x.shape[0], dtype=torch.int64)
    out = model(graph.x.requires_grad_(True), graph.edge_index)
    out.backward()
    importance = graph.x.grad.sum(dim=1)
    ours = saliency(model, graph, "nodes", signed=True)
    np.testing.assert_allclose(ours.scores, importance.numpy(), rtol=1e-6, atol=1e-12)

    edge_mask = torch.ones(graph.edge_index.shape[1], dtype=torch.float64, requires_grad=True).unsqueeze(0)
    ig = captum_attr().IntegratedGradients(
        lambda mask: model(graph.x.detach(), graph.edge_index, batch_idx, mask[0])
    )
    mask = ig.attribute(edge_mask, baselines=torch.zeros_like(edge_mask), internal_batch_size=1).squeeze()
    ours = integrated_gradients(model, graph, "edges", show_progress=False)
    np.testing.assert_allclose(ours.scores, mask.detach().numpy(), rtol=0, atol=1e-6)

    topk = int(np.ceil(len(mask) / 3))
    indices = mask.topk(topk).indices
    by_hand = pyg.data.Data(x=graph.x, edge_index=graph.edge_index[:, indices])
    by_hand = pyg.transforms.RemoveIsolatedNodes()(by_hand)
    assert by_hand.num_nodes >= 2
    nodes = saliency(model, graph, "nodes").subgraph(5, data=graph)
    kept = torch.as_tensor(np.sort(np.argsort(-saliency(model, graph, "nodes").scores)[:5]).copy())
    expected, _ = pyg.utils.subgraph(kept, graph.edge_index, relabel_nodes=True)
    assert torch.equal(nodes.edge_index, expected)
    assert torch.equal(nodes.node_number, kept)


@pytest.mark.filterwarnings("ignore:the scores add up")  # few steps are enough for what is compared
def test_the_bonds_of_the_group_rank_first(trained: Trained) -> None:
    """On held-out molecules that are classified rightly; by chance one molecule in six would do."""
    assert trained.accuracy > 0.9
    molecules = trained.nitro[:5]
    assert len(molecules) == 5
    for name, method in {
        "removal": removal,
        "saliency": lambda model, graph: saliency(model, graph, "edges"),
        "integrated gradients": lambda model, graph: integrated_gradients(
            model, graph, "edges", steps=20, show_progress=False
        ),
    }.items():
        scores = np.mean([found(method(trained.model, graph), graph) for graph in molecules], axis=0)
        assert scores[0] == 1.0 and scores[1] >= 0.8, (name, scores)


def test_masks_begin_as_open_as_they_are_asked_to(trained: Trained) -> None:
    """Half open by default, where this classifier already says what it says of no bonds at all."""
    molecule = trained.nitro[0]
    for opening in (0.0, 3.0):
        begun = gnn_explainer(trained.model, molecule, "edges", opening=opening, epochs=1, lr=1e-6)
        logits = np.log(begun.scores / (1 - begun.scores))
        assert abs(np.median(logits) - opening) < 0.3, (opening, logits)
    scores, _ = found(gnn_explainer(trained.model, molecule, "edges", opening=2.0, epochs=80), molecule)
    assert scores == 1.0


def test_training_molecules_of_the_same_class_are_proponents(trained: Trained) -> None:
    influence = tracin(
        Net(dim=24),
        trained.train_graphs[:60],
        trained.nitro[:4],
        layer="last",
        checkpoints=trained.checkpoints[:1],
        loss=loss_of,
        show_progress=False,
    )
    for number in range(4):
        labels = [trained.train_graphs[one.number].y.item() for one in influence.proponents(number, 5)]
        assert np.mean(labels) <= 0.2, labels
    labels = [trained.train_graphs[one.number].y.item() for one in influence.opponents(0, 5)]
    assert np.mean(labels) >= 0.8, labels


def test_outputs_of_the_set_have_their_names(trained: Trained) -> None:
    function = as_graph_function(trained.model, trained.nitro[0], "nitro")
    assert function().item() > np.log(0.5)
    assert function.feature_names[:3] == ["C", "O", "Cl"]
    assert isinstance(function.model, nn.Module)
