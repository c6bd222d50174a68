"""Which frames of a run are taken, and how they are labeled."""

import numpy as np
import pytest
from ase import Atoms

from gnncv.errors import InvalidArgument
from gnncv.rounds import HarvestConfig, OrderThresholds
from gnncv.rounds.harvest import Judged, candidates, choose, relabel

THRESHOLDS = OrderThresholds(melt_below=0.23, crystal_above=0.36)


def judged_at_random(seed: int, n: int) -> Judged:
    print("seed", seed, "frames", n)
    generator = np.random.default_rng([seed, n])
    return Judged.of(
        generator.random(n), 1.5 * generator.random(n), generator.uniform(0.1, 0.5, n), THRESHOLDS
    )


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64, 500])
@pytest.mark.parametrize("seed", range(4))
def test_chosen_frames_are_new_few_and_spread(seed: int, n: int) -> None:
    judged = judged_at_random(seed, n)
    config = HarvestConfig(max_frames=10)
    new, chosen = np.flatnonzero(candidates(judged, config)), choose(judged, config)
    assert set(chosen) <= set(new.tolist())
    assert len(chosen) == min(10, len(new))
    assert chosen == sorted(set(chosen))
    if len(new) > 10:  # one frame of each tenth of the new ones
        ranks = np.searchsorted(new, chosen)
        assert np.all(np.diff(ranks) <= 2 * np.ceil(len(new) / 10))
        assert ranks[0] < np.ceil(len(new) / 10) and ranks[-1] >= len(new) - np.ceil(len(new) / 10)


def test_a_frame_is_new_by_novelty_or_by_disagreement_alone() -> None:
    #                    agreeing crystal, fooled crystal, fooled melt, novel intermediate, plain intermediate
    judged = Judged.of(
        np.array([0.95, 0.10, 0.90, 0.5, 0.5]),
        np.array([0.5, 0.5, 0.5, 1.2, 0.5]),
        np.array([0.44, 0.40, 0.15, 0.30, 0.30]),
        THRESHOLDS,
    )
    assert judged.phases == ["crystal", "crystal", "melt", None, None]
    assert candidates(judged, HarvestConfig()).tolist() == [False, True, True, True, False]
    assert judged.fooled("crystal") == 0.5
    assert judged.fooled("melt") == 1.0
    assert choose(judged, HarvestConfig(max_frames=2)) == [1, 3]


def test_fooled_fraction_of_an_absent_phase_is_not_a_number() -> None:
    judged = Judged.of(np.array([0.9]), np.array([0.1]), np.array([0.44]), THRESHOLDS)
    assert np.isnan(judged.fooled("melt")) and judged.fooled("crystal") == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_labels_come_from_the_order_parameter_alone(seed: int) -> None:
    judged = judged_at_random(seed, 60)
    frames = [
        Atoms("Ar", positions=[[k, 0, 0]], cell=[9, 9, 9], pbc=True, info={"phase": "x"}) for k in range(60)
    ]
    config = HarvestConfig(validation_every=4)
    chosen = choose(judged, config)
    taken = relabel(frames, judged, chosen, "round-0", config, names=("liquid", "fcc"))
    assert [int(atoms.positions[0, 0]) for atoms in taken] == chosen
    for atoms, index in zip(taken, chosen, strict=True):
        expected = {"melt": "liquid", "crystal": "fcc", None: None}[THRESHOLDS.phase(judged.order[index])]
        assert atoms.info.get("phase") == expected
        assert atoms.info["source"] == "round-0" and atoms.info["order"] == judged.order[index]
    splits = [atoms.info["split"] for atoms in taken]
    assert splits == ["validation" if k % 4 == 3 else "training" for k in range(len(taken))]
    assert all(atoms.info == {"phase": "x"} for atoms in frames)


def test_lengths_must_agree() -> None:
    with pytest.raises(InvalidArgument, match="have 2, 1 and 1 values"):
        Judged.of(np.zeros(2), np.zeros(1), np.zeros(1), THRESHOLDS)
