"""Whatever a model is made of: values are those of training and evaluation, the fast form is the full one."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

from gnncv.data import GraphDataset, collate
from gnncv.explain import tracin
from gnncv.explain.influence.gradients import LinearLayerGradient, ParameterGradient
from gnncv.explain.influence.scores import influence_scores
from gnncv.models import GraphAutoencoder, ModelConfig
from gnncv.models.frame_values import frame_values
from gnncv.topology import Topology
from gnncv.training import LossConfig, TrainedRun
from gnncv.training.losses import autoencoder_loss
from molecules import random_system, some_topology
from rattled_frames import rattled

SMALL = {"cutoff": 6.0, "width": 8, "latent": 3, "n_radial": 2, "l_max": 2, "n_heads": 2}
KINDS = {
    "attention pooling": {"pooling": "attention"},
    "sums": {"pooling": "sum", "message": "filter"},
    "a classifier": {"decoder": False},
    "simple messages": {"message": "simple", "invariants": False},
    "assignment": {"pooling": "assignment"},
    "unlabeled": {},
    "molecules": {},
}


def frames_of(kind: str, generator: np.random.Generator) -> tuple[list[Atoms], Topology | None]:
    if kind != "molecules":
        return [rattled(phase, generator) for phase in ("melt", "crystal", "melt")], None
    topology, frames = some_topology(), []
    for phase in ("melt", "crystal", "melt"):
        atoms, _ = random_system(topology, [3, 3, 4, 1, 1], 14.0 * np.eye(3), True, generator)
        atoms.info["phase"] = phase
        frames.append(atoms)
    return frames, topology


@pytest.mark.parametrize("kind", KINDS)
def test_values_and_scores(kind: str, generator: np.random.Generator, tmp_path: Path) -> None:
    frames, topology = frames_of(kind, generator)
    config = ModelConfig(**SMALL, **KINDS[kind])
    phases = [] if kind == "unlabeled" else ["melt", "crystal"]
    species = ["Ar"] if topology is None else topology.kinds
    with torch.random.fork_rng():
        torch.manual_seed(int(generator.integers(1000)))
        model = GraphAutoencoder(config, species, phases, topology).eval()
    summary = {
        "model": config.model_dump(),
        "species": species,
        "phases": phases,
        "topology": None if topology is None else topology.as_dict(),
        "config": {"loss": LossConfig().model_dump(), "clusters": None},
    }
    run = TrainedRun(tmp_path, model, summary)
    source = run.influence_source([(copy.deepcopy(model.state_dict()), 0.1)])
    training, test = source.prepare(frames[:2]), source.prepare(frames[2:])
    source.load(source.checkpoints[0], training)

    exact = copy.deepcopy(model).double()
    batch = collate([GraphDataset(frames[2:], 6.0, species, phases, topology=topology)[0]])
    terms = autoencoder_loss(exact, batch, exact.encode(batch), variational=False)
    expected = {name: getattr(terms, name).item() for name in source.losses[1:]}
    expected["loss"] = terms.total(LossConfig()).item()
    for name in source.losses:
        assert source.value(name, test[0]).item() == pytest.approx(expected[name], rel=1e-9), name
    source.value(source.outputs[-1], test[0])
    exact.centroids.copy_(source.model.centroids)
    outputs = frame_values(exact, batch)[0, : len(source.outputs)].tolist()
    for name, value in zip(source.outputs, outputs, strict=True):
        if name != "ncrystal":
            assert source.value(name, test[0]).item() == pytest.approx(value, rel=1e-9), name

    for of in (*source.losses, source.outputs[-1]):
        trained_with = of if of in source.losses else "loss"
        name = source.last_layer([of, trained_with], training[0])
        layer = list(source.model.get_submodule(name).parameters())
        arguments = (source, training, test, of, trained_with)
        fast, _ = influence_scores(*arguments, LinearLayerGradient(source.model, name), source.checkpoints)
        full, _ = influence_scores(*arguments, ParameterGradient(source.model, layer), source.checkpoints)
        assert np.allclose(fast, full, rtol=1e-9, atol=1e-12 * np.abs(full).max()), of
    found = tracin(run, frames[:2], frames[2], checkpoints=source.checkpoints, show_progress=False)
    assert found.scores.shape == (1, 2) and np.all(found.scores != 0.0)
