"""Every choice of the two-stage design trains, gives outputs in analysis, and is exported or refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms, units

from gnncv.data import GraphDataset, collate
from gnncv.data.node_features import node_features
from gnncv.errors import InvalidArgument, ModelError
from gnncv.export import export
from gnncv.export.continuity import refuse_unfit
from gnncv.models import GraphAutoencoder, ModelConfig, evaluate_frames
from gnncv.models.collective_variables import output_names
from gnncv.models.frame_values import frame_values
from gnncv.nn.layers import OPTIONS
from gnncv.training import TrainConfig, fit
from gnncv.training.calibration import standardize_features
from gnncv.training.losses import autoencoder_loss
from gnncv.training.module import AutoencoderModule
from molecules import random_system, some_topology
from small_training import small_config

CHOICES = {
    f"{option.key}-{option.value}": option for option in OPTIONS if option.key and option.section[0] != "S"
}
SMOOTH = [name for name, option in CHOICES.items() if option.facts.exportable]


def config_of(name: str, **changes: dict) -> TrainConfig:
    """A small configuration with one choice, and what that choice needs."""
    option = CHOICES[name]
    model = {"n_radial": 2, "l_max": 4, "width": 16, "latent": 2, "cutoff": 5.0, **option.when}
    if option.key == "concatenation" and option.value == "attention":
        model["message"] = "simple"
    model[option.key] = [option.value] if option.key == "node_features" else option.value
    return small_config(model=model, **changes)


@pytest.fixture(scope="module")
def small_frames(argon_frames: list[Atoms]) -> list[Atoms]:
    """Moving pieces of the shipped frames: boxes of their corners."""
    frames = []
    for number, atoms in enumerate(argon_frames[::3]):
        inside = (atoms.get_scaled_positions() < 0.6).all(axis=1)
        piece = atoms[inside]
        piece.pbc = False
        spread = np.sqrt(units.kB * 85.0 / piece.get_masses()[:, None])
        piece.set_velocities(spread * np.random.default_rng(number).normal(size=(len(piece), 3)))
        frames.append(piece)
    return frames


def dataset_of(config: TrainConfig, frames: list[Atoms]) -> GraphDataset:
    phases = config.data.phase_names()
    return GraphDataset(frames, config.model.cutoff, phases=phases, node_features=config.model.node_features)


@pytest.mark.parametrize("name", CHOICES)
def test_the_loss_falls(name, small_frames, generator):
    """The whole loss of one batch, in some steps of an optimizer; every parameter has a say in it."""
    config = config_of(name)
    torch.manual_seed(int(generator.integers(2**31)))
    dataset = dataset_of(config, small_frames)
    model = GraphAutoencoder(config.model, dataset.species, dataset.phases)
    standardize_features(model, dataset)
    batch = collate([dataset[k] for k in range(len(dataset))]).to("cpu", torch.float32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        loss = autoencoder_loss(model, batch, model.encode(batch)).total(config.loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.9 * losses[0]
    without = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0}
    assert not without


@pytest.mark.parametrize("name", CHOICES)
def test_frames_have_outputs_in_analysis(name, small_frames, generator):
    config = config_of(name)
    torch.manual_seed(int(generator.integers(2**31)))
    dataset = dataset_of(config, small_frames)
    model = GraphAutoencoder(config.model, dataset.species, dataset.phases).double().eval()
    model.centroids.normal_()
    batch = collate([dataset[k] for k in range(len(dataset))]).to("cpu", torch.float64)
    values = frame_values(model, batch)
    names = output_names(config.model.latent, model.phases, config.model.pooling)
    assert values.shape == (len(small_frames), len(names))
    assert bool(torch.isfinite(values).all())
    assert float(values.std(dim=0).min()) > 0.0


@pytest.mark.parametrize("name", CHOICES)
def test_exactly_what_the_registry_refuses_is_refused(name):
    config, option = config_of(name), CHOICES[name]
    if option.facts.exportable:
        refuse_unfit(config.model)
    else:
        with pytest.raises(ModelError) as refused:
            refuse_unfit(config.model)
        assert str(refused.value) == option.refusal
        assert option.facts.reason in str(refused.value) and option.facts.instead in str(refused.value)


def test_what_is_not_used_is_not_refused():
    """Choices that only another way of message passing, or any at all, would look at."""
    refuse_unfit(ModelConfig(cutoff=5.0, aggregation="max", update="max"))
    refuse_unfit(ModelConfig(cutoff=5.0, message="simple", aggregation="max", n_layers=0))
    refuse_unfit(ModelConfig(cutoff=5.0, message="filter", attention_constant=0.0))
    with pytest.raises(ModelError, match="the CV jumps there; train with 'switched'"):
        refuse_unfit(ModelConfig(cutoff=5.0, concatenation="threshold", n_layers=0))


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "simple", "update": "recurrent", "concatenation": "attention", "pooling": "attention"},
        {"message": "simple", "aggregation": "network", "update": "mean"},
        {"self_weight": True, "pooling": "attention"},
    ],
    ids=["recurrent", "network", "self_weight"],
)
@pytest.mark.parametrize("tables", [True, False])
def test_what_is_smooth_is_trained_and_exported(changes, tables, small_frames, tmp_path: Path):
    """Export checks the file against the PyTorch model; per-site weights are among its columns."""
    import gnncv

    small = {"n_radial": 2, "l_max": 4, "width": 16, "latent": 2, "cutoff": 5.0}
    config = small_config(model=small | changes, training={"epochs": 2})
    run = fit(config, tmp_path / "run", small_frames, progress=False)
    export(run, tmp_path / "cv.pt", "float64", tables=tables)
    cv = gnncv.CollectiveVariable(tmp_path / "cv.pt")
    columns = cv.per_site(small_frames[0])
    assert ("weight" in columns) is (changes.get("pooling") == "attention")
    expected = evaluate_frames(run.model, small_frames[:1])[0]
    difference = np.abs(cv.compute(small_frames[0]).values - expected) / np.maximum(1.0, np.abs(expected))
    assert difference.max() < 1e-4


@pytest.mark.parametrize("choice", [{"pooling": "assignment"}, {"node_features": ["position", "velocity"]}])
def test_what_is_for_analysis_is_trained_and_not_exported(choice, small_frames, tmp_path: Path):
    small = {"n_radial": 2, "l_max": 4, "width": 16, "latent": 2, "cutoff": 5.0}
    config = small_config(model=small | choice, training={"epochs": 2})
    run = fit(config, tmp_path / "run", small_frames, progress=False)
    assert set(run.summary["validation"]["progress"]) == {"melt", "crystal"}
    assert np.isfinite(evaluate_frames(run.model, small_frames)).all()
    with pytest.raises(ModelError, match="train with"):
        export(run, tmp_path / "cv.pt")
    assert not (tmp_path / "cv.pt").exists()


def test_velocities_are_those_of_the_frame(small_frames):
    atoms = small_frames[0]
    graph = GraphDataset([atoms], 5.0, node_features=["position", "velocity"])[0]
    assert graph.node_features is not None
    np.testing.assert_allclose(graph.node_features[:, :3].numpy() * 5.0, atoms.positions)
    per_picosecond = atoms.get_velocities() * 1000.0 * units.fs
    np.testing.assert_allclose(graph.node_features[:, 3:].numpy(), per_picosecond)
    assert 0.5 < float(graph.node_features[:, 3:].std()) < 3.0  # thermal argon: 1.3 angstrom a picosecond
    still = Atoms(atoms.symbols, positions=atoms.positions)
    with pytest.raises(InvalidArgument, match="'velocity' needs the momenta"):
        GraphDataset([still], 5.0, node_features=["velocity"])


def test_positions_as_features_are_not_invariant_and_velocities_not_of_positions(small_frames, generator):
    """What the registry says of them, of a model that is given them: the same frame, moved, is another."""
    config = config_of("node_features-position")
    config.model.node_features.append("velocity")
    torch.manual_seed(int(generator.integers(2**31)))
    model = GraphAutoencoder(config.model, ["Ar"], ["melt", "crystal"]).double().eval()
    moved, kicked = small_frames[0].copy(), small_frames[0].copy()
    moved.positions += 3.0
    kicked.set_momenta(-kicked.get_momenta())
    dataset = dataset_of(config, [small_frames[0], moved, kicked])
    batch = collate([dataset[k] for k in range(3)]).to("cpu", torch.float64)
    latents = frame_values(model, batch)[:, :2]
    assert float((latents[1] - latents[0]).abs().max()) > 1e-3
    assert float((latents[2] - latents[0]).abs().max()) > 1e-3


def test_velocities_of_molecules_are_those_of_their_centers(generator):
    """In pieces across the boundary or not: the mean of the atoms' velocities, weighted by their masses."""
    topology = some_topology()
    atoms, _ = random_system(topology, (2, 2, 3, 1, 1), 14.0 * np.eye(3), True, generator)
    atoms.wrap()
    atoms.set_velocities(generator.normal(size=(len(atoms), 3)))
    layout = topology.match(atoms.get_chemical_symbols())
    expected = np.zeros((layout.n_sites, 3))
    momenta, masses = atoms.get_momenta(), atoms.get_masses()
    for site in range(layout.n_sites):
        own = layout.site_of_atom == site
        expected[site] = momenta[own].sum(axis=0) / masses[own].sum()
    found = node_features(atoms, ["velocity"], 6.0, topology).numpy()
    np.testing.assert_allclose(found, expected * 1000.0 * units.fs, rtol=1e-4, atol=1e-4)


def test_without_divergence_the_means_are_decoded(small_frames, generator):
    """Reconstruction alone: the loss of a training step does not depend on random numbers."""
    config = config_of("pooling-mean", loss={"divergence": 0.0})
    torch.manual_seed(int(generator.integers(2**31)))
    dataset = dataset_of(config, small_frames)
    model = GraphAutoencoder(config.model, dataset.species, dataset.phases)
    batch = collate([dataset[k] for k in range(3)]).to("cpu", torch.float32)
    module = AutoencoderModule(model, config)
    module.log = lambda *arguments, **options: None
    losses = [module.training_step(batch, 0).item() for _ in range(2)]
    assert losses[0] == losses[1]
    module.config = config_of("pooling-mean")
    assert module.training_step(batch, 0).item() != module.training_step(batch, 0).item()
