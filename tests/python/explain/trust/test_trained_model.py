"""Trust of a trained model, and the same curves from its exported file."""

import numpy as np
import pytest

from gnncv.cv import CollectiveVariable
from gnncv.explain import TrustSettings, fidelity_curves, saliency, trust
from gnncv.explain.measured_trust.removal import Removal

pytest.importorskip("captum")

QUICK = TrustSettings(steps=3, random_orders=2, copies=1, draws=1, stages=1)


def test_gradients_of_a_trained_model_are_measured_whole(small_run, argon_frames):
    report = trust(
        saliency, small_run, argon_frames[0], "edges", "progress", settings=QUICK, show_progress=False
    )
    method = report["saliency"]
    assert not method.not_measured
    assert method.stability.spearman.min() > 0.95
    assert not method.weights.insensitive and method.weights.complete.mean() < 0.9
    assert method.curves.output == pytest.approx(method.explanation.value)


def test_an_exported_file_without_gates_loses_nodes_as_the_trained_model_does(
    small_run, exported, argon_frames
):
    atoms, random = argon_frames[-1], np.random.default_rng(51)
    functions = [
        model.graph_function(atoms, "progress") for model in (small_run, CollectiveVariable(exported))
    ]
    trained, file = (Removal(function, "nodes") for function in functions)
    assert (trained.input, file.input) == ("edges", "vectors")
    for _ in range(3):
        kept = random.random(len(atoms)) < 0.8
        assert file.output(kept) == pytest.approx(trained.output(kept), abs=1e-5)
        assert abs(trained.output(kept) - trained.full) > 1e-3
    curves = [
        fidelity_curves(
            saliency(function, atoms, "nodes"), function, steps=3, random_orders=2, show_progress=False
        )
        for function in functions
    ]
    assert curves[0].gain == pytest.approx(curves[1].gain, abs=1e-3)
    given = trust(
        saliency,
        CollectiveVariable(exported),
        atoms,
        "nodes",
        "progress",
        settings=QUICK,
        show_progress=False,
    )
    assert "without its network" in given["saliency"].verdict
