"""Hills, grids, walls and walkers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openmm.app
import pytest
from openmm import unit

from argon_runs import METADYNAMICS, analytic, argon
from gnncv.engines import run
from gnncv.engines.config import Metadynamics as MetadynamicsConfig
from gnncv.engines.generations import load_generation
from gnncv.engines.metadynamics_range import choose_range
from gnncv.engines.openmm.force import CvEvaluator, cv_force
from gnncv.engines.openmm.metadynamics import Metadynamics
from gnncv.engines.openmm.system import build_system
from gnncv.engines.walkers import SharedBias, draw_walker
from gnncv.errors import InvalidArgument
from gnncv.files import HillsWriter, read_colvar, read_hills


def own_bias(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The grid points and this walker's bias in the newest restart point."""
    import io

    generation = load_generation(folder / "generations")
    assert generation is not None
    facts = json.loads((folder / "run.json").read_text())
    points = np.linspace(facts["bias_min"], facts["bias_max"], facts["bias_grid"])
    if "own_bias.npy" in generation.files:
        return points, np.load(io.BytesIO(generation.files["own_bias.npy"]))
    return points, np.load(io.BytesIO(generation.files["state.npz"]))["own_bias"]


def summed(hills_file: Path, points: np.ndarray) -> np.ndarray:
    """The bias that the hills of a file add up to."""
    hills = read_hills(hills_file)
    away = (points[:, None] - hills.centers[:, 0]) / hills.sigmas[:, 0]
    return np.exp(-0.5 * away**2) @ hills.bias_heights


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_hills_add_up_to_the_grid(engine: str, make_config) -> None:
    folder = run(make_config(engine=engine, bias=METADYNAMICS, steps=200), progress=False, cv=analytic())
    hills = read_hills(folder / "HILLS")
    assert len(hills) == 20
    assert np.allclose(hills.time, 0.04 * np.arange(1, 21), rtol=0, atol=1e-12)
    assert hills.bias_factor == 10.0
    assert hills.bias_heights[0] == pytest.approx(1.0)
    assert (hills.bias_heights[1:] < 1.0).all()
    points, grid = own_bias(folder)
    assert grid.max() > 5.0
    assert np.abs(summed(folder / "HILLS", points) - grid).max() < 1e-12 * grid.max()


def test_hill_heights_are_well_tempered_and_colvar_has_the_bias_before_the_hill(make_config) -> None:
    config = make_config(bias=METADYNAMICS, steps=300)
    folder = run(config, progress=False, cv=analytic())
    hills, table = read_hills(folder / "HILLS"), read_colvar(folder / "COLVAR")
    kt = 8.31446261815324e-3 * 80.0
    for k, height in enumerate(hills.bias_heights):
        away = (hills.centers[k, 0] - hills.centers[:k, 0]) / 0.02
        before = float(np.sum(hills.bias_heights[:k] * np.exp(-0.5 * away**2)))
        assert table["bias_kj_mol"][k + 1] == pytest.approx(before, rel=2e-3, abs=1e-6)  # the grid is splined
        assert height == pytest.approx(np.exp(-table["bias_kj_mol"][k + 1] / (9.0 * kt)), rel=1e-9)
        assert table["progress"][k + 1] == pytest.approx(hills.centers[k, 0], rel=1e-11)


def test_metadynamics_pushes_the_variable(make_config) -> None:
    reached = []
    strong = METADYNAMICS | {"height_kj_mol": 5.0, "biasfactor": 100.0}
    for name, bias in (("free", None), ("biased", strong)):
        output = str(make_config().output) + name
        config = make_config(bias=bias, steps=1000, order_parameter_stride=1000, output=output)
        reached.append(np.ptp(read_colvar(run(config, progress=False, cv=analytic()) / "COLVAR")["progress"]))
    assert reached[1] > 1.5 * reached[0]


def test_outside_the_range_a_wall_pushes_back_and_no_hills_are_added(make_config, tmp_path) -> None:
    bias = METADYNAMICS | {"min": 0.8, "max": 1.2}
    folder = run(make_config(bias=bias), progress=False, cv=analytic())
    table = read_colvar(folder / "COLVAR")
    outside = table["progress"][1:] < 0.8
    assert outside.any()
    hills = read_hills(folder / "HILLS")
    assert len(hills) == np.count_nonzero(~outside)
    assert json.loads((folder / "run.json").read_text())["n_hills_outside"] == np.count_nonzero(outside)
    assert table["bias_kj_mol"][0] == pytest.approx(
        0.5 * 10.0 * 8.31446261815324e-3 * 80.0 / 0.02**2 * (0.8 - table["progress"][0]) ** 2
    )
    assert table["progress"][-1] > table["progress"][0]


def test_the_class_works_alone_with_openmm_s_simulation(make_config, tmp_path) -> None:
    atoms = argon(3)
    system = build_system(make_config(), atoms)
    evaluator = CvEvaluator(analytic(), atoms.get_chemical_symbols(), True)
    variable = openmm.app.BiasVariable(cv_force(evaluator, "progress"), -0.3, 1.3, 0.02, gridWidth=401)
    metadynamics = Metadynamics(system, variable, 80.0, 10.0, 1.0, 10, wall_kappa=100.0)
    metadynamics.hills = HillsWriter(tmp_path / "HILLS", "progress", 10.0)
    topology = openmm.app.Topology()
    chain = topology.addChain()
    for _ in atoms:
        topology.addAtom("Ar", None, topology.addResidue("Ar", chain))
    simulation = openmm.app.Simulation(topology, system, openmm.LangevinMiddleIntegrator(80.0, 1.0, 0.004))
    simulation.context.setPositions(atoms.positions / 10.0)
    metadynamics.step(simulation, 55)
    metadynamics.step(simulation, 50)
    metadynamics.hills.close()
    hills = read_hills(tmp_path / "HILLS")
    assert hills.time == pytest.approx(0.04 * np.arange(1, 11))
    points = np.linspace(-0.3, 1.3, 401)
    assert np.abs(summed(tmp_path / "HILLS", points) - metadynamics.total_bias).max() < 1e-12
    free = metadynamics.getFreeEnergy().value_in_unit(unit.kilojoules_per_mole)
    assert free == pytest.approx(-10.0 / 9.0 * metadynamics.total_bias)


