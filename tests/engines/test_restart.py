"""A run that is killed and started again is the run that was never killed."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import openmm
import pytest

from analytic_cv import AnalyticCV
from argon_runs import METADYNAMICS, analytic, argon
from gnncv.engines import run
from gnncv.engines.config import RunConfig
from gnncv.engines.generations import Generation, load_generation, save_generation
from gnncv.engines.openmm.checkpoint import make_checkpoint
from gnncv.engines.openmm.system import build_system
from gnncv.errors import InvalidArgument, ModelError, OutputExists
from gnncv.files import read_colvar, read_hills

PROGRAM = Path(__file__).parent / "killed_run.py"
FILES = ("COLVAR", "HILLS", "trajectory.extxyz")


def same_outputs(one: Path, two: Path) -> None:
    for name in FILES:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def check_whole(folder: Path, config: RunConfig) -> None:
    """Regular times and frames, the expected hills, hills that add up to the bias."""
    table, hills = read_colvar(folder / "COLVAR"), read_hills(folder / "HILLS")
    step = config.timestep_fs / 1000.0
    rows = np.arange(0, config.steps + 1, config.colvar_stride)
    assert np.allclose(table["time"], rows * step, rtol=0, atol=1e-9)
    deposited = np.arange(config.bias.pace, config.steps + 1, config.bias.pace)
    assert np.allclose(hills.time, deposited * step, rtol=0, atol=1e-9)
    frames = ase.io.read(folder / "trajectory.extxyz", index=":")
    steps = [frame.info["step"] for frame in frames]
    assert steps == list(range(0, config.steps + 1, config.trajectory_stride))
    facts = json.loads((folder / "run.json").read_text())
    points = np.linspace(facts["bias_min"], facts["bias_max"], facts["bias_grid"])
    generation = load_generation(folder / "generations")
    grid = np.load(io.BytesIO(generation.files["own_bias.npy"]))
    away = (points[:, None] - hills.centers[:, 0]) / hills.sigmas[:, 0]
    total = np.exp(-0.5 * away**2) @ hills.bias_heights
    assert np.abs(total - grid).max() < 1e-12 * grid.max()
    assert generation.step == config.steps
    assert len(list((folder / "generations").glob("generation-*"))) in (2, 3)  # 3: killed while dropping one
    if config.walkers is not None:
        (published,) = config.walkers.directory.glob("bias_*")
        assert (np.load(published) == grid).all()


@pytest.mark.parametrize(
    ("engine", "extra"),
    [
        ("openmm", {}),
        ("openmm", {"ensemble": "npt", "pressure_bar": 1.0, "barostat_stride": 20}),
        ("openmm", {"cv_every": 5}),
        ("ase", {}),
        ("ase", {"ensemble": "npt", "pressure_bar": 1.0}),
        ("ase", {"ensemble": "nve", "bias": {"kind": "linear", "cv": "progress", "slope_kj_mol": -5.0}}),
    ],
)
def test_a_continued_run_is_the_uninterrupted_one(engine: str, extra: dict, make_config, tmp_path) -> None:
    def of(name: str, steps: int) -> RunConfig:
        keys = {"bias": METADYNAMICS, "platform": "Reference", "seed": 4, **extra}
        return make_config(engine=engine, output=str(tmp_path / name), steps=steps, **keys)

    whole = run(of("whole", 80), progress=False, cv=analytic())
    stops = (0, 40, 60, 80, 80) if "barostat_stride" in extra else (0, 35, 60, 80, 80)
    for steps in stops:
        parts = run(of("parts", steps), progress=False, cv=analytic())
    names = FILES if "bias" not in extra else ("COLVAR", "trajectory.extxyz")
    for name in names:
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name


def test_a_checkpoint_continues_to_the_last_bit_on_the_cpu_platform(make_config) -> None:
    """Whatever either process computed before; seen at the fifth restart as at the first."""
    config, atoms = make_config(), argon()

    def make_context() -> openmm.Context:
        integrator = openmm.LangevinMiddleIntegrator(80.0, 1.0, 0.004)
        platform = openmm.Platform.getPlatformByName("CPU")
        context = openmm.Context(build_system(config, atoms), integrator, platform, {"Threads": "1"})
        context.setPositions(atoms.positions / 10.0)
        context.setVelocitiesToTemperature(80.0, 1)
        return context

    def positions(context: openmm.Context) -> np.ndarray:
        return context.getState(positions=True).getPositions(asNumpy=True)._value

    context = make_context()
    for _ in range(5):
        context.getIntegrator().step(500)
        checkpoint = make_checkpoint(context, {0})
        other = make_context()
        other.loadCheckpoint(checkpoint)
        make_checkpoint(other, {0})
        for each in (context, other):
            each.getIntegrator().step(100)
        assert np.array_equal(positions(context), positions(other))


class Killed(BaseException):
    """Stands for SIGKILL at a chosen moment."""


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_killed_after_any_change_on_the_disk(make_config, tmp_path, monkeypatch) -> None:
    """Stop dead after the first, second, ... last call that syncs, renames or removes something; go on."""
    keys = {"bias": METADYNAMICS, "platform": "Reference", "steps": 20, "checkpoint_stride": 10}
    keys |= {"trajectory_stride": 10, "order_parameter_stride": 20}
    whole = run(make_config(output=str(tmp_path / "whole"), **keys), progress=False, cv=analytic())
    left = 0

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            nonlocal left
            result = call(*args, **options)
            left -= 1
            if left == 0:
                raise Killed
            return result

        return wrapped

    for name in ("fsync", "rename", "replace", "link", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, deadly(getattr(os, name)))
    turn, killed = 0, True
    while killed:
        turn, killed = turn + 1, False
        shared = {"directory": str(tmp_path / f"shared-{turn}"), "id": 0, "sync_stride": 10}
        config = make_config(output=str(tmp_path / f"killed-{turn}"), walkers=shared, **keys)
        left = turn
        try:
            run(config, progress=False, cv=analytic())
        except Killed:
            killed = True
        left = 0
        if killed:
            run(config, progress=False, cv=analytic())
        check_whole(config.output, config)
        same_outputs(whole, config.output)
    print(turn - 1, "kills")
    assert turn > 50


def start(config: RunConfig, path: Path) -> subprocess.Popen:
    path.write_text(config.to_yaml())
    return subprocess.Popen([sys.executable, str(PROGRAM), str(path)], stderr=subprocess.PIPE, text=True)


def wait_for(reached: Callable[[], bool], process: subprocess.Popen) -> None:
    limit = time.monotonic() + 300.0
    while not reached() and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.002)


def newest(folder: Path) -> int:
    """The step of the newest restart point; -1 before the first."""
    names = sorted(path.name for path in (folder / "generations").glob("generation-*"))
    return int(names[-1][-12:]) if names else -1


def test_sigkill_at_random_moments(make_config, tmp_path) -> None:
    keys = {"bias": METADYNAMICS, "steps": 600, "checkpoint_stride": 20, "trajectory_stride": 20}
    keys |= {"platform": "Reference"}
    config = make_config(
        output=str(tmp_path / "killed"), walkers={"directory": str(tmp_path / "shared"), "id": 0}, **keys
    )
    seed = int(np.random.SeedSequence().entropy % 10**6)
    print("seed", seed)
    generator = np.random.default_rng(seed)
    reached = []
    for _ in range(3):
        before = newest(config.output)
        process = start(config, tmp_path / "run.yaml")
        wait_for(lambda before=before: newest(config.output) > before, process)
        time.sleep(float(generator.uniform(0.0, 0.2)))
        process.kill()
        process.communicate()
        generation = load_generation(config.output / "generations")
        reached.append(0 if generation is None else generation.step)
    print("restart points at the kills:", reached)
    assert sorted(set(reached)) == reached and reached[-1] < 600
    process = start(config, tmp_path / "run.yaml")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    check_whole(config.output, config)
    whole = run(make_config(output=str(tmp_path / "whole"), **keys), progress=False, cv=analytic())
    same_outputs(whole, config.output)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, None)])
def test_a_polite_stop_leaves_a_last_restart_point(number: int, code, make_config, tmp_path) -> None:
    keys = {"bias": METADYNAMICS, "steps": 100000, "checkpoint_stride": 100000}
    config = make_config(output=str(tmp_path / "stopped"), **keys)
    process = start(config, tmp_path / "run.yaml")
    trajectory = config.output / "trajectory.extxyz"
    wait_for(lambda: trajectory.exists() and trajectory.stat().st_size > 0, process)
    time.sleep(0.3)
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    if code is None:
        assert "KeyboardInterrupt" in error and process.returncode != 0
    else:
        assert process.returncode == code, error
    generation = load_generation(config.output / "generations")
    assert 0 < generation.step < 100000
    assert json.loads((config.output / "run.json").read_text())["ended"] == "interrupted"
    shorter = config.model_copy(update={"steps": (generation.step // 50 + 2) * 50})
    run(shorter, progress=False, cv=analytic())
    check_whole(config.output, shorter)


def test_another_model_is_refused(make_config) -> None:
    config = make_config(bias=METADYNAMICS, steps=20)
    run(config, progress=False, cv=analytic())
    before = (config.output / "COLVAR").read_bytes()
    other = AnalyticCV(cutoff=4.9, middle=0.95, width=0.5)
    with pytest.raises(ModelError, match=r"another model \(sha256 analytic-5.1, now analytic-4.9"):
        run(make_config(bias=METADYNAMICS, steps=40), progress=False, cv=other)
    assert (config.output / "COLVAR").read_bytes() == before
    run(make_config(bias=METADYNAMICS, steps=40), progress=False, cv=other, overwrite=True)
    assert read_colvar(config.output / "COLVAR")["time"][-1] == pytest.approx(0.16)


def test_another_configuration_is_refused_and_a_longer_run_is_not(make_config) -> None:
    config = make_config(bias=METADYNAMICS, steps=20)
    run(config, progress=False, cv=analytic())
    changed = make_config(bias=METADYNAMICS | {"sigma": 0.03}, steps=20, temperature_kelvin=81.0)
    with pytest.raises(OutputExists, match=r"another configuration \(different: bias, temperature_kelvin\)"):
        run(changed, progress=False, cv=analytic())
    with pytest.raises(OutputExists, match="restart is never"):
        run(make_config(bias=METADYNAMICS, steps=20, restart="never"), progress=False, cv=analytic())
    run(make_config(bias=METADYNAMICS, steps=40, threads=2), progress=False, cv=analytic())
    assert len(read_colvar(config.output / "COLVAR")) == 5
    run(changed, progress=False, cv=analytic(), overwrite=True)
    assert len(read_colvar(config.output / "COLVAR")) == 3
    assert read_hills(config.output / "HILLS").sigmas[0, 0] == 0.03


def test_files_of_others_are_not_touched(make_config) -> None:
    config = make_config()
    config.output.mkdir()
    (config.output / "COLVAR").write_text("precious\n")
    with pytest.raises(OutputExists, match="has files of a run without a restart point"):
        run(config, progress=False, cv=analytic())
    assert (config.output / "COLVAR").read_text() == "precious\n"
    with pytest.raises(InvalidArgument, match="restart: require"):
        run(make_config(restart="require", output=str(config.output) + "2"), progress=False, cv=analytic())


def test_two_processes_in_one_folder(make_config) -> None:
    import fcntl

    config = make_config()
    config.output.mkdir()
    with open(config.output / ".lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InvalidArgument, match="another process is running in"):
            run(config, progress=False, cv=analytic())


def test_a_damaged_restart_point_is_passed_over(tmp_path) -> None:
    for step in (10, 20, 30):
        save_generation(tmp_path, Generation(step, {"n": step}, {"state": bytes(1000), "bias": b"%d" % step}))
    assert sorted(path.name[-2:] for path in tmp_path.iterdir()) == ["20", "30"]
    assert load_generation(tmp_path).step == 30
    (tmp_path / "generation-000000000030" / "state").write_bytes(bytes(999))
    assert load_generation(tmp_path).files["bias"] == b"20"
    (tmp_path / "generation-000000000020" / "facts.json").write_text("{")
    assert load_generation(tmp_path) is None
    save_generation(tmp_path, Generation(30, {}, {"state": b"new"}))
    assert load_generation(tmp_path).files == {"state": b"new"}
    assert load_generation(tmp_path / "nothing") is None
