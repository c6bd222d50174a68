"""The model is evaluated once a step, and differentiated only for what somebody needs: counts of the log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from plumed_driver import Counts, Plumed, read_fields, species_lines

FORCES = ["--dump-forces", "forces", "--dump-forces-fmt", "%.12e"]
N_FRAMES = 4

# Input after the line of cv; then backward passes in four steps.
READERS = {
    "PRINT ARG=cv.* FILE=COLVAR": 0,
    "PRINT ARG=cv.* FILE=COLVAR\nRESTRAINT ARG=cv.total AT=0 KAPPA=1": N_FRAMES,
    "RESTRAINT ARG=cv.total AT=0 KAPPA=1\nRESTRAINT ARG=cv.mixed,cv.mean-1 AT=0,0 KAPPA=1,1": N_FRAMES,
    "METAD ARG=cv.mixed SIGMA=0.1 HEIGHT=1 PACE=1": N_FRAMES - 2,  # the first hill is that of step 1
    "UPPER_WALLS ARG=cv.mixed AT=1000 KAPPA=1": 0,
    "DUMPDERIVATIVES ARG=cv.mixed,cv.total FILE=derivatives": 2 * N_FRAMES,
    "DUMPDERIVATIVES ARG=cv.mixed STRIDE=2 FILE=derivatives\nPRINT ARG=cv.total FILE=COLVAR": N_FRAMES // 2,
    "DUMPDERIVATIVES ARG=cv.mixed FILE=derivatives\nRESTRAINT ARG=cv.mixed AT=0 KAPPA=1": N_FRAMES,
    "f: CUSTOM ARG=cv.mixed,cv.total FUNC=x*y PERIODIC=NO\nRESTRAINT ARG=f AT=0 KAPPA=1": N_FRAMES,
    "RESTRAINT ARG=cv.total AT=0 KAPPA=1 STRIDE=2\nPRINT ARG=cv.* FILE=COLVAR": N_FRAMES // 2,
    "METAD ARG=cv.mixed SIGMA=0.1 HEIGHT=1 PACE=1 ADAPTIVE=GEOM": N_FRAMES - 1,
}


@pytest.mark.parametrize("text", READERS, ids=range(len(READERS)))
def test_only_what_is_needed_is_differentiated(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path, text: str
) -> None:
    frames = trajectory("triclinic", n_frames=N_FRAMES)
    line = f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n"
    counts = plumed.driver(tmp_path, line + text + "\n", frames).counts()
    assert (counts.evaluations, counts.backward) == (N_FRAMES, READERS[text])


def test_actions_that_ask_for_the_same_are_one_evaluation_and_one_backward_pass(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_frames=N_FRAMES)
    action = f"GNNCV MODEL={model} {species_lines(frames[0])}"
    biases = "RESTRAINT ARG={} AT=0 KAPPA=2\nRESTRAINT ARG={} AT=1 KAPPA=0.1\nRESTRAINT ARG={} AT=0 KAPPA=1\n"
    one = plumed.driver(
        tmp_path / "one",
        f"UNITS LENGTH=A\ncv: {action}\n" + biases.format("cv.mixed", "cv.total", "cv.mixed"),
        frames,
        FORCES,
    )
    elsewhere = action.replace(str(model.parent), f"{model.parent}/../{model.parent.name}")
    three = plumed.driver(
        tmp_path / "three",
        f"UNITS LENGTH=A\na: {action}\nb: {action} COMPONENTS=total\nc: {elsewhere}\n"
        + biases.format("a.mixed", "b.total", "c.mixed"),
        frames,
        FORCES,
    )
    assert one.counts("cv") == three.counts("a") == Counts(N_FRAMES, N_FRAMES, one.counts("cv").lists)
    assert np.allclose(three.forces(), one.forces(), rtol=0, atol=1e-10 * np.abs(one.forces()).max())
    assert "shares its evaluation with a" in three.log


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_an_action_that_is_only_printed_leaves_forces_to_the_other(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path, order: str
) -> None:
    frames = trajectory("triclinic", n_frames=2)
    action = f"GNNCV MODEL={model} {species_lines(frames[0])}"
    actions = "".join(f"{label}: {action}\n" for label in order)
    readers = "PRINT ARG=a.* FILE=COLVAR\nRESTRAINT ARG=b.total AT=0 KAPPA=1\n"
    shared = plumed.driver(tmp_path / "shared", "UNITS LENGTH=A\n" + actions + readers, frames, FORCES)
    alone = plumed.driver(
        tmp_path / "alone",
        f"UNITS LENGTH=A\nb: {action}\nRESTRAINT ARG=b.total AT=0 KAPPA=1\n",
        frames,
        FORCES,
    )
    assert np.abs(alone.forces()).max() > 0
    assert np.allclose(shared.forces(), alone.forces(), rtol=0, atol=1e-10 * np.abs(alone.forces()).max())
    assert shared.counts(order[0]).evaluations == shared.counts(order[0]).backward == len(frames)


@pytest.mark.parametrize("different", ["NOPBC", "NL_SKIN=0.1", "NUMERICAL_DERIVATIVES"])
def test_actions_that_ask_for_something_else_are_apart(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path, different: str
) -> None:
    frames = trajectory("cubic", n_atoms=6, n_frames=1)
    action = f"GNNCV MODEL={model} {species_lines(frames[0])}"
    text = f"UNITS LENGTH=A\na: {action}\nb: {action} {different}\nPRINT ARG=a.*,b.* FILE=COLVAR\n"
    run = plumed.driver(tmp_path, text, frames)
    assert run.counts("a").evaluations == 1
    assert run.counts("b").evaluations >= 1


def test_actions_that_take_part_in_different_steps_share_rightly(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    """The forces of the step are set by the first action that takes part in it."""
    frames = trajectory("triclinic", n_frames=7)
    action = f"GNNCV MODEL={model} {species_lines(frames[0])}"
    text = (
        "UNITS LENGTH=A\na: {0}\nb: {1}\nc: {2}\n"
        "RESTRAINT ARG=a.mixed AT=0 KAPPA=2 STRIDE=2\nRESTRAINT ARG=b.total AT=0 KAPPA=1 STRIDE=3\n"
        "RESTRAINT ARG=c.mean-1 AT=5 KAPPA=1\n"
    )
    shared = plumed.driver(tmp_path / "shared", text.format(action, action, action), frames, FORCES)
    apart = plumed.driver(
        tmp_path / "apart",
        text.format(action, f"{action} NL_SKIN=0.2", f"{action} NL_SKIN=0.1"),
        frames,
        FORCES,
    )
    assert shared.counts("a").evaluations == len(frames)
    assert shared.counts("a").backward == len(frames)
    assert np.allclose(shared.forces(), apart.forces(), rtol=0, atol=1e-10 * np.abs(apart.forces()).max())


def test_atoms_that_are_moved_between_two_actions_are_evaluated_twice(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_atoms=8, n_frames=2)
    action = f"GNNCV MODEL={model} NOPBC {species_lines(frames[0])}"
    text = (
        "UNITS LENGTH=A\na: {0}\nWHOLEMOLECULES ENTITY0=1-8\nb: {1}\n"
        "RESTRAINT ARG=a.total AT=0 KAPPA=2\nRESTRAINT ARG=b.total AT=0 KAPPA=1\n"
    )
    shared = plumed.driver(tmp_path / "shared", text.format(action, action), frames, FORCES)
    apart = plumed.driver(tmp_path / "apart", text.format(action, f"{action} NL_SKIN=0.2"), frames, FORCES)
    assert np.allclose(shared.forces(), apart.forces(), rtol=0, atol=1e-10 * np.abs(apart.forces()).max())


def test_functions_of_components_are_projected(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    """METAD's geometric widths are those that numerical derivatives give."""
    frames = trajectory("triclinic", n_atoms=8, n_frames=3)
    hills = []
    for flag in ("", "NUMERICAL_DERIVATIVES"):
        text = (
            f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {flag} {species_lines(frames[0])}\n"
            "f: CUSTOM ARG=cv.mixed,cv.mean-2 FUNC=x*y PERIODIC=NO\n"
            "METAD ARG=f SIGMA=0.1 HEIGHT=1 PACE=1 ADAPTIVE=GEOM FMT=%22.10e\n"
        )
        run = plumed.driver(tmp_path / (flag or "analytic"), text, frames)
        hills.append(read_fields(run.folder / "HILLS")["sigma_f_f"])
    assert len(hills[0]) == 2
    assert np.allclose(hills[0], hills[1], rtol=1e-5)