def test_the_default_range_has_margins() -> None:
    def of(cv: str, **keys):
        return choose_range(MetadynamicsConfig(**METADYNAMICS | {"cv": cv} | keys), 80.0, 256)

    assert (of("progress").minimum, of("progress").maximum) == (-0.3, 1.3)
    assert (of("progress", sigma=0.2).minimum) == pytest.approx(-0.6)
    assert (of("crystallinity-fcc").minimum, of("crystallinity-fcc").maximum) == pytest.approx((-0.06, 1.06))
    assert of("ncrystal", sigma=2.0).maximum == pytest.approx(256 * 1.05)
    assert of("progress", min=0.1).minimum == 0.1
    spacing = (of("progress").maximum - of("progress").minimum) / (of("progress").points - 1)
    assert spacing <= 0.02 / 5.0 + 1e-12
    with pytest.raises(InvalidArgument, match=r"bias.min and bias.max are needed for latent-1"):
        of("latent-1")
    with pytest.raises(InvalidArgument, match=r"too coarse for sigma 0.02: at least 81 points"):
        of("progress", grid=20)


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_two_walkers_feel_each_other_s_hills_once(engine: str, make_config, tmp_path) -> None:
    shared = tmp_path / "shared"
    folders = []
    for turn in (100, 200, 300):  # in turns, each a restart of the walker before
        for name in "ab":
            config = make_config(
                engine=engine, bias=METADYNAMICS, output=str(tmp_path / name), steps=turn,
                walkers={"directory": str(shared), "sync_stride": 50}, seed=ord(name),
            )  # fmt: skip
            folders.append(run(config, progress=False, cv=analytic()))
    names = sorted(path.name for path in shared.glob("bias_*"))
    assert len(names) == 2  # one file a walker
    facts = [json.loads((tmp_path / name / "run.json").read_text()) for name in "ab"]
    assert facts[0]["walker"] != facts[1]["walker"]
    assert {f"bias_{each['walker']}_" in " ".join(names) for each in facts} == {True}
    total = 0.0
    for name in "ab":
        points, grid = own_bias(tmp_path / name)
        assert len(read_hills(tmp_path / name / "HILLS")) == 30
        assert np.abs(summed(tmp_path / name / "HILLS", points) - grid).max() < 1e-12 * grid.max()
        total = total + grid
    in_folder = sum(np.load(path) for path in shared.glob("bias_*"))
    assert np.abs(in_folder - total).max() < 1e-12 * total.max()
    # the last row of the second walker feels both walkers' hills
    table = read_colvar(tmp_path / "b" / "COLVAR")
    felt = np.interp(table["progress"][-1], points, total)
    last = read_hills(tmp_path / "b" / "HILLS").bias_heights[-1]
    assert table["bias_kj_mol"][-1] == pytest.approx(felt - last, rel=0.02)
    assert table["bias_kj_mol"][-1] > 1.2 * np.interp(table["progress"][-1], *own_bias(tmp_path / "b"))


def test_a_walker_that_went_back_replaces_its_hills(tmp_path) -> None:
    grid = {"cv": "progress", "min": 0.0, "max": 1.0, "points": 5, "sigma": 0.1}
    one, two = SharedBias(tmp_path, 11, grid), SharedBias(tmp_path, 22, grid)
    one.publish(np.full(5, 3.0))
    one.publish(np.full(5, 7.0))
    assert two.read_others() and not two.read_others()
    assert two.total(np.ones(5)) == pytest.approx(np.full(5, 8.0))
    again = SharedBias(tmp_path, 11, grid)  # killed and restarted from an older point
    again.publish(np.full(5, 2.0))
    assert two.read_others()
    assert two.total(np.ones(5)) == pytest.approx(np.full(5, 3.0))
    (tmp_path / "bias_11_1.npy").write_bytes((tmp_path / "bias_11_3.npy").read_bytes())  # killed between
    fresh = SharedBias(tmp_path, 22, grid)  # the rename of the new file and the removal of the old
    fresh.read_others()
    assert fresh.total(np.zeros(5)) == pytest.approx(np.full(5, 2.0))
    again.publish(np.full(5, 4.0))
    assert [path.name for path in tmp_path.glob("bias_11_*")] == ["bias_11_4.npy"]
    with pytest.raises(InvalidArgument, match=r"use equal cv, min, max, grid and sigma"):
        SharedBias(tmp_path, 33, grid | {"sigma": 0.2})
    assert draw_walker(tmp_path, np.random.default_rng(0)) not in (11, 22)


def test_a_taken_walker_number_is_refused(make_config, tmp_path) -> None:
    walkers = {"directory": str(tmp_path / "shared"), "id": 5}
    for name in "ab":
        config = make_config(bias=METADYNAMICS, output=str(tmp_path / name), walkers=walkers, steps=20)
        if name == "a":
            run(config, progress=False, cv=analytic())
        else:
            with pytest.raises(InvalidArgument, match=r"walkers.id 5 has hills in .* already"):
                run(config, progress=False, cv=analytic())
