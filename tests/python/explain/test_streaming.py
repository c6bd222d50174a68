"""Frames are scored as they come, in the memory of one frame."""

import gc
import os
import tracemalloc
import weakref

import numpy as np
import pytest
from ase.io import read, write

from analytic_cv import AnalyticCV, random_atoms
from gnncv.errors import InvalidArgument
from gnncv.explain import (
    ScoredFrames,
    SensitivitySummary,
    graph_node_sensitivity,
    node_sensitivity,
    write_per_site,
    write_sensitivity_report,
)

N_ATOMS = 40
AT_ONCE = 3  # frames that may be alive: the one made, the one scored, and the one a loop still names


def stretch(atoms):
    """Half the squared length of every position: cheap, with a gradient of each atom's own."""
    return 0.5 * float(np.sum(atoms.positions**2)), atoms.positions.copy()


def watched(n_frames, n_atoms=40, seed=3):
    """Frames that are made when asked for; refuses to make more while earlier ones are held."""
    alive = weakref.WeakSet()
    for number in range(n_frames):
        assert len(alive) <= AT_ONCE, f"{len(alive)} frames are held at frame {number}"
        if number % 50 == 0:
            gc.collect()
        atoms = random_atoms(np.random.default_rng([seed, number]), n_atoms)
        alive.add(Held(atoms))
        yield atoms


class Held:
    """Stands for a frame in a set of weak references (ase.Atoms cannot be hashed): lives as long as it."""

    def __init__(self, atoms):
        atoms.held = self


def peak(n_frames, call):
    """Peak of the memory that Python allocated while going through so many frames, bytes."""
    gc.collect()
    gc.freeze()  # ASE leaves cycles: collecting them is quick where only new objects are looked at
    tracemalloc.start()
    try:
        call(watched(n_frames, n_atoms=N_ATOMS))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    """With everything on that a stream can be asked for: file, environment, summary."""

    def explain(frames):
        graph_node_sensitivity(
            stretch,
            frames,
            show_progress=False,
            keep_frames=False,
            on_frame=SensitivitySummary().add,
            extxyz_filename=tmp_path / "S.extxyz",
            overwrite=True,
            system=range(5),
            environment_within=6.0,
        )

    peak(1, explain)  # what is imported and cached the first time
    few, many = peak(50, explain), peak(500, explain)
    print(f"{few} bytes for 50 frames, {many} for 500")
    assert many < few + 450 * N_ATOMS * 8 / 2  # half of what the scores alone would take


def test_no_frame_is_held():
    node_sensitivity(stretch, watched(40), show_progress=False, on_frame=SensitivitySummary().add)


def test_the_watch_sees_frames_that_are_held():
    kept = []
    with pytest.raises(AssertionError, match="frames are held"):
        node_sensitivity(
            stretch, watched(10), show_progress=False, on_frame=lambda scored: kept.append(scored.atoms)
        )


def test_a_file_is_read_frame_by_frame(tmp_path):
    """The same from a path, a list and an iterator; and of everything that goes through frames."""
    frames = [random_atoms(np.random.default_rng([5, k]), 12) for k in range(6)]
    path = tmp_path / "frames.extxyz"
    write(path, frames)
    frames = read(path, ":")
    expected = graph_node_sensitivity(AnalyticCV(), frames, "progress", show_progress=False)
    for given in (path, str(path), iter(frames), (atoms for atoms in frames)):
        found = graph_node_sensitivity(AnalyticCV(), given, "progress", show_progress=False)
        assert np.array_equal(found["raw_sensitivities"], expected["raw_sensitivities"])
    one = node_sensitivity(AnalyticCV(), path, "progress", show_progress=False)
    raw = expected["raw_sensitivities"]
    assert np.allclose(one.scores, raw.mean(axis=0), rtol=1e-13, atol=0)
    assert np.allclose(one.spread, raw.std(axis=0), rtol=1e-10, atol=1e-16)
    assert np.allclose(expected["std_sensitivities"], raw.std(axis=0), rtol=1e-10, atol=1e-16)
    assert one.n_frames == 6 and one.over == "nodes" and one.output == "progress" and one.units == "1/Å"
    assert one.value == pytest.approx(expected["values"].mean(), rel=1e-13)
    assert one.details["value_spread"] == pytest.approx(expected["values"].std(), rel=1e-10)
    assert one.model_hash == AnalyticCV().hash and list(one.node_labels) == expected["node_labels"]
    assert one.atoms == frames[0]
    from_path = write_per_site(AnalyticCV(), path, tmp_path / "a.extxyz", show_progress=False)
    from_list = write_per_site(AnalyticCV(), frames, tmp_path / "b.extxyz", show_progress=False)
    for ours, theirs in zip(read(from_path, ":"), read(from_list, ":"), strict=True):
        assert np.array_equal(ours.arrays["crystallinity"], theirs.arrays["crystallinity"])


def test_a_bad_frame_in_the_middle_leaves_no_file(tmp_path):
    def frames():
        yield from watched(3)
        yield random_atoms(np.random.default_rng(0), 7)

    for call in (node_sensitivity, graph_node_sensitivity):
        name = "extxyz" if call is node_sensitivity else "extxyz_filename"
        with pytest.raises(InvalidArgument, match="frame 3 has Ar7 and frame 0 has Ar40"):
            call(stretch, frames(), show_progress=False, **{name: tmp_path / "S.extxyz"})
    assert os.listdir(tmp_path) == []


def test_table_and_picture_from_a_stream_are_those_of_the_frames(tmp_path):
    frames = list(watched(1)) * 3 + [random_atoms(np.random.default_rng(9), 40)]
    cv, summary = AnalyticCV(), SensitivitySummary()
    kept = graph_node_sensitivity(cv, frames, "progress", show_progress=False, crystallinity=True)
    thrown = graph_node_sensitivity(
        cv, iter(frames), "progress", show_progress=False, crystallinity=True, keep_frames=False,
        on_frame=summary.add,
    )  # fmt: skip
    assert not {"raw_sensitivities", "frames", "values", "crystallinity"} & set(thrown)
    assert np.array_equal(thrown["avg_sensitivities"], kept["avg_sensitivities"])
    tables = [
        write_sensitivity_report(result, tmp_path / f"{k}.extxyz", output="progress")[0].read_text()
        for k, result in enumerate((kept, summary))
    ]
    assert tables[0] == tables[1] and "crystallinity" in tables[0]
    with pytest.raises(InvalidArgument, match="on_frame=summary.add"):
        write_sensitivity_report(thrown, tmp_path / "c.extxyz")
    counted = sum(group.counts.sum() for group in summary.groups.values())
    raw = kept["raw_sensitivities"]
    assert counted == summary.n_scores == raw.size
    assert raw.max() <= summary.highest <= raw.max() * 1.05
    for name, group in summary.groups.items():
        crystalline = (kept["crystallinity"] > 0.5) == (name == "Ar, crystalline")
        expected, _ = np.histogram(raw[crystalline], np.arange(len(group.counts) + 1) * group.width)
        assert np.abs(np.cumsum(expected - group.counts)).max() <= 1  # a value on an edge may go either way


def test_a_progress_bar_can_be_had(capsys):
    graph_node_sensitivity(stretch, list(watched(2)), show_progress=True)
    assert "sensitivity: 100%" in capsys.readouterr().err
    stream = ScoredFrames(stretch, watched(2))
    assert stream.total is None and len(list(stream)) == 2
