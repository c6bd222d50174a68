"""What cannot give a free energy is refused with its reason; results are never written over others."""

import os

import numpy as np
import pytest

from gnncv.analysis import FreeEnergy, compute_free_energy, read_colvar
from gnncv.errors import InvalidArgument, OutputExists
from gnncv.files import HillsWriter, TableWriter


@pytest.fixture
def run(tmp_path):
    rng = np.random.default_rng(8)
    with TableWriter(tmp_path / "COLVAR", ["time", "progress", "q6", "metad.bias", "wall.bias"]) as table:
        for k in range(500):
            x = rng.normal()
            table.write([k, x, 0.5 * x + rng.normal(), max(0.0, 1 - x * x), 0.1])
    with HillsWriter(tmp_path / "HILLS", "progress", 10) as hills:
        for k in range(100):
            hills.write(5 * k, rng.normal(), 0.1, 1.0)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("none", {}, "does not exist"),
        ("HILLS", {"cv": "q6"}, "hills of progress, not of 'q6'"),
        ("HILLS", {"reweight_on": "q6"}, "no samples to reweight; give the COLVAR"),
        ("HILLS", {"blocks": 1}, "blocks is 1"),
        ("HILLS", {"bins": 1}, "bins is 1"),
        ("HILLS", {"value_range": (1, 0)}, "range is 1 to 0"),
        ("HILLS", {"temperature_kelvin": -82}, "temperature_kelvin is -82"),
        ("COLVAR", {"cv": "progress"}, "a temperature .* is needed"),
        ("COLVAR", {"cv": "progress", "temperature_kelvin": 0}, "temperature_kelvin is 0"),
        ("COLVAR", {"cv": "progress", "temperature_kelvin": np.nan}, "temperature_kelvin is nan"),
        ("COLVAR", {"cv": "none"}, "no column 'none'; its columns are time, progress, q6"),
        ("COLVAR", {"cv": "progress", "bias_column": "bias"}, "no column 'bias'; its columns are"),
        ("COLVAR", {"cv": "progress"}, r"several columns look like a bias: metad\.bias, wall\.bias"),
        ("COLVAR", {"bias_column": []}, "choose the variable"),
        ("COLVAR", {"cv": "progress", "bias_column": [], "reweight_on": "q6"}, "needs the bias"),
        ("COLVAR", {"cv": "progress", "bias_column": [], "discard": 1.0}, "discard is 1"),
        ("COLVAR", {"cv": "progress", "weighting": "final"}, "needs the HILLS file"),
        ("COLVAR", {"cv": "progress", "weighting": "best"}, "weighting is 'best'; choose from"),
        ("COLVAR", {"bias": "HILLS", "weighting": "logged"}, "takes the bias from a column"),
        ("COLVAR", {"cv": "progress", "bias": "folder"}, r"bias_range"),
        ("folder", {}, r"bias_range"),
        ("folder", {"bias_range": (0, 1)}, "has no bias files"),
        ("folder", {"bias_range": (1, 0)}, "range of the bias grid is 1 to 0"),
    ],
)
def test_bad_input_is_named(run, source, arguments, message):
    (run / "folder").mkdir()
    if "bias" in arguments:
        arguments = arguments | {"bias": run / arguments["bias"]}
    if source == "COLVAR" and "a temperature" not in message:
        arguments = {"temperature_kelvin": 82.0} | arguments
    before = sorted(os.listdir(run))
    with pytest.raises(InvalidArgument, match=message):
        compute_free_energy(run / source, **arguments)
    assert sorted(os.listdir(run)) == before


def test_a_nan_names_its_line(run):
    lines = (run / "COLVAR").read_text().splitlines()
    lines[10] = " 9 nan 0 0 0"
    (run / "COLVAR").write_text("\n".join(lines) + "\n")
    with pytest.raises(InvalidArgument, match=r"COLVAR:11: column progress is nan"):
        compute_free_energy(run / "COLVAR", cv="progress", temperature_kelvin=82, bias_column="metad.bias")


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.array([0.0, np.nan]), "text"])
def test_bad_bias_grids(tmp_path, values):
    if isinstance(values, str):
        (tmp_path / "bias_1_1.npy").write_text(values)
    else:
        np.save(tmp_path / "bias_1_1.npy", values)
    with pytest.raises(InvalidArgument, match=r"bias_1_1\.npy"):
        compute_free_energy(tmp_path, bias_range=(0, 1), bias_factor=10)
    np.save(tmp_path / "bias_1_1.npy", np.zeros(4))
    with pytest.raises(InvalidArgument, match="bias_factor is 1"):
        compute_free_energy(tmp_path, bias_range=(0, 1), bias_factor=1)
    np.save(tmp_path / "bias_2_1.npy", np.zeros(5))
    with pytest.raises(InvalidArgument, match="has 5 points"):
        compute_free_energy(tmp_path, bias_range=(0, 1), bias_factor=10)


