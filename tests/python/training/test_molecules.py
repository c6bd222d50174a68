"""Stage 1 learns the conformers of a flexible molecule, and its runs resume, load and refuse."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import openmm
import pytest
import torch
from ase import Atoms

from gnncv.errors import InvalidArgument, ModelError, OutputExists
from gnncv.topology import Topology
from gnncv.training import (
    MoleculeRun,
    MoleculeTrainConfig,
    TrainedRun,
    fit_molecule,
    fit_molecules,
    frame_descriptors,
    load_molecule_run,
)
from molecules import template

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples" / "butane"))
import butane as example
from force_field import BACKBONE, SYMBOLS, anti_positions, butane_system

TURNED = (10, 11, 12, 13)  # the methyl group beyond the middle bond, with the hydrogens of its neighbor
TURNED_TOO = (8, 9)


def turned(angle: float) -> np.ndarray:
    """Butane with its middle torsion at 180 degrees plus an angle, ideal otherwise; angstrom."""
    positions = 10.0 * np.array(anti_positions())
    origin, axis = positions[7], positions[7] - positions[4]
    axis = axis / np.linalg.norm(axis)
    moved = positions[[*TURNED, *TURNED_TOO]] - origin
    along = np.outer(moved @ axis, axis)
    turned_part = along + np.cos(angle) * (moved - along) + np.sin(angle) * np.cross(axis, moved)
    positions[[*TURNED, *TURNED_TOO]] = origin + turned_part
    return positions


@pytest.fixture(scope="session")
def conformers() -> list[Atoms]:
    """Frames of shaken butane molecules in their three conformers, gauche as often as anti."""
    generator = np.random.default_rng(8)
    frames = []
    for _ in range(60):
        angles = np.radians(generator.choice([0.0, 0.0, 120.0, -120.0], 16) + generator.normal(0, 10, 16))
        shapes = np.stack([turned(angle) for angle in angles]) + generator.normal(0, 0.03, (16, 14, 3))
        shapes += 20.0 * np.arange(16)[:, None, None] * [1, 0, 0]
        frames.append(Atoms(SYMBOLS * 16, positions=shapes.reshape(-1, 3)))
    return frames


def config(**training: object) -> MoleculeTrainConfig:
    return MoleculeTrainConfig.model_validate(
        {"model": {"embedding": 4}, "training": {"epochs": 12, "batch_size": 32, **training}, "gap": 1}
    )


@pytest.fixture(scope="session")
def butane_run(conformers: list[Atoms], tmp_path_factory: pytest.TempPathFactory) -> MoleculeRun:
    folder = tmp_path_factory.mktemp("stage1")
    return fit_molecules(conformers, Topology([example.butane()]), config(), folder, progress=False)["butane"]


def test_unseen_conformations_are_rebuilt(butane_run: MoleculeRun) -> None:
    """Better than any one conformation, however its atoms are named."""
    report = butane_run.summary["validation"]
    print(report["distance_rms"])
    assert report["distance_rms"]["autoencoder"] < 0.6 * report["distance_rms"]["mean"]
    assert report["unexplained"]["autoencoder"] < 0.6 * report["unexplained"]["renamed_mean"]
    assert report["type_accuracy"] == 1.0
    assert report["n_symmetries"] == 288
    chain = next(row for row in report["pairs"] if row["atoms"] == ["C0", "C10"])
    assert chain["rms"] < 0.5 * chain["rms_of_mean"]


def test_conformers_separate_in_the_embedding(butane_run: MoleculeRun, conformers: list[Atoms]) -> None:
    found = example.separation(butane_run, conformers, config())
    print(found)
    assert found["accuracy"] > 0.97
    assert found["silhouette"] > 0.2


def test_gauche_and_its_mirror_image_are_one(butane_run: MoleculeRun) -> None:
    """Invariants of distances and cosines are blind to chirality."""
    frames = [Atoms(SYMBOLS, positions=turned(np.radians(angle))) for angle in (120.0, -120.0)]
    plus, minus = (d[0] for d in frame_descriptors(frames, Topology([example.butane()]))[0])
    torch.testing.assert_close(
        butane_run.model.encoder(plus[None]), butane_run.model.encoder(minus[None]), rtol=1e-4, atol=1e-4
    )


def test_the_folder_holds_what_is_promised(butane_run: MoleculeRun) -> None:
    names = {path.name for path in butane_run.path.iterdir()}
    assert {
        "config.yaml",
        "checkpoints",
        "metrics.csv",
        "losses.png",
        "conformers.png",
        "model.pt",
        "summary.json",
    } <= names
    loaded = load_molecule_run(butane_run.path)
    assert loaded.summary == json.loads(json.dumps(butane_run.summary))
    assert loaded.model.molecule == example.butane()
    for (name, ours), theirs in zip(
        loaded.model.state_dict().items(), butane_run.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name


def test_the_embedding_has_unit_spread(butane_run: MoleculeRun, conformers: list[Atoms]) -> None:
    values = torch.cat(frame_descriptors(conformers, Topology([example.butane()]))[0])
    with torch.no_grad():
        embedded = butane_run.model.encoder(values)
    assert float(embedded.mean(0).abs().max()) < 0.2
    assert float(embedded.std(0).min()) > 0.8 and float(embedded.std(0).max()) < 1.2


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    conformers: list[Atoms], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gnncv.training.molecule_module import MoleculeModule

    topology, short = Topology([example.butane()]), config(epochs=4)
    conformers = conformers[::4]
    whole = fit_molecules(conformers, topology, short, tmp_path / "whole", progress=False)["butane"]
    original = MoleculeModule.training_step

    def interrupted(self: MoleculeModule, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        if self.current_epoch == 2:
            raise InterruptedError
        return original(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(MoleculeModule, "training_step", interrupted)
        with pytest.raises(InterruptedError):
            fit_molecules(conformers, topology, short, tmp_path / "cut", progress=False)
    with pytest.raises(ModelError, match="holds no finished run"):
        load_molecule_run(tmp_path / "cut" / "butane")
    resumed = fit_molecules(conformers, topology, short, tmp_path / "cut", resume=True, progress=False)
    for ours, theirs in zip(resumed["butane"].model.parameters(), whole.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_finished_run_is_not_overwritten(butane_run: MoleculeRun, conformers: list[Atoms]) -> None:
    with pytest.raises(OutputExists, match="holds a training run"):
        fit_molecules(
            conformers, Topology([example.butane()]), config(), butane_run.path.parent, progress=False
        )


def test_a_variational_run_keeps_its_latents_near_the_normal_distribution(
    conformers: list[Atoms], tmp_path: Path
) -> None:
    topology, conformers = Topology([example.butane()]), conformers[::3]
    plain = fit_molecules(conformers, topology, config(epochs=3), tmp_path / "plain", progress=False)
    settings = config(epochs=3)
    settings.loss.divergence = 0.01
    variational = fit_molecules(conformers, topology, settings, tmp_path / "variational", progress=False)
    divergence = [
        run["butane"].summary["best_epoch"]["validation_divergence"] for run in (plain, variational)
    ]
    print(divergence)
    assert divergence[1] < 0.5 * divergence[0]


def test_every_kind_with_descriptors_has_a_run(tmp_path: Path, generator: np.random.Generator) -> None:
    """A molecule without torsions, one without descriptors, and an atom beside them."""
    water, methanol = replace(template("H2O"), name="heavy/water"), replace(template("CH3OH"), distances=())
    topology = Topology([water, methanol], ["Ar"])
    frames = []
    for _ in range(20):
        shapes = [geometry + generator.normal(0, 0.05, geometry.shape) for geometry in _shapes()]
        symbols = (*water.symbols, *methanol.symbols, "Ar")
        frames.append(Atoms(symbols, positions=np.concatenate([*shapes, [[9.0, 9.0, 9.0]]])))
    runs = fit_molecules(frames, topology, config(epochs=2), tmp_path, progress=False)
    assert list(runs) == ["heavy/water"]
    assert runs["heavy/water"].path == tmp_path / "heavy_water"
    assert "cosine_rms" not in runs["heavy/water"].summary["validation"]
    frames[3] = frames[3][::-1]
    with pytest.raises(InvalidArgument, match="frame 3: "):
        fit_molecules(frames, topology, config(epochs=2), tmp_path / "other", progress=False)


def _shapes() -> list[np.ndarray]:
    from molecules import geometry

    return [geometry("H2O").positions, geometry("CH3OH").positions + 5.0]


def test_unusable_descriptors_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    molecule = example.butane()
    good = torch.rand(8, molecule.n_descriptors, dtype=torch.float64)
    with pytest.raises(InvalidArgument, match="validation descriptors of 'butane': expected shape"):
        fit_molecule(good, good[:, 1:], molecule, config(), tmp_path / "run", progress=False)
    bad = good.clone()
    bad[5, 2] = torch.nan
    with pytest.raises(InvalidArgument, match="row 5 is not finite"):
        fit_molecule(bad, good, molecule, config(), tmp_path / "run", progress=False)
    settings = config()
    settings.color_by = (0, 1, 2, 3)
    with pytest.raises(InvalidArgument, match="color_by \\[0, 1, 2, 3\\] is none of the torsions"):
        fit_molecule(good, good, molecule, settings, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_another_models_run_is_refused(small_run: TrainedRun) -> None:
    with pytest.raises(ModelError, match="names no molecule"):
        load_molecule_run(small_run.path)


def test_the_force_field_of_the_example_has_the_energies_of_butane() -> None:
    """Gauche lies about 0.8 kcal/mol above anti (Jorgensen et al., 1996: 0.78), with a barrier above 3."""
    system = butane_system(1)
    restraint = openmm.CustomTorsionForce("10000*(1-cos(theta-target))")
    restraint.addGlobalParameter("target", np.pi)
    restraint.addTorsion(*BACKBONE, [])
    restraint.setForceGroup(1)
    system.addForce(restraint)
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    energies = {}
    for degrees in (180.0, 66.0, 120.0):
        context.setParameter("target", np.radians(degrees))
        context.setPositions(0.1 * turned(np.radians(degrees - 180.0)))
        openmm.LocalEnergyMinimizer.minimize(context, 0.01)
        energy = context.getState(energy=True, groups={0}).getPotentialEnergy()
        energies[degrees] = energy.value_in_unit(openmm.unit.kilocalories_per_mole)
    print(energies)
    assert 0.6 < energies[66.0] - energies[180.0] < 1.0
    assert 3.0 < energies[120.0] - energies[180.0] < 4.5