def test_a_list_is_rebuilt_when_atoms_jump_and_only_then(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    """Positions and box of another replica come without warning: values are those of a new list."""
    still = trajectory("triclinic", n_frames=1)[0]
    frames = [still.copy() for _ in range(10)]
    for frame in frames:
        frame.positions += 1e-3
    other = trajectory("triclinic", n_frames=1)[0]
    other.symbols = still.symbols
    frames[4:6] = [other, other]
    action = f"GNNCV MODEL={model} {species_lines(still)}"
    run = plumed.driver(
        tmp_path,
        f"UNITS LENGTH=A\nlisted: {action}\nfresh: {action} NL_SKIN=0\n"
        "PRINT ARG=listed.*,fresh.* FILE=COLVAR FMT=%.14e\n",
        frames,
    )
    table = run.table()
    for name in ("mean-1", "mean-2", "mixed", "total"):
        assert np.allclose(table[f"listed.{name}"], table[f"fresh.{name}"], rtol=1e-12)
    assert run.counts("listed").lists == 3
    assert run.counts("fresh").lists == len(frames)


def test_threads_are_never_more_than_plumed_was_given(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("cubic", n_frames=1)
    action = f"GNNCV MODEL={model} {species_lines(frames[0])}"
    text = f"UNITS LENGTH=A\na: {action}\nb: {action} NUM_THREADS=1\nc: {action} NUM_THREADS=7\n"
    text += "PRINT ARG=a.*,b.*,c.* FILE=COLVAR\n"
    run = plumed.driver(tmp_path, text, frames, environment={"PLUMED_NUM_THREADS": "2"})
    said = [line for line in run.log.splitlines() if "thread" in line and "device" in line]
    assert ["2 threads" in said[0], "1 thread" in said[1], "2 threads" in said[2]] == [True] * 3
    assert "NUM_THREADS asks for 7, and PLUMED was given 2" in said[2]
