"""A PLUMED input as the bias of a run: forces as of a bias of ours, rows once a step, exact restarts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest

import gnncv
from argon_runs import analytic, argon
from gnncv.demo import shipped_model
from gnncv.engines import run
from gnncv.engines.plumed_session import PlumedError
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files import read_colvar, read_hills
from gnncv.plumed import build_plugin, choose_installation, find_installations

PROGRAM = Path(__file__).parent / "killed_run.py"
NPT = {"ensemble": "npt", "pressure_bar": 1.0, "barostat_stride": 1}
COORDINATION = "d: COORDINATION GROUPA=1-108 R_0=0.45\n"
METAD = "m: METAD ARG=d SIGMA=5 HEIGHT=2.0 PACE=10 BIASFACTOR=10\nPRINT ARG=d,m.bias FILE=COLVAR STRIDE=5\n"

pytestmark = pytest.mark.skipif(not find_installations(), reason="no PLUMED is installed")


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The plugin for the PLUMED that runs use, in a cache of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNNCV_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("PLUMED_KERNEL", raising=False)
        yield build_plugin(choose_installation())


def gnncv_lines(rest: str, n_atoms: int = 108) -> dict[str, str]:
    return {"kind": "plumed", "lines": f"cv: GNNCV MODEL={shipped_model()} ATOMS=1-{n_atoms}\n{rest}"}


def plain(text: str) -> dict[str, str]:
    return {"kind": "plumed", "lines": text}


@pytest.mark.parametrize(
    ("engine", "extra"),
    [("openmm", {}), ("openmm", NPT), ("openmm", NPT | {"cv_every": 5}), ("ase", {}), ("ase", NPT)],
    ids=str,
)
def test_a_restraint_of_plumed_is_a_harmonic_bias_of_ours(
    engine: str, extra: dict, make_config, tmp_path
) -> None:
    cv = gnncv.CollectiveVariable(shipped_model(), num_threads=1)
    keys = {"engine": engine, "platform": "Reference", "steps": 40, "seed": 2, **extra}
    ours = {"kind": "harmonic", "cv": "progress", "center": 0.5, "kappa_kj_mol": 500.0}
    theirs = gnncv_lines(
        "r: RESTRAINT ARG=cv.progress AT=0.5 KAPPA=500\nPRINT ARG=cv.progress,r.bias FILE=C STRIDE=10\n"
    )
    tables = [
        read_colvar(
            run(make_config(output=str(tmp_path / name), bias=bias, **keys), progress=False, cv=cv) / "COLVAR"
        )
        for name, bias in (("ours", ours), ("theirs", theirs))
    ]
    assert tables[0].fields == tables[1].fields
    for name in ("progress", "bias_kj_mol", "potential_kj_mol", "temperature_kelvin", "volume"):
        assert np.allclose(tables[0][name], tables[1][name], rtol=2e-5, atol=1e-5), name
    assert tables[0]["bias_kj_mol"].min() > 10.0
    rows = read_colvar(tmp_path / "theirs" / "plumed" / "C")
    if engine == "ase" or extra != NPT:  # else PLUMED sees the volume that the barostat made in the step
        assert np.allclose(rows["cv.progress"], tables[1]["progress"], atol=1e-6)
        assert np.allclose(rows["r.bias"], tables[1]["bias_kj_mol"], atol=1e-5)


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_walls_of_ours_beside_plumed(engine: str, make_config) -> None:
    cv = analytic()
    wall = {"cv": "coordination", "side": "lower", "at": 9.0, "kappa_kj_mol": 5.0}
    restraint = plain(
        COORDINATION + "r: RESTRAINT ARG=d AT=700 KAPPA=0.1\nPRINT ARG=r.bias FILE=C STRIDE=10\n"
    )
    config = make_config(engine=engine, bias=restraint, walls=[wall], steps=20, platform="Reference")
    table = read_colvar(run(config, progress=False, cv=cv) / "COLVAR")
    rows = read_colvar(config.output / "plumed" / "C")
    ours = 2.5 * (table["coordination"] - 9.0) ** 2
    assert np.allclose(table["bias_kj_mol"], rows["r.bias"] + ours, rtol=1e-5)
    assert ours.min() > 1.0 and rows["r.bias"].min() > 1.0


@pytest.mark.parametrize("extra", [{}, NPT], ids=str)
@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_rows_and_hills_come_once_and_belong_to_the_frames(engine: str, extra: dict, make_config) -> None:
    """Also when a barostat tries another volume in every step."""
    cv = gnncv.CollectiveVariable(shipped_model(), num_threads=1)
    text = (
        "m: METAD ARG=cv.progress SIGMA=0.05 HEIGHT=1 PACE=10\nPRINT ARG=cv.progress FILE=COLVAR STRIDE=1\n"
    )
    config = make_config(engine=engine, bias=gnncv_lines(text), steps=60, trajectory_stride=10, **extra)
    folder = run(config, progress=False, cv=cv)
    rows, hills = read_colvar(folder / "plumed" / "COLVAR"), read_hills(folder / "plumed" / "HILLS")
    assert np.allclose(rows["time"], 0.004 * np.arange(61))
    assert np.allclose(hills.time, 0.04 * np.arange(1, 7))  # PLUMED adds none at step 0
    assert np.allclose(hills.centers[:, 0], rows["cv.progress"][10::10], atol=2e-6)
    if not extra:  # a barostat moves the atoms between a frame and the step that begins with it
        for frame in ase.io.read(folder / "trajectory.extxyz", index=":"):
            value = cv.compute(frame)["progress"]
            assert rows["cv.progress"][frame.info["step"]] == pytest.approx(value, abs=3e-6)
    facts = json.loads((folder / "run.json").read_text())
    observed = 7 if engine == "openmm" else 0
    trials = 2 * 60 if extra and engine == "openmm" else 0
    assert facts["n_evaluations"] <= 61 + observed + trials  # one a step, beside the barostat's


def test_every_fifth_step_is_seen_by_plumed_once(make_config) -> None:
    """Rows and hills are those of the frames; values at a barostat's trials are written nowhere."""
    cv = gnncv.CollectiveVariable(shipped_model(), num_threads=1)
    text = "m: METAD ARG=cv.progress SIGMA=0.05 HEIGHT=1 PACE=10\nPRINT ARG=cv.progress FILE=COLVAR\n"
    keys = NPT | {"cv_every": 5, "barostat_stride": 5, "steps": 60, "trajectory_stride": 10}
    folder = run(make_config(bias=gnncv_lines(text), **keys), progress=False, cv=cv)
    rows, hills = read_colvar(folder / "plumed" / "COLVAR"), read_hills(folder / "plumed" / "HILLS")
    assert np.allclose(rows["time"], 0.02 * np.arange(13))
    assert np.allclose(hills.time, 0.04 * np.arange(1, 7))
    assert np.allclose(hills.centers[:, 0], rows["cv.progress"][2::2], atol=2e-6)
    for frame in ase.io.read(folder / "trajectory.extxyz", index=":"):
        value = cv.compute(frame)["progress"]
        assert rows["cv.progress"][frame.info["step"] // 5] == pytest.approx(value, abs=3e-6)


@pytest.mark.parametrize(
    ("engine", "extra"),
    [("openmm", {}), ("openmm", NPT), ("openmm", NPT | {"cv_every": 5}), ("ase", {}), ("ase", NPT)],
    ids=str,
)
def test_a_continued_run_is_the_uninterrupted_one(engine: str, extra: dict, make_config, tmp_path) -> None:
    keys = {
        "engine": engine,
        "bias": plain(COORDINATION + METAD),
        "platform": "Reference",
        "seed": 4,
        **extra,
    }
    keys |= {"barostat_stride": 10}  # OpenMM does not save how many steps ago its last trial was
    whole = run(make_config(output=str(tmp_path / "whole"), steps=100, **keys), progress=False)
    for steps in (50, 70, 100):
        parts = run(make_config(output=str(tmp_path / "parts"), steps=steps, **keys), progress=False)
    same_files(whole, parts)


def same_files(whole: Path, parts: Path) -> None:
    """PLUMED's files, and our COLVAR, of two runs; headers that PLUMED repeats at a restart do not count."""
    for name in ("COLVAR", "plumed/COLVAR"):
        one, two = read_colvar(whole / name), read_colvar(parts / name)
        for field in one.fields:
            assert np.allclose(one[field], two[field], rtol=1e-6, atol=2e-6), (name, field)
    rows = [
        [line for line in (folder / "plumed" / "COLVAR").read_text().splitlines() if line.startswith("#")]
        for folder in (whole, parts)
    ]
    assert rows[0] == rows[1]
    one, two = (read_hills(folder / "plumed" / "HILLS") for folder in (whole, parts))
    assert np.allclose(one.time, two.time)
    assert np.allclose(one.centers, two.centers, rtol=1e-6)
    assert np.allclose(one.heights, two.heights, rtol=1e-5)


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_what_came_after_the_restart_point_is_cut_off(engine: str, make_config, tmp_path) -> None:
    """As after a kill: rows, hills and files that no restart point knows of."""
    keys = {"engine": engine, "bias": plain(COORDINATION + METAD), "platform": "Reference", "seed": 4}
    whole = run(make_config(output=str(tmp_path / "whole"), steps=100, **keys), progress=False)
    parts = run(make_config(output=str(tmp_path / "parts"), steps=50, **keys), progress=False)
    for name in ("HILLS", "COLVAR"):
        with open(parts / "plumed" / name, "a") as file:
            file.write(f" 0.24 {'7 ' * 4}\n 0.2")
    (parts / "plumed" / "HILLS.later").write_text("no restart point knows this")
    (parts / "plumed" / "fes.dat").write_text("made by somebody else")
    run(make_config(output=str(tmp_path / "parts"), steps=100, **keys), progress=False)
    same_files(whole, parts)
    assert not (parts / "plumed" / "HILLS.later").exists()
    assert (parts / "plumed" / "fes.dat").read_text() == "made by somebody else"


def test_files_that_plumed_writes_anew_are_put_back(make_config, tmp_path) -> None:
    opes = "o: OPES_METAD ARG=d PACE=10 BARRIER=20 SIGMA=5 STATE_WFILE=STATE STATE_WSTRIDE=10\n"
    keys = {
        "bias": plain(COORDINATION + opes + "PRINT ARG=d,o.bias FILE=COLVAR STRIDE=5\n"),
        "platform": "Reference",
    }
    whole = run(make_config(output=str(tmp_path / "whole"), steps=100, **keys), progress=False)
    parts = run(make_config(output=str(tmp_path / "parts"), steps=50, **keys), progress=False)
    state = (parts / "plumed" / "STATE").read_bytes()
    (parts / "plumed" / "STATE").write_text("half a sta")
    run(make_config(output=str(tmp_path / "parts"), steps=100, **keys), progress=False)
    one, two = (read_colvar(folder / "plumed" / "COLVAR") for folder in (whole, parts))
    assert np.allclose(one["time"], two["time"]) and np.allclose(one["d"], two["d"], rtol=1e-6)
    assert np.allclose(one["o.bias"], two["o.bias"], rtol=1e-4, atol=1e-3)
    assert len((parts / "plumed" / "STATE").read_bytes()) >= len(state)


@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_sigkill_at_random_moments(
    engine: str, make_config, tmp_path, generator: np.random.Generator
) -> None:
    keys = {"engine": engine, "bias": plain(COORDINATION + METAD), "platform": "Reference", "seed": 1}
    keys |= {"checkpoint_stride": 50, "trajectory_stride": 50, "steps": 600}
    config = make_config(output=str(tmp_path / "killed"), **keys)
    (tmp_path / "run.yaml").write_text(config.to_yaml())
    command = [sys.executable, str(PROGRAM), str(tmp_path / "run.yaml")]
    hills = config.output / "plumed" / "HILLS"
    for _ in range(2):
        before = hills.stat().st_size if hills.exists() else 0
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        limit = time.monotonic() + 300.0
        while process.poll() is None and (not hills.exists() or hills.stat().st_size <= before + 300):
            assert time.monotonic() < limit
            time.sleep(0.005)
        time.sleep(float(generator.uniform(0.0, 0.1)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows, found = read_colvar(config.output / "plumed" / "COLVAR"), read_hills(hills)
    assert np.allclose(rows["time"], 0.02 * np.arange(121))
    assert np.allclose(found.time, 0.04 * np.arange(1, 61))
    assert np.allclose(found.centers[:, 0], rows["d"][2::2], atol=1e-5)


def test_the_input_is_a_file_with_paths_of_its_own(make_config, tmp_path, monkeypatch) -> None:
    """Files are looked for beside the input; PLUMED's own are in the output; nobody's folder changes."""
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "cv.pt").write_bytes(shipped_model().read_bytes())
    text = "cv: GNNCV ...\n  MODEL=cv.pt\n  ATOMS=1-108\n...\nPRINT ARG=cv.* FILE=ALL STRIDE=10\n"
    (tmp_path / "inputs" / "plumed.dat").write_text(text)
    monkeypatch.chdir(tmp_path)
    config = make_config(bias={"kind": "plumed", "input": str(tmp_path / "inputs" / "plumed.dat")}, steps=20)
    folder = run(config, progress=False)
    assert Path.cwd() == tmp_path
    assert "cv.progress" in read_colvar(folder / "plumed" / "ALL").fields
    assert sorted(path.name for path in (tmp_path / "inputs").iterdir()) == ["cv.pt", "plumed.dat"]
    longer = make_config(bias={"kind": "plumed", "input": str(tmp_path / "inputs" / "plumed.dat")}, steps=40)
    (tmp_path / "inputs" / "cv.pt").write_bytes(b"another model")
    with pytest.raises(OutputExists, match=r"another configuration \(different: bias\)"):
        run(longer, progress=False)


BAD = [
    (plain("d: DISTANC ATOMS=1,2\n"), r'PLUMED refuses its input: Action "DISTANC" is not known'),
    (plain("d: DISTANCE ATOMS=1,500\n"), "PLUMED refuses its input: .*atom 500 out of range"),
    (gnncv_lines("", n_atoms=500), "PLUMED refuses its input: .*atom 109 out of range"),
    (
        {"kind": "plumed", "lines": "cv: GNNCV MODEL=absent.pt ATOMS=1-108\n"},
        "PLUMED refuses its input: .*absent.pt",
    ),
]


@pytest.mark.parametrize("engine", ["openmm", "ase"])
@pytest.mark.parametrize(("bias", "message"), BAD, ids=[message[-12:] for _, message in BAD])
def test_what_plumed_refuses_is_said_before_the_first_step(
    engine: str, bias, message: str, make_config
) -> None:
    config = make_config(engine=engine, bias=bias)
    with pytest.raises(InvalidArgument, match=message) as caught:
        run(config, progress=False)
    assert "\n" not in str(caught.value) and ".cpp" not in str(caught.value)
    assert not (config.output / "COLVAR").exists()


def test_what_goes_wrong_in_a_step_names_it(make_config) -> None:
    stops = "c: CUSTOM ARG=d FUNC=log(500-x) PERIODIC=NO\nr: RESTRAINT ARG=c AT=0 KAPPA=1\n"
    for engine in ("openmm", "ase"):
        config = make_config(
            engine=engine, bias=plain(COORDINATION + stops), output=f"{make_config().output}-{engine}"
        )
        with pytest.raises(PlumedError, match="PLUMED stops at step 0: its bias is nan"):
            run(config, progress=False)


def test_energy_is_given_by_ase_and_refused_with_openmm(make_config, tmp_path) -> None:
    text = "e: ENERGY\nr: RESTRAINT ARG=e AT=-900 KAPPA=0.001\nPRINT ARG=e,r.bias FILE=C STRIDE=10\n"
    config = make_config(engine="openmm", bias=plain(text), output=str(tmp_path / "openmm"))
    with pytest.raises(
        InvalidArgument, match="asks for ENERGY, which this engine does not give: use engine ase"
    ):
        run(config, progress=False)
    folder = run(make_config(engine="ase", bias=plain(text), steps=20), progress=False)
    table, rows = read_colvar(folder / "COLVAR"), read_colvar(folder / "plumed" / "C")
    assert np.allclose(table["potential_kj_mol"], rows["e"], rtol=1e-6)
    assert np.allclose(table["bias_kj_mol"], 0.0005 * (rows["e"] + 900.0) ** 2, rtol=1e-4)


def test_configurations_that_cannot_be(make_config, tmp_path) -> None:
    for bias, message in (
        ({"kind": "plumed"}, "give input .* or lines"),
        ({"kind": "plumed", "lines": "", "input": "plumed.dat"}, "give input .* or lines"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            make_config(bias=bias)
    with pytest.raises(InvalidArgument, match="cv_every above 1 with bias plumed needs a temperature bath"):
        make_config(bias=plain(""), cv_every=2, ensemble="nve")
    for line, message in (
        ("METAD ARG=d SIGMA=1 HEIGHT=1 PACE=3", r"METAD PACE=3 is no multiple of cv_every \(2\)"),
        ("PRINT ARG=d FILE=C STRIDE=5", r"PRINT STRIDE=5 is no multiple of cv_every \(2\)"),
        ("RESTRAINT ARG=d AT=1 KAPPA=1 STRIDE=2", "RESTRAINT STRIDE=2: .* leave STRIDE out"),
        ("EXTENDED_LAGRANGIAN ARG=d KAPPA=1", "EXTENDED_LAGRANGIAN integrates a variable of its own"),
    ):
        keys = {"cv_every": 2, "output": str(tmp_path / "strides")}
        config = make_config(bias=plain(COORDINATION + line + "\n"), **keys)
        with pytest.raises(InvalidArgument, match=message):
            run(config, progress=False)
    config = make_config(bias={"kind": "plumed", "input": str(tmp_path / "absent.dat")})
    with pytest.raises(InvalidArgument, match="absent.dat cannot be read"):
        run(config, progress=False)
    assert not config.output.exists()


def test_what_is_missing_is_named(make_config, tmp_path, monkeypatch) -> None:
    config = make_config(bias=gnncv_lines(""))
    monkeypatch.setenv("GNNCV_CACHE", str(tmp_path / "empty"))
    with pytest.raises(InvalidArgument, match="its plugin is not built for PLUMED .*run `gnncv plumed build"):
        run(config, progress=False)
    monkeypatch.setenv("PLUMED_KERNEL", str(tmp_path / "absent.so"))
    with pytest.raises(InvalidArgument, match="absent.so, which is no file"):
        run(config, progress=False)
    monkeypatch.delenv("PLUMED_KERNEL")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PKG_CONFIG_PATH", "")
    with pytest.raises(InvalidArgument, match="bias plumed needs PLUMED, and none is found"):
        run(config, progress=False)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "plumed", None)
    with pytest.raises(
        InvalidArgument, match=r"needs PLUMED's Python wrapper: pip install 'gnncv\[plumed\]'"
    ):
        run(make_config(bias=plain("")), progress=False)


OTHERS = [each for each in find_installations() if not each.has_mpi][1:]


@pytest.mark.parametrize("installation", OTHERS, ids=lambda installation: installation.version)
@pytest.mark.parametrize("engine", ["openmm", "ase"])
def test_another_plumed_by_its_kernel(engine: str, installation: Any, make_config) -> None:
    """In a process of its own, as each PLUMED should be."""
    build_plugin(installation)
    text = "r: RESTRAINT ARG=cv.progress AT=0.5 KAPPA=500\nPRINT ARG=cv.*,r.bias FILE=C STRIDE=10\n"
    config = make_config(argon(), engine=engine, bias=gnncv_lines(text), steps=20)
    path = config.output.parent / "run.yaml"
    path.write_text(config.to_yaml())
    environment = {**os.environ, "PLUMED_KERNEL": str(installation.kernel)}
    command = [sys.executable, "-m", "gnncv.cli.main", "run", str(path), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"Version: {installation.version}" in (config.output / "plumed" / "plumed.log").read_text()
    rows = read_colvar(config.output / "plumed" / "C")
    assert len(rows) == 3
    assert np.allclose(rows["r.bias"], read_colvar(config.output / "COLVAR")["bias_kj_mol"], atol=1e-5)
