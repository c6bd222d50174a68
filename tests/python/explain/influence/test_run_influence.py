"""TracIn of our own runs: the definition, its meaning, the fast form, and a wrong label found."""

import copy
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ase import Atoms

from gnncv.data import GraphDataset, collate
from gnncv.errors import InvalidArgument, ModelError
from gnncv.explain import Influence, self_influence, tracin
from gnncv.explain.influence.gradients import LinearLayerGradient, ParameterGradient
from gnncv.explain.influence.scores import influence_scores
from gnncv.models.frame_values import frame_values
from gnncv.models.graph_function import weights_hash
from gnncv.training import TrainedRun
from gnncv.training.losses import autoencoder_loss

NAMES = ("loss", "phase", "reconstruction", "adjacency", "divergence", "latent-2", "crystallinity")


def quiet(run: TrainedRun, training: list[Atoms], test: list[Atoms], of: str, **options: object) -> Influence:
    return tracin(run, training, test, of, show_progress=False, **options)


def test_scores_are_the_definition(mislabeled: SimpleNamespace) -> None:
    """Sum over checkpoints of learning rate times product of gradients, by hand from the run's files."""
    run, training, test = mislabeled.run, mislabeled.training[:4], mislabeled.held_out[1:3]
    model = copy.deepcopy(run.model).double().eval()
    expected = np.zeros((len(test), len(training)))
    files = sorted((run.path / "checkpoints").glob("epoch-*.ckpt"))
    assert len(files) == 3
    for file in files:
        content = torch.load(file, weights_only=True)
        model.load_state_dict(content["state_dict"])
        slopes = []
        for atoms in [*test, *training]:
            batch = collate([GraphDataset([atoms], 6.0, ["Ar"], run.model.phases)[0]])
            terms = autoencoder_loss(model, batch, model.encode(batch), variational=False)
            model.zero_grad()
            rebuilding = terms.reconstruction + 0.1 * terms.adjacency + 1e-3 * terms.divergence
            (rebuilding + 0.5 * terms.phase + 0.5 * terms.pooled).backward()
            slopes.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        products = torch.stack(slopes[: len(test)]) @ torch.stack(slopes[len(test) :]).T
        expected += content["learning_rate"] * products.numpy()
    found = quiet(run, training, test, "loss")
    assert np.allclose(found.scores, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    assert [len(explanation.labels) for explanation in found] == [4, 4]
    assert found[0].output == "loss" and found[0].over == "frames" and found[0].units == "1"
    assert found[0].atoms is test[0] and found[0].model_hash == weights_hash(run.model)


@pytest.mark.parametrize("of", NAMES)
def test_the_fast_form_is_the_gradient_by_the_layer(mislabeled: SimpleNamespace, of: str) -> None:
    source = mislabeled.run.influence_source()
    training = source.prepare([mislabeled.training[k] for k in (0, 2, 9)])
    test = source.prepare(mislabeled.held_out[:2])
    other = "loss" if of in source.outputs else of
    name = source.last_layer([of, other], training[0])
    layer = source.model.get_submodule(name)
    run = partial(influence_scores, source, training, test, of, other)
    fast, values = run(LinearLayerGradient(source.model, name), source.checkpoints[1:2])
    full, same = run(ParameterGradient(source.model, list(layer.parameters())), source.checkpoints[1:2])
    assert np.abs(full).max() > 0.0
    assert np.allclose(fast, full, rtol=1e-10, atol=1e-13 * np.abs(full).max())
    assert np.array_equal(values, same)


def test_layers_that_are_not_there_or_not_linear_are_refused(mislabeled: SimpleNamespace) -> None:
    for layer, message in (("encoder.last", "no such layer"), ("encoder.layers.0", "is a AttentionLayer")):
        with pytest.raises(InvalidArgument, match=message):
            quiet(mislabeled.run, mislabeled.training[:1], mislabeled.held_out[:1], "loss", layer=layer)


def test_scores_are_symmetric_and_of_one_frame_its_self_influence(mislabeled: SimpleNamespace) -> None:
    frames = [mislabeled.training[k] for k in (0, 2, 8)]
    found = quiet(mislabeled.run, frames, frames, "phase")
    assert np.allclose(found.scores, found.scores.T, rtol=1e-10)
    own = self_influence(mislabeled.run, frames, "phase", show_progress=False)
    assert np.allclose(np.diag(found.scores), own.scores, rtol=1e-10)
    for k in range(len(frames)):  # a frame that is in the training set is its own proponent
        assert k in [one.number for one in found.proponents(k, 3)]


def test_a_wrong_label_is_the_top_opponent_of_its_true_phase(mislabeled: SimpleNamespace) -> None:
    crystals = [atoms for atoms in mislabeled.held_out if atoms.info["phase"] == "crystal"]
    for layer in ("all", "last"):
        found = quiet(mislabeled.run, mislabeled.training, crystals, "phase", layer=layer)
        for k in range(len(crystals)):
            assert found.opponents(k, 1)[0].number == mislabeled.wrong
            proponents = [mislabeled.training[one.number].info["phase"] for one in found.proponents(k, 3)]
            assert proponents == ["crystal"] * 3
    own = self_influence(mislabeled.run, mislabeled.training, "phase", show_progress=False)
    assert int(own.scores.argmax()) == mislabeled.wrong


@pytest.mark.parametrize(
    ("of", "trained_with", "sign"),
    [("loss", "loss", -1.0), ("progress", "phase", 1.0), ("crystallinity", "crystallinity", 1.0)],
)
def test_a_step_on_a_training_frame_does_what_its_score_says(
    mislabeled: SimpleNamespace, of: str, trained_with: str, sign: float
) -> None:
    """Down a loss, up an output: the change of what is asked, to first order (central in the step)."""
    run, rate = mislabeled.run, 1e-6
    frames, test = [mislabeled.training[k] for k in (1, 2, 7)], mislabeled.held_out[:1]
    given = [(run.model.state_dict(), rate)]
    found = quiet(run, frames, test, of, trained_with=trained_with, checkpoints=given)
    source = run.influence_source(given)
    prepared, asked = source.prepare(frames), source.prepare(test)[0]
    down = -1.0 if trained_with in source.losses else 1.0
    source.load(source.checkpoints[0], prepared)
    source.value(of, asked)  # centroids stay those of these weights
    weights = list(source.model.parameters())
    for k, frame in enumerate(prepared):
        slopes = torch.autograd.grad(source.value(trained_with, frame), weights, allow_unused=True)
        changed = [(w, w.detach().clone(), s) for w, s in zip(weights, slopes, strict=True) if s is not None]
        at = {}
        for step in (1.0, -1.0):
            with torch.no_grad():
                for weight, original, slope in changed:
                    weight.copy_(original + step * down * rate * slope)
                at[step] = float(source.value(of, asked))
                for weight, original, _ in changed:
                    weight.copy_(original)
        assert (at[1.0] - at[-1.0]) / 2 == pytest.approx(sign * found.scores[0, k], rel=1e-5)


def test_values_are_those_of_the_model(mislabeled: SimpleNamespace) -> None:
    """Outputs at the run's own weights, with centroids of its training frames, are the model's."""
    run, test = mislabeled.run, mislabeled.held_out[:2]
    uncalibrated = {**run.model.state_dict(), "centroids": torch.zeros((2, 4))}
    source = run.influence_source([(uncalibrated, 1.0)])
    training, prepared = source.prepare(mislabeled.training), source.prepare(test)
    source.load(source.checkpoints[0], training)
    model = copy.deepcopy(run.model).double()
    dataset = GraphDataset(test, 6.0, ["Ar"], model.phases)
    expected = frame_values(model, collate([dataset[k] for k in range(2)]))[:, :-1].numpy()
    with torch.no_grad():
        found = [[float(source.value(name, frame)) for name in source.outputs] for frame in prepared]
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)  # the model's centroids are of float32 latents