def test_bias_columns_add_up(run):
    common = {"cv": "progress", "temperature_kelvin": 82.0}
    both = compute_free_energy(run / "COLVAR", bias_column="metad.bias,wall.bias", **common)
    one = compute_free_energy(run / "COLVAR", bias_column="metad.bias", **common)
    assert "metad.bias + wall.bias" in both.method
    assert np.allclose(both.values, one.values)  # the wall is constant here
    with_hills = compute_free_energy(run / "COLVAR", bias=run / "HILLS", bias_column="wall.bias", **common)
    without = compute_free_energy(run / "COLVAR", bias=run / "HILLS", **common)
    assert np.allclose(with_hills.values, without.values)
    assert not np.allclose(with_hills.values, one.values)


@pytest.mark.parametrize("name", ["bias", "bias_kj_mol", "metad.bias"])
def test_the_column_of_the_bias_is_found(tmp_path, name):
    """A biased run is never taken for an unbiased one because of the name of its column."""
    x = np.random.default_rng(9).normal(size=200)
    with TableWriter(tmp_path / "COLVAR", ["time", "progress", "q6", name]) as table:
        for k in range(200):
            table.write([k, x[k], 0.0, x[k]])
    curve = compute_free_energy(tmp_path / "COLVAR", cv="progress", temperature_kelvin=82)
    assert curve.method == f"reweighted with the logged {name}"
    unbiased = compute_free_energy(tmp_path / "COLVAR", cv="progress", temperature_kelvin=82, bias_column=[])
    assert not np.allclose(curve.values, unbiased.values)


def test_files_of_a_curve(run):
    curve = compute_free_energy(
        run / "COLVAR", cv="progress", temperature_kelvin=82, bias_column="metad.bias"
    )
    (run / "out").mkdir()
    written = curve.write(run / "out" / "fes.dat")
    assert [path.name for path in written] == ["fes.dat", "fes.csv", "fes.png"]
    table = read_colvar(written[0], allow_nonfinite=True)
    assert table.fields == ["progress", "free_energy", "error"]
    assert np.allclose(table["free_energy"], curve.values) and table.constants["unit"] == "kJ/mol"
    assert np.allclose(table["error"], curve.errors, equal_nan=True)
    assert table.constants["temperature_kelvin"] == "82" and table.constants["n_blocks"] == "5"
    csv = np.genfromtxt(written[1], delimiter=",", names=True)
    assert np.allclose(csv["free_energy_kj_mol"], curve.values)
    assert written[2].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and written[2].stat().st_size > 5000
    assert np.nanmin(curve.values) == 0.0 and np.isinf(curve.values).sum() == np.isnan(curve.errors).sum()
    assert curve.summary()["cv"] == "progress"


@pytest.mark.parametrize("present", ["fes.dat", "fes.csv", "fes.png"])
def test_nothing_is_overwritten_unasked(run, present):
    curve = compute_free_energy(run / "HILLS")
    (run / "out").mkdir()
    (run / "out" / present).write_text("mine")
    with pytest.raises(OutputExists, match=present.replace(".", r"\.")):
        curve.write(run / "out" / "fes.dat")
    assert os.listdir(run / "out") == [present] and (run / "out" / present).read_text() == "mine"
    assert len(curve.write(run / "out" / "fes.dat", overwrite=True)) == 3
    with pytest.raises(InvalidArgument, match=r"name it \.dat"):
        curve.write(run / "out" / "other.csv")


def test_a_curve_without_samples_is_refused():
    with pytest.raises(InvalidArgument, match="no value of s was sampled"):
        FreeEnergy("s", np.arange(3.0), np.full(3, np.inf), None, "test")
