"""TracIn of models of torch_geometric: ours is captum's, fast is full, and the primer's job is done right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument

pytest.importorskip("torch_geometric")
pytest.importorskip("captum")

from gnncv.explain import self_influence, tracin
from gnncv.explain.foreign.libraries import captum_influence, torch_geometric
from gnncv.explain.influence import TorchGeometricSource
from gnncv.explain.influence.captum_scores import captum_scores
from gnncv.explain.influence.gradients import LinearLayerGradient, ParameterGradient
from gnncv.explain.influence.scores import influence_scores

pyg = torch_geometric()


class Classifier(nn.Module):
    """The primer's MUTAGClassifier, smaller: convolutions, pooling, a head."""

    def __init__(self, n_outputs: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.head = nn.Linear(8, n_outputs, bias=bias)  # not the last one that is registered
        self.gc1 = pyg.nn.GCNConv(4, 8)
        self.gc2 = pyg.nn.GCNConv(8, 8)
        self.pre_head = nn.Linear(8, 8)

    def forward(
        self, x: Tensor, edge_index: Tensor, batch: Tensor | None = None, edge_weight: Tensor | None = None
    ) -> Tensor:
        h = torch.tanh(self.gc2(torch.tanh(self.gc1(x, edge_index, edge_weight)), edge_index, edge_weight))
        h = torch.tanh(self.pre_head(pyg.nn.global_add_pool(h, batch)))
        return self.head(nn.functional.dropout(h, 0.5, training=self.training))


def random_graphs(count: int, generator: np.random.Generator) -> list[Any]:
    """Rings of random size with a chord, with random labels 0 and 1."""
    graphs = []
    for _ in range(count):
        n = int(generator.integers(4, 8))
        ends = [(i, (i + 1) % n) for i in range(n)] + [(0, n // 2)]
        edges = torch.tensor(ends + [(j, i) for i, j in ends]).T
        x = torch.from_numpy(generator.standard_normal((n, 4))).float()
        graphs.append(pyg.data.Data(x=x, edge_index=edges, y=torch.tensor([int(generator.integers(2))])))
    return graphs


def seeded(model: nn.Module, generator: np.random.Generator) -> nn.Module:
    """The model with weights of the test's own random numbers."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(0.5 * generator.standard_normal(parameter.shape)))
    return model


@pytest.fixture
def checkpoints(generator: np.random.Generator) -> list[tuple[dict[str, Tensor], float]]:
    return [(seeded(Classifier(), generator).state_dict(), rate) for rate in (0.1, 0.03)]


def ours(source: TorchGeometricSource, frames: tuple, of: str, trained_with: str, layer: str) -> np.ndarray:
    if layer == "all":
        gradient: Any = ParameterGradient(source.model)
    else:
        gradient = LinearLayerGradient(source.model, layer)
    return influence_scores(source, *frames, of, trained_with, gradient, source.checkpoints)[0]


@pytest.mark.parametrize("layer", ["all", "head"])
@pytest.mark.parametrize(("of", "trained_with"), [("loss", "loss"), ("0", "0"), ("0", "loss")])
def test_ours_is_captums(
    checkpoints: list, generator: np.random.Generator, layer: str, of: str, trained_with: str
) -> None:
    source = TorchGeometricSource(Classifier(), checkpoints)
    frames = source.prepare(random_graphs(7, generator)), source.prepare(random_graphs(3, generator))
    assert source.fits_captum(layer, frames[0])
    scores, values = captum_scores(source, *frames, of, trained_with, layer)
    expected = ours(source, frames, of, trained_with, layer)
    assert np.abs(expected).min() > 0.0
    assert np.allclose(scores, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    assert len(values) == 3


class OnBatch(nn.Module):
    """A classifier called as captum calls: with what a loader gives but the labels."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Any) -> Tensor:
        return self.model(batch.x.double(), batch.edge_index, batch.batch)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_captums_fast_form_is_its_full_one_on_the_last_layer(
    generator: np.random.Generator, n_outputs: int, bias: bool
) -> None:
    """With a bias only because it becomes a weight: captum's fast form leaves out what belongs to a bias."""
    model = seeded(Classifier(n_outputs, bias), generator)
    graphs = random_graphs(6, generator)
    fast = tracin(model, graphs[:4], graphs[4:], layer="last", checkpoints=given(model), show_progress=False)
    assert fast[0].method == "TracInCP, fast form on head"
    influence, double = captum_influence(), OnBatch(model.double().eval())
    parts = (graphs[:4], graphs[4:])
    batches = [(pyg.data.Batch.from_data_list(part), labels(part, n_outputs)) for part in parts]
    loss = nn.CrossEntropyLoss if n_outputs > 1 else nn.BCEWithLogitsLoss
    loader = torch.utils.data.DataLoader(batches[:1], batch_size=None)
    common = (loader, [0], lambda *_: 0.2)  # one checkpoint: the weights as they are
    full = influence.TracInCP(
        double, *common, ["model.head"], loss_fn=loss(reduction="none"), batch_size=None
    ).influence(batches[1])
    assert np.allclose(fast.scores, full.detach().numpy(), rtol=1e-9)
    plain = influence.TracInCPFast(
        double, "model.head", *common, loss_fn=loss(reduction="sum"), batch_size=None
    ).influence(batches[1])
    assert np.allclose(fast.scores, plain.detach().numpy(), rtol=1e-9) != bias


def given(model: nn.Module) -> list[tuple[dict[str, Tensor], float]]:
    return [({name: tensor.clone() for name, tensor in model.state_dict().items()}, 0.2)]


def labels(graphs: list[Any], n_outputs: int) -> Tensor:
    y = torch.cat([graph.y for graph in graphs])
    return y if n_outputs > 1 else y[:, None].double()


def test_the_primers_job(generator: np.random.Generator, tmp_path: Path) -> None:
    """Per-graph slopes of the output by the head's weights, over two checkpoints of Lightning's kind.

    The primer's loop over training graphs takes `mutag_train[i]` with `i` the number of the checkpoint, so
    that all training graphs have one gradient and one score.
    """
    model = Classifier(1, bias=False).eval()
    training, test = random_graphs(5, generator), random_graphs(1, generator)
    files = [tmp_path / f"gnn-v2-epoch={epoch}.ckpt" for epoch in (49, 99)]
    expected = np.zeros(5)
    for file, rate in zip(files, (1e-2, 1e-3), strict=True):
        seeded(model, generator)
        optimizer = {"param_groups": [{"lr": rate}]}
        torch.save({"state_dict": model.state_dict(), "optimizer_states": [optimizer], "epoch": 1}, file)
        slopes = [
            torch.autograd.grad(model(graph.x, graph.edge_index), model.head.weight)[0].flatten()
            for graph in [*test, *training]
        ]
        expected += rate * (torch.stack(slopes[1:]) @ slopes[0]).numpy()
    found = tracin(
        model, training, test[0], "0", trained_with="0", layer="head", checkpoints=files, show_progress=False
    )
    assert len(found) == 1 and np.allclose(found.scores[0], expected, rtol=1e-4)
    assert len(set(found.scores[0].round(12))) == 5
    order = [one.number for one in [*found.proponents(0, 5), *found.opponents(0, 5)[::-1]]]
    assert order == np.argsort(-expected, kind="stable").tolist()
    first = found.proponents(0, 1) or found.opponents(0, 1)
    assert first[0].name == f"graph {first[0].number} (y={int(training[first[0].number].y)})"


def test_a_graph_seen_in_training_is_its_own_proponent(
    checkpoints: list, generator: np.random.Generator
) -> None:
    graphs = random_graphs(6, generator)
    found = tracin(Classifier(), graphs, [graphs[4], graphs[1]], checkpoints=checkpoints, show_progress=False)
    own = self_influence(Classifier(), graphs, checkpoints=checkpoints, show_progress=False)
    for row, k in enumerate((4, 1)):
        assert k in [one.number for one in found.proponents(row, 6)]
        assert found.scores[row, k] == pytest.approx(own.scores[k])


def test_models_that_captum_does_not_fit_are_done_by_ourselves(generator: np.random.Generator) -> None:
    """An unused weight, and a head on nodes with pooling after it."""

    class HeadOnNodes(Classifier):
        def __init__(self) -> None:
            super().__init__(3)
            self.unused = nn.Linear(2, 2)

        def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
            h = self.pre_head(self.gc2(torch.tanh(self.gc1(x, edge_index)), edge_index))
            return pyg.nn.global_mean_pool(self.head(torch.tanh(h)), batch)

    model = seeded(HeadOnNodes(), generator)
    graphs = random_graphs(5, generator)
    source = TorchGeometricSource(model, given(model))
    frames = source.prepare(graphs[:3]), source.prepare(graphs[3:])
    assert source.last_layer(["loss"], frames[0][0]) == "head"
    assert not source.fits_captum("all", frames[0]) and not source.fits_captum("head", frames[0])
    parameters = list(source.model.head.parameters())
    gradient = ParameterGradient(source.model, parameters)
    expected, _ = influence_scores(source, *frames, "loss", "loss", gradient, source.checkpoints)
    found = tracin(model, graphs[:3], graphs[3:], layer="last", checkpoints=given(model), show_progress=False)
    assert np.allclose(found.scores, expected, rtol=1e-9)
    everything = tracin(model, graphs[:3], graphs[3:], checkpoints=given(model), show_progress=False)
    assert np.abs(everything.scores - expected).min() > 0.0
    assert all(parameter.requires_grad for parameter in model.parameters())  # the user's model is left alone


def test_what_cannot_be_asked_is_refused(checkpoints: list, generator: np.random.Generator) -> None:
    graphs = random_graphs(2, generator)
    unlabeled = graphs[0].clone()
    del unlabeled.y
    third = graphs[0].clone()
    third.y = torch.tensor([2])
    cases = [
        ((graphs, graphs), {"checkpoints": None}, "no checkpoints: give files"),
        ((graphs, graphs), {"checkpoints": [checkpoints[0][0]]}, "give weights with their learning rate"),
        (([unlabeled], graphs), {}, "give each its y"),
        (([third], graphs), {}, "not a class below 2"),
        ((graphs, graphs, "1"), {}, "of is '1'; choose one of loss, 0"),
        ((["graph"], graphs), {}, "frame 0 is a str without edges"),
        ((graphs, graphs), {"loss": lambda rows, y: rows.mean()}, "reduction='none'"),
    ]
    for arguments, options, message in cases:
        with pytest.raises(InvalidArgument, match=message):
            tracin(
                Classifier(), *arguments, **{"checkpoints": checkpoints, "show_progress": False, **options}
            )
