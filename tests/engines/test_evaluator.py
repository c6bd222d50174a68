"""One evaluation a configuration, whoever asks; copies share it; errors keep their words."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import openmm
import pytest

from argon_runs import METADYNAMICS, analytic, argon
from gnncv.engines.openmm.engine import OpenmmEngine
from gnncv.engines.openmm.force import CvEvaluator, CvOutput, cv_force
from gnncv.errors import InvalidArgument


def evaluator() -> tuple[CvEvaluator, np.ndarray, np.ndarray]:
    atoms = argon(2)
    return (
        CvEvaluator(analytic(), atoms.get_chemical_symbols(), True),
        atoms.positions / 10,
        atoms.cell.array / 10,
    )


def test_a_configuration_is_evaluated_once() -> None:
    here, positions, box = evaluator()
    first = here.evaluate(positions, box, ("progress",))
    assert here.evaluate(positions, box) is first
    assert here.evaluate(positions.copy(), box.copy(), ("progress",)) is first
    assert (here.n_evaluations, here.n_reused) == (1, 2)
    here.evaluate(positions, box * 1.01, ("progress",))  # a barostat trial: box, and scaled positions
    assert here.n_evaluations == 2
    assert here.evaluate(positions, box, ("progress",)) is first  # refused: back to the one before
    moved = positions.copy()
    moved[3, 1] += 1e-12
    here.evaluate(moved, box, ("progress",))
    assert here.n_evaluations == 3


def test_a_gradient_that_was_not_asked_for_is_added() -> None:
    here, positions, box = evaluator()
    assert list(here.evaluate(positions, box, ("progress",)).outputs) == ["progress"]
    both = here.evaluate(positions, box, ("novelty",))
    assert set(both.outputs) == {"progress", "novelty"}
    assert here.evaluate(positions, box, ("progress",)) is both
    assert here.n_evaluations == 2
    for k in range(80):  # novelty is no longer needed: after a while it is no longer computed
        last = here.evaluate(positions + 1e-3 * (k + 1), box, ("progress",))
    assert list(last.outputs) == ["progress"]


def test_steps_hills_rows_and_barostat_cost_one_evaluation_each_configuration(make_config) -> None:
    atoms = argon(3)
    config = make_config(bias=METADYNAMICS, ensemble="npt", pressure_bar=1.0, barostat_stride=10)
    made = OpenmmEngine(config, atoms, analytic(), 1)
    for _ in range(10):
        made.advance(10)
        made.observe()
        made.deposit()
    # 100 steps, 10 barostat trials, the last configuration
    assert 100 <= made.performance()["n_evaluations"] <= 111


def test_a_wall_costs_a_gradient_only_beyond_it(make_config) -> None:
    asked: list[tuple[str, ...]] = []

    class Recording:
        def __init__(self) -> None:
            self.inner = analytic()
            self.names, self.path, self.hash = self.inner.names, None, "x"

        def bind(self, symbols) -> None:
            self.inner.bind(symbols)

        def compute(self, *args, outputs=None):
            asked.append(tuple(outputs))
            return self.inner.compute(*args, outputs=outputs)

    walls = [{"cv": "novelty", "at": 1000.0, "kappa_kj_mol": 1.0}]
    made = OpenmmEngine(make_config(bias=METADYNAMICS, walls=walls), argon(3), Recording(), 1)
    made.observe()
    made.advance(5)
    assert len(asked) > 5 and all(names == ("progress",) for names in asked[1:])
    asked.clear()
    walls = [{"cv": "novelty", "at": 0.0, "kappa_kj_mol": 1.0}]
    made = OpenmmEngine(make_config(bias=METADYNAMICS, walls=walls), argon(3), Recording(), 1)
    made.advance(10)
    assert len(asked) <= 12  # one evaluation gives both gradients once both are known to be needed
    assert all(set(names) == {"progress", "novelty"} for names in asked[2:])


def test_copies_share_the_live_variable() -> None:
    here, positions, box = evaluator()
    output = CvOutput(here, "progress", ("upper", 0.5))
    for twin in (pickle.loads(pickle.dumps(output)), copy.deepcopy(output)):
        assert twin.evaluator is here
        assert (twin.name, twin.beyond) == ("progress", ("upper", 0.5))
    restored = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(cv_force(here, "progress")))
    assert isinstance(restored, openmm.PythonForce)
    here.evaluate(positions, box)


def test_another_process_loads_the_model_or_says_why_not(tmp_path) -> None:
    here, _, _ = evaluator()
    here.cv.path = None
    saved = tmp_path / "output.pickle"
    saved.write_bytes(pickle.dumps(CvOutput(here, "progress")))
    code = f"import pickle; pickle.load(open({str(saved)!r}, 'rb'))(None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "a collective variable without a model file cannot leave its process" in done.stderr


def test_what_the_variable_raises_is_what_the_run_raises(make_config) -> None:
    class Failing:
        names = ("progress",)
        path = None

        def bind(self, symbols) -> None:
            pass

        def compute(self, *args, outputs=None):
            raise InvalidArgument("output progress is nan at atom 3")

    with pytest.raises(InvalidArgument, match="^output progress is nan at atom 3$"):
        OpenmmEngine(make_config(bias=METADYNAMICS), argon(3), Failing(), 1).advance(1)


def test_an_unknown_output_is_refused() -> None:
    here, _, _ = evaluator()
    with pytest.raises(
        InvalidArgument, match="no output 'order'; it has coordination, ncoordination, progress"
    ):
        CvOutput(here, "order")
