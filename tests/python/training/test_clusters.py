"""Phases found as clusters of latents: mixtures are found or refused; training without labels."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import gnncv
from gnncv.errors import InvalidArgument
from gnncv.export import export
from gnncv.training import TrainConfig, TrainedRun, fit, load_run
from gnncv.training.config import ClustersConfig
from gnncv.training.mixture import cluster, labeled_mixture, separations
from small_training import small_config

MEANS = np.array([[0.0, 0.0, 0.0], [4.0, 1.0, 0.0], [1.0, -5.0, 2.0]])
COUNTS = (60, 90, 30)
VOLUMES = (40.0, 37.0, 44.0)


def drawn(generator: np.random.Generator, means: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents of normal distributions with random covariances, which each is of, and volumes."""
    parts, labels = [], []
    for k, mean in enumerate(means):
        shape = 0.3 * generator.normal(size=(3, 3)) + 0.4 * np.eye(3)
        parts.append(mean + generator.normal(size=(COUNTS[k], 3)) @ shape)
        labels += COUNTS[k] * [k]
    order = generator.permutation(len(labels))
    volumes = np.array(VOLUMES)[labels] + 0.2 * generator.normal(size=len(labels))
    return np.concatenate(parts)[order], np.array(labels)[order], volumes[order]


def test_clusters_are_found_counted_and_ordered(generator: np.random.Generator) -> None:
    latents, truth, volumes = drawn(generator, MEANS)
    mixture = cluster(latents, volumes, ClustersConfig())
    assert mixture.names == ["cluster-1", "cluster-2", "cluster-3"]
    by_volume = np.argsort(-np.array(VOLUMES))
    assert np.mean(mixture.labels == np.argsort(by_volume)[truth]) > 0.98
    np.testing.assert_allclose(mixture.means, MEANS[by_volume], atol=0.5)
    np.testing.assert_allclose(mixture.weights, np.array(COUNTS)[by_volume] / 180, atol=0.02)
    assert np.mean(mixture.classify(latents) == mixture.labels) > 0.98
    assert mixture.facts["ordered_by"].startswith("volume")
    assert np.all(np.diff(mixture.facts["volumes_per_atom"]) < 0)
    assert min(mixture.facts["criterion"], key=mixture.facts["criterion"].get) == "3"
    by_frames = cluster(latents, volumes, ClustersConfig(order="population"))
    assert np.all(np.diff(by_frames.weights) < 0)
    for other in (None, np.full(180, 40.0)):
        assert cluster(latents, other, ClustersConfig()).facts["ordered_by"].startswith("number of frames")
    json.dumps(mixture.as_dict())


def test_labels_give_the_same_description(generator: np.random.Generator) -> None:
    latents, truth, volumes = drawn(generator, MEANS)
    found = cluster(latents, volumes, ClustersConfig())
    by_volume = np.argsort(-np.array(VOLUMES))
    labels = np.where(generator.random(180) < 0.05, -1, np.argsort(by_volume)[truth])
    known = labeled_mixture(latents, labels, ["a", "b", "c"])
    np.testing.assert_allclose(known.means, found.means, atol=0.3)
    np.testing.assert_allclose(known.covariances, found.covariances, atol=0.4)
    assert np.array_equal(known.labels, labels)
    assert known.separation > 2.0


def test_separation_of_two_normal_distributions() -> None:
    """Five deviations apart, along any line: D = 5."""
    covariances = np.array([np.diag([4.0, 1.0]), np.diag([4.0, 9.0])])
    assert separations(np.array([[0.0, 0.0], [10.0, 0.0]]), covariances) == pytest.approx([5.0])


@pytest.mark.parametrize("count", [None, 2])
def test_one_cluster_is_refused(generator: np.random.Generator, count: int | None) -> None:
    latents = generator.normal(size=(200, 3)) @ generator.normal(size=(3, 3))
    with pytest.raises(InvalidArgument, match="do not fall into clusters"):
        cluster(latents, None, ClustersConfig(count=count))


def test_overlapping_clusters_are_refused(generator: np.random.Generator) -> None:
    """A broad and a narrow distribution about one point: two components, no two phases."""
    latents = np.concatenate([generator.normal(size=(300, 2)), 0.1 * generator.normal(size=(300, 2))])
    with pytest.raises(InvalidArgument, match="smallest separation"):
        cluster(latents, None, ClustersConfig(count=2))


