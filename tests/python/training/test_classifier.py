"""The classifier of sites as a model of its own: no decoder, no novelty, everything else as it is."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import gnncv
from finite_differences import gradient_error, strain_error
from gnncv.errors import InvalidArgument
from gnncv.models import evaluate_frames
from gnncv.models.reference_evaluation import evaluate_reference
from gnncv.training import TrainedRun, fit, load_run
from small_training import small_config


@pytest.fixture(scope="module", params=["mean", "attention"])
def run(
    request: pytest.FixtureRequest, argon_frames: list[Atoms], tmp_path_factory: pytest.TempPathFactory
) -> TrainedRun:
    config = small_config(model={"decoder": False, "pooling": request.param}, training={"epochs": 5})
    return fit(config, tmp_path_factory.mktemp("classifier") / "run", argon_frames, progress=False)


@pytest.fixture(scope="module")
def cv(run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> gnncv.CollectiveVariable:
    path = tmp_path_factory.mktemp("exported") / "cv.pt"
    gnncv.export(run, path, "float64")
    return gnncv.CollectiveVariable(path, num_threads=1)


def test_sites_are_told_apart(cv: gnncv.CollectiveVariable, argon_frames: list[Atoms]) -> None:
    for atoms in argon_frames[::3]:
        right = (cv.per_site(atoms)["crystallinity"] > 0.5) == (atoms.info["phase"] == "crystal")
        assert right.mean() > 0.95


def test_there_is_no_novelty(run: TrainedRun, cv: gnncv.CollectiveVariable, argon_frames) -> None:
    assert run.model.environment_decoder is None and run.model.adjacency_decoder is None
    assert not [name for name in [*cv.names, *cv.site_names] if name == "novelty"]
    assert {"crystallinity", "ncrystal", "progress", "latent-1"} <= set(cv.names)
    assert cv.metadata["novelty_scales"] is None
    assert set(cv.per_site(argon_frames[0])) == set(cv.site_names)
    smaller = sum(p.numel() for p in run.model.parameters())
    assert smaller == run.summary["n_parameters"]


def test_derivatives_are_exact(run, cv, argon_frames, generator) -> None:
    atoms = argon_frames[0].copy()
    atoms.positions += 0.05 * generator.normal(size=atoms.positions.shape)
    assert gradient_error(cv, atoms, generator, n_components=3).max() < 1e-6
    assert strain_error(cv, atoms).max() < 1e-6
    reference = evaluate_reference(load_run(run.path).model.double(), atoms)
    np.testing.assert_allclose(cv.compute(atoms).values, reference.values, rtol=0, atol=1e-8)


def test_the_file_gives_what_pytorch_gives(run, cv, argon_frames) -> None:
    values = evaluate_frames(run.model, argon_frames[:2])
    for row, atoms in zip(values, argon_frames, strict=False):
        np.testing.assert_allclose(row, cv.compute(atoms, outputs=[]).values, rtol=1e-5, atol=1e-4)


def test_a_classifier_needs_labels(tmp_path: Path, argon_frames: list[Atoms]) -> None:
    with pytest.raises((InvalidArgument, ValueError), match="a classifier alone needs labels"):
        small_config(data={"phases": {}, "unlabeled": ["frames"]}, model={"decoder": False})
    with pytest.raises(ValueError, match="pooling 'assignment' needs the decoder"):
        small_config(model={"decoder": False, "pooling": "assignment"})