def test_float32_ranks_alike(mislabeled: SimpleNamespace) -> None:
    frames, test = mislabeled.training[:4], mislabeled.held_out[:1]
    exact = quiet(mislabeled.run, frames, test, "phase").scores
    single = quiet(mislabeled.run, frames, test, "phase", precision="float32").scores
    assert np.allclose(single, exact, rtol=1e-2, atol=1e-3 * np.abs(exact).max())
    assert not np.array_equal(single, exact)


def test_what_cannot_be_asked_is_refused(mislabeled: SimpleNamespace) -> None:
    run, frames = mislabeled.run, mislabeled.held_out[:1]
    unlabeled = frames[0].copy()
    del unlabeled.info["phase"]
    cases = [
        ((run, frames, [unlabeled], "phase"), {}, "is of labeled frames"),
        ((run, frames, frames, "progress"), {}, "no training frame is labeled 'melt'"),
        ((run, frames, frames, "novelty"), {}, "of is 'novelty'; choose one of loss, reconstruction"),
        ((run, frames, frames, "loss"), {"trained_with": "x"}, "trained_with is 'x'"),
        ((run, [], frames, "loss"), {}, "no training frames"),
        ((run, frames, frames, "loss"), {"checkpoints": []}, "no checkpoints"),
        ((run, frames, frames, "loss"), {"checkpoints": [run.path / "model.pt"]}, "holds no learning rate"),
        ((run, frames, frames, "loss"), {"checkpoints": [(run.model.state_dict(), 0.0)]}, "not positive"),
        ((run, frames, frames, "loss"), {"precision": "float16"}, "float16"),
        ((run.model, frames, frames, "loss"), {}, "give the run"),
        ((run, ["frame"], frames, "loss"), {}, "is a str, not ase.Atoms"),
    ]
    for arguments, options, message in cases:
        with pytest.raises(InvalidArgument, match=message):
            quiet(*arguments, **options)
    with pytest.raises(ModelError, match="is not of this GraphAutoencoder"):
        quiet(run, frames, frames, "loss", checkpoints=[({"weight": torch.zeros(2)}, 1.0)])
    with pytest.raises(InvalidArgument, match="test frame 1 does not exist"):
        quiet(run, frames, frames, "loss").proponents(1)