def test_too_few_frames_are_refused_before_training(argon_frames: list[Atoms], tmp_path: Path) -> None:
    frames = [atoms.copy() for atoms in argon_frames[:8]]
    for atoms in frames:
        atoms.info = {"split": "training", "source": "x"}
    frames[-1].info["split"] = "validation"
    with pytest.raises(InvalidArgument, match="7 training frames are too few for 2 clusters"):
        fit(unlabeled_config(count=2), tmp_path / "run", frames, progress=False)
    assert not (tmp_path / "run").exists()


def test_clusters_and_labels_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="clusters are for frames without labels"):
        small_config(clusters={"count": 2})


def unlabeled_config(**clusters: object) -> TrainConfig:
    values = small_config().model_dump()
    values["data"] = {"unlabeled": ["frames"], "gap": 1}
    return TrainConfig.model_validate(values | {"clusters": clusters or None})


@pytest.fixture(scope="module")
def run(argon_frames: list[Atoms], tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """Trained on frames of melt and crystal that do not say which they are."""
    frames = [atoms.copy() for atoms in argon_frames]
    for atoms in frames:
        atoms.info = {"source": atoms.info["phase"]}
    return fit(unlabeled_config(count=2), tmp_path_factory.mktemp("clusters") / "run", frames, progress=False)


def test_training_without_labels_finds_melt_and_crystal(
    run: TrainedRun, argon_frames: list[Atoms], tmp_path: Path
) -> None:
    assert run.model.phases == load_run(run.path).model.phases == ["cluster-1", "cluster-2"]
    assert (run.path / "clusters.png").stat().st_size > 5000
    facts = export(run, tmp_path / "cv.pt", "float64")
    mixture = facts["mixture"]
    print("separation", mixture["separation"], "sites", mixture["site_accuracy_on_validation"])
    assert mixture["source"] == "clusters"
    assert mixture["separation"] > 3.0
    assert mixture["site_accuracy_on_validation"] > 0.8
    assert facts["centroids"]["cluster-2"] == pytest.approx(mixture["means"][1])
    assert set(facts["training"]["validation"]["progress"]) == {"cluster-1", "cluster-2"}
    cv = gnncv.CollectiveVariable(tmp_path / "cv.pt")
    names = ("progress", "deviation", "crystallinity", "ncrystal", "novelty")
    assert set(names) < set(cv.names)
    values = {phase: [] for phase in ("melt", "crystal")}
    for atoms in argon_frames:
        result = cv.compute(atoms, outputs=[])
        values[atoms.info["phase"]].append([result["progress"], result["crystallinity"]])
    melt, crystal = np.array(values["melt"]), np.array(values["crystal"])
    print("progress", melt[:, 0].mean(), crystal[:, 0].mean(), "p", melt[:, 1].mean(), crystal[:, 1].mean())
    assert np.abs(melt[:, 0]).max() < 0.3  # the melt, of the larger volume, is the reference
    assert np.abs(crystal[:, 0] - 1.0).max() < 0.3
    assert melt[:, 1].max() < 0.35
    assert crystal[:, 1].min() > 0.65


def test_frames_of_one_phase_are_refused_and_the_weights_kept(
    argon_frames: list[Atoms], tmp_path: Path
) -> None:
    crystal = [atoms.copy() for atoms in argon_frames if atoms.info["phase"] == "crystal"]
    for atoms in crystal:
        atoms.info = {"source": "crystal"}
    values = unlabeled_config(count=2).model_dump()
    values["training"]["epochs"] = 1
    asked = TrainConfig.model_validate(values)
    with pytest.raises(InvalidArgument, match="do not fall into clusters"):
        fit(asked, tmp_path / "run", crystal, progress=False)
    without = TrainConfig.model_validate(values | {"clusters": None})
    resumed = fit(without, tmp_path / "run", crystal, resume=True, progress=False)
    assert resumed.model.phases == []
    assert resumed.summary["mixture"] is None


def test_labeled_training_says_its_mixture_too(small_run: TrainedRun) -> None:
    mixture = small_run.summary["mixture"]
    assert mixture["source"] == "labels"
    assert mixture["names"] == small_run.model.phases
    np.testing.assert_allclose(mixture["means"], small_run.model.centroids.numpy(), atol=1e-12)
    assert (small_run.path / "clusters.png").exists()
