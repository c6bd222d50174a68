"""Every kind of model trains through tables as through its networks, and is exported with its self-check."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from pydantic import ValidationError

import gnncv
from gnncv.data import GraphBatch, GraphDataset, build_graph, collate
from gnncv.export import export
from gnncv.models import GraphAutoencoder, ModelConfig
from gnncv.models.trained_tables import TOLERANCE
from gnncv.nn.operators import use_references
from gnncv.training import TrainConfig, fit
from gnncv.training.config import LossConfig
from gnncv.training.losses import autoencoder_loss
from systems import BOXES, random_structure

SPECIES = ["Cu", "Zr"]
CUTOFF = 3.4
MODELS: list[dict] = [
    {"n_layers": 1, "l_max": 3},
    {"n_layers": 2, "width": 16, "invariants": False},
    {"n_layers": 3, "width": 32, "invariants": False, "message": "filter", "activation": "tanh"},
    {"n_layers": 2, "width": 16, "message": "filter", "filter_by_species": True, "l_max": 2},
    {"n_layers": 1, "width": 16, "message": "filter", "invariants": False, "filter_by_species": True},
    {"n_layers": 2, "width": 10, "message": "filter", "l_max": 0, "n_basis": 24, "activation": "softplus"},
    {"n_layers": 0, "l_max": 2},
]


def random_batch(generator: np.random.Generator) -> GraphBatch:
    frames = [random_structure(box, n, SPECIES, CUTOFF, generator) for box in BOXES for n in (1, 24)]
    return collate([build_graph(atoms, CUTOFF, SPECIES, k % 2) for k, atoms in enumerate(frames)])


def random_model(settings: dict, generator: np.random.Generator) -> GraphAutoencoder:
    torch.manual_seed(int(generator.integers(2**31)))
    model = GraphAutoencoder(ModelConfig(cutoff=CUTOFF, **settings), SPECIES, ["melt", "crystal"]).double()
    model.encoder.feature_mean.normal_()
    model.encoder.feature_scale.uniform_(0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("settings", MODELS, ids=str)
def test_gradients_through_tables_are_those_through_networks(settings, generator):
    model, batch = random_model(settings, generator), random_batch(generator)
    parameters = dict(model.named_parameters())

    def loss_and_gradients() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        terms = autoencoder_loss(model, batch, model.encode(batch))
        loss = terms.total(LossConfig())
        found = torch.autograd.grad(loss, list(parameters.values()))
        return loss.detach(), dict(zip(parameters, found, strict=True))

    exact, expected = loss_and_gradients()
    model.train_through_tables()
    assert model.tables is not None
    assert model.tables.error <= TOLERANCE
    loss, gradients = loss_and_gradients()
    torch.testing.assert_close(loss, exact, rtol=1e-6, atol=0)
    scale = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-6 * scale, msg=name)
    batch.invariants = model.tables.raw_invariants(batch)
    known, _ = loss_and_gradients()
    torch.testing.assert_close(known, loss, rtol=1e-12, atol=0)
    with use_references():
        assert torch.equal(loss_and_gradients()[0], autoencoder_loss_of_networks(model, batch))


def autoencoder_loss_of_networks(model: GraphAutoencoder, batch: GraphBatch) -> torch.Tensor:
    model.train_through_tables(False)
    return autoencoder_loss(model, batch, model.encode(batch)).total(LossConfig()).detach()


def two_species(frames: list[Atoms]) -> list[Atoms]:
    """The same frames, every third atom another noble gas."""
    changed = [atoms.copy() for atoms in frames]
    for atoms in changed:
        atoms.symbols[::3] = "Kr"
    return changed


@pytest.mark.parametrize("settings", MODELS, ids=str)
def test_every_model_trains_and_is_exported(settings, argon_frames: list[Atoms], tmp_path: Path) -> None:
    config = TrainConfig.model_validate(
        {
            "data": {"phases": {"melt": ["m"], "crystal": ["c"]}, "gap": 0},
            "model": {"cutoff": 5.5, **settings},
            "training": {"epochs": 2, "threads": 1, "batch_size": 4},
        }
    )
    frames = two_species(argon_frames[::4])
    run = fit(config, tmp_path / "run", frames, progress=False)
    facts = export(run, tmp_path / "cv.pt", "float64")
    check = facts["self_check"]
    assert max(check["value_error"], check["gradient_error"], check["strain_gradient_error"]) <= 1e-6
    cv = gnncv.CollectiveVariable(tmp_path / "cv.pt")
    assert cv.hops == run.model.encoder.hops
    assert 0.0 < cv.compute(frames[0])["novelty"] < 3.0
    if settings == MODELS[4]:
        export(run, tmp_path / "plain.pt", "float64", tables=False)


def test_training_through_tables_ends_where_training_through_networks_does(
    argon_frames: list[Atoms], tmp_path: Path
) -> None:
    weights = []
    for tables in (True, False):
        config = TrainConfig.model_validate(
            {
                "data": {"phases": {"melt": ["m"], "crystal": ["c"]}, "gap": 0},
                "model": {"cutoff": 5.5, "message": "filter"},
                "training": {"epochs": 1, "threads": 1, "tables": tables},
            }
        )
        run = fit(config, tmp_path / f"{tables}", argon_frames[::4], progress=False)
        assert run.model.tables is None
        weights.append(torch.cat([p.detach().flatten() for p in run.model.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-3)


def test_graphs_are_kept_only_where_they_stay(argon_frames: list[Atoms]) -> None:
    from gnncv.data import Augmentation

    augmentation = Augmentation(keep=0.5)
    dataset = GraphDataset(argon_frames, 5.5, augmentation=augmentation)
    fresh = GraphDataset(argon_frames, 5.5, augmentation=augmentation)
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        for k in range(len(dataset)):
            fresh.set_epoch(epoch)
            fresh._kept.clear()
            assert torch.equal(dataset[k].vectors, fresh[k].vectors)
    fixed = GraphDataset(argon_frames, 5.5, augmentation=augmentation, fixed=True)
    assert all(fixed[k] is fixed[k] for k in range(len(fixed)))


def test_a_model_that_sees_no_positions_is_refused() -> None:
    with pytest.raises(ValidationError, match="n_layers must be at least 1"):
        ModelConfig(cutoff=5.0, invariants=False, n_layers=0)
    with pytest.raises(ValidationError, match="needs message 'filter'"):
        ModelConfig(cutoff=5.0, filter_by_species=True)
