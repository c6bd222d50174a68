"""A model on one frame as a function: its value, its derivatives, and what gates and baselines mean."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms

from gnncv import CollectiveVariable, InvalidArgument
from gnncv.models import GraphAutoencoder, ModelConfig, TrainedGraphFunction
from gnncv.models.collective_variables import outputs_of
from gnncv.models.reference_evaluation import evaluate_reference
from molecule_models import molecular_system, molecule_model, write_molecule_model
from systems import random_structure

CUTOFF = 5.0
PLAIN = {"cutoff": CUTOFF, "n_layers": 2, "width": 16, "latent": 2, "n_radial": 2, "l_max": 4}
MODELS = {
    "attention": ModelConfig(**PLAIN),
    "filter": ModelConfig(message="filter", invariants=False, **PLAIN),
    "pooled by attention": ModelConfig(pooling="attention", **PLAIN),
    "simple": ModelConfig(message="simple", concatenation="attention", **PLAIN),
    "classifier alone": ModelConfig(decoder=False, **PLAIN),
}


def model_of(kind: str) -> GraphAutoencoder:
    if kind == "molecules":
        return molecule_model("invariants").double()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = GraphAutoencoder(MODELS[kind], ["Ar", "Kr"], ["melt", "crystal"]).double().eval()
        model.centroids.normal_()
    return model


def frame_of(kind: str, generator: np.random.Generator) -> Atoms:
    if kind == "molecules":
        return molecular_system("triclinic", 12, generator)[0]
    return random_structure("triclinic", 24, ["Ar", "Kr"], CUTOFF, generator)


@pytest.mark.parametrize("kind", [*MODELS, "molecules"])
def test_value_and_slope_are_those_of_the_model(kind: str, generator: np.random.Generator) -> None:
    model, atoms = model_of(kind), frame_of(kind, generator)
    reference = evaluate_reference(model, atoms)
    for k, name in enumerate(outputs_of(model)):
        function = TrainedGraphFunction(model, atoms, name)
        positions = function.inputs["positions"].clone().requires_grad_()
        value = function(positions=positions)
        (slope,) = torch.autograd.grad(value, positions)
        scale = max(np.abs(reference.gradients[k]).max(), 1e-6)
        assert value.item() == pytest.approx(reference.values[k], rel=1e-9, abs=1e-9)
        assert np.abs(slope.numpy() - reference.gradients[k]).max() < 1e-9 * scale, name
        assert function().item() == pytest.approx(value.item(), rel=1e-12, abs=1e-12)
        vectors = function(vectors=function.inputs["vectors"])
        assert vectors.item() == pytest.approx(value.item(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", [*MODELS, "molecules"])
def test_a_closed_gate_takes_a_pair_out_and_its_slope_is_exact(
    kind: str, generator: np.random.Generator
) -> None:
    model, atoms = model_of(kind), frame_of(kind, generator)
    function = TrainedGraphFunction(model, atoms, "progress")
    gates = torch.from_numpy(generator.uniform(0.3, 1.0, len(function.inputs["edges"])))
    closed = torch.from_numpy(generator.random(len(gates)) < 0.3)
    gates[closed] = 0.0
    torn = function.inputs["vectors"].clone()
    torn[closed] = function.baselines["vectors"]["no interaction"][closed]
    there = (~closed).double()
    # a pair at the cutoff carries nothing, as one with a closed gate; only the others' gates matter then
    assert function(edges=there).item() == pytest.approx(function(vectors=torn).item(), rel=1e-9, abs=1e-10)
    varied = gates.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(edges=varied), varied)
    direction = torch.from_numpy(generator.normal(size=len(gates)))
    step = 1e-5
    rise = function(edges=gates + step * direction) - function(edges=gates - step * direction)
    expected = (slope * direction).sum().item()
    assert rise.item() / (2 * step) == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_all_gates_closed_leaves_lone_sites(generator: np.random.Generator) -> None:
    model = model_of("attention")
    atoms = random_structure("open", 12, ["Ar", "Kr"], CUTOFF, generator)
    spread = atoms.copy()
    spread.positions = np.arange(12)[:, None] * np.array([2.0 * CUTOFF, 0.0, 0.0])
    function = TrainedGraphFunction(model, atoms, "progress")
    lone = TrainedGraphFunction(model, spread, "progress")().item()
    nothing = function.baselines
    assert function(edges=nothing["edges"]["no interaction"]).item() == pytest.approx(lone, abs=1e-12)
    assert function(vectors=nothing["vectors"]["no interaction"]).item() == pytest.approx(lone, abs=1e-9)
    bare = function(
        edges=nothing["edges"]["no interaction"],
        node_features=nothing["node_features"]["no interaction"],
    )
    assert bare.item() == pytest.approx(lone, abs=1e-12)


def test_node_features_are_what_the_sites_start_from(generator: np.random.Generator) -> None:
    model, atoms = model_of("attention"), frame_of("attention", generator)
    function = TrainedGraphFunction(model, atoms, "latent-1")
    features = function.inputs["node_features"]
    assert features.shape == (len(atoms), len(function.feature_names))
    assert len(set(function.feature_names)) == len(function.feature_names)
    assert function(node_features=features).item() == pytest.approx(function().item(), rel=1e-12)
    assert function(node_features=features + 1.0).item() != function().item()
    coordination = function.feature_names.index("coordination")
    crowded = features[:, coordination] * model.encoder.feature_scale[coordination]
    assert float(crowded.min()) >= 0.0  # untrained: raw invariants, a sum of switching functions
    assert "node_features" not in TrainedGraphFunction(model_of("filter"), atoms).inputs


def test_a_phase_as_baseline_is_its_mean_site(generator: np.random.Generator) -> None:
    model = model_of("attention")
    frames = [frame_of("attention", generator) for _ in range(3)]
    function = TrainedGraphFunction(model, frames[0])
    rows = function.feature_baseline(frames)
    per_frame = [TrainedGraphFunction(model, frame).inputs["node_features"] for frame in frames]
    numbers = np.concatenate([frame.numbers for frame in frames])
    for i, number in enumerate(frames[0].numbers):
        expected = torch.cat(per_frame)[numbers == number].mean(dim=0)
        assert torch.allclose(rows[i], expected, atol=1e-12)
    with pytest.raises(InvalidArgument, match="no frame of the baseline has a Kr"):
        function.feature_baseline([Atoms("Ar4", positions=3.0 * np.eye(4, 3))])


def test_an_exported_file_gives_what_the_core_gives(
    exported: Path, argon_frames: list[Atoms], generator: np.random.Generator
) -> None:
    cv = CollectiveVariable(exported)
    atoms = argon_frames[int(generator.integers(len(argon_frames)))]
    tolerance = 1e-10 if cv.precision == "float64" else 5e-6
    for name in ("progress", "ncrystal"):
        result = cv.compute(atoms, outputs=[name])
        function = cv.graph_function(atoms, name)
        positions = function.inputs["positions"].clone().requires_grad_()
        value = function(positions=positions)
        (slope,) = torch.autograd.grad(value, positions)
        assert value.item() == pytest.approx(result[name], rel=tolerance, abs=tolerance)
        error = np.abs(slope.numpy() - result.gradient(name)).max()
        assert error < tolerance * np.abs(result.gradient(name)).max()
        assert function.model_hash == cv.hash
    with pytest.raises(InvalidArgument, match="has no input 'edges'"):
        function(edges=torch.ones(3))
    with pytest.raises(InvalidArgument, match="not drawn anew"):
        function.with_model(torch.nn.Identity())


def test_an_exported_model_of_molecules(tmp_path: Path, generator: np.random.Generator) -> None:
    path = write_molecule_model(tmp_path / "molecules.pt")
    cv, atoms = CollectiveVariable(path), molecular_system("triclinic", 12, generator)[0]
    function = cv.graph_function(atoms, "progress")
    positions = function.inputs["positions"].clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(positions=positions), positions)
    gradient = cv.compute(atoms).gradient("progress")
    assert np.abs(slope.numpy() - gradient).max() < 1e-9 * np.abs(gradient).max()
    assert np.array_equal(function.node_of_atom, cv.site_of_atom)
    assert len(function.node_labels) == len(cv.site_kinds)


def test_mistakes_are_named(generator: np.random.Generator) -> None:
    model, atoms = model_of("attention"), frame_of("attention", generator)
    function = TrainedGraphFunction(model, atoms)
    with pytest.raises(InvalidArgument, match="no output 'phase'"):
        TrainedGraphFunction(model, atoms, "phase")
    with pytest.raises(InvalidArgument, match="edges have shape"):
        function(edges=torch.ones(3))
    with pytest.raises(InvalidArgument, match="not both"):
        function(positions=function.inputs["positions"], vectors=function.inputs["vectors"])
    other = TrainedGraphFunction(model_of("classifier alone"), atoms)
    assert function.model_hash == TrainedGraphFunction(model, atoms).model_hash != other.model_hash
    assert function.with_model(model_of("pooled by attention"))().item() != function().item()
