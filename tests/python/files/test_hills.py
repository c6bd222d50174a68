"""Hills keep PLUMED's conventions: scaled heights when well-tempered, -1 as bias factor when not."""

import numpy as np
import pytest

from gnncv.errors import InvalidArgument
from gnncv.files import HillsWriter, read_colvar, read_hills


@pytest.mark.parametrize("bias_factor", [None, 1.5, 10.0])
@pytest.mark.parametrize("cv", ["progress", ["phi", "psi"]])
def test_round_trip(tmp_path, cv, bias_factor):
    seed = 3
    print("seed", seed)
    names = [cv] if isinstance(cv, str) else cv
    rng = np.random.default_rng(seed)
    centers, heights = rng.normal(size=(20, len(names))), rng.uniform(0, 2, 20)
    with HillsWriter(tmp_path / "HILLS", cv, bias_factor) as writer:
        for k in range(20):
            writer.write(0.5 * k, centers[k], np.full(len(names), 0.1), heights[k])
    hills = read_hills(tmp_path / "HILLS")
    scale = 1.0 if bias_factor is None else bias_factor / (bias_factor - 1)
    assert hills.cv == names and hills.bias_factor == bias_factor and len(hills) == 20
    assert np.array_equal(hills.centers, centers) and np.allclose(hills.bias_heights, heights, rtol=1e-14)
    assert np.allclose(hills.heights, scale * heights, rtol=1e-14)
    written = read_colvar(tmp_path / "HILLS")
    assert written.fields == ["time", *names, *(f"sigma_{n}" for n in names), "height", "biasf"]
    assert np.all(written["biasf"] == (bias_factor or -1.0))


def test_going_on(tmp_path):
    path = tmp_path / "HILLS"
    with HillsWriter(path, "s", 10) as writer:
        writer.write(1, 0.1, 0.02, 1.0)
        position = writer.position
        writer.write(2, 0.2, 0.02, 1.0)
    with HillsWriter(path, "s", 10, append_at=position) as writer:
        writer.write(2, 0.3, 0.02, 1.0)
    assert read_hills(path).centers[:, 0].tolist() == [0.1, 0.3]


def test_hills_of_plumeds_walkers_have_a_clock(tmp_path):
    header = "#! FIELDS time s sigma_s height biasf clock\n#! SET multivariate false\n"
    (tmp_path / "HILLS.1").write_text(header + " 1 0.5 0.1 2.0 10 1763712000\n")
    hills = read_hills(tmp_path / "HILLS.1")
    assert hills.cv == ["s"] and hills.centers[:, 0].tolist() == [0.5] and hills.bias_factor == 10.0


def test_periodic_domains_as_plumed_writes_them(tmp_path):
    constants = {"min_phi": "-pi", "max_phi": "pi"}
    with HillsWriter(tmp_path / "HILLS", ["phi", "d"], None, constants=constants) as writer:
        writer.write(0, [1, 2], [0.1, 0.1], 1.0)
    assert read_hills(tmp_path / "HILLS").periods() == [(-np.pi, np.pi), None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#! FIELDS time cv bias\n 0 1 2\n", "not a HILLS file"),
        ("#! FIELDS time s sigma_s height biasf\n#! SET multivariate true\n", "full covariance"),
        ("#! FIELDS time s sigma_s height biasf\n#! SET kerneltype triangular\n", "triangular"),
        ("#! FIELDS time s sigma_s height biasf\n 0 1 0.1 1 5\n 1 1 0.1 1 6\n", "several bias factors"),
        ("#! FIELDS time s sigma_s height biasf\n 0 1 0 1 5\n", "sigma is 0"),
        ("#! FIELDS time s sigma_s height biasf\n 0 1 nan 1 5\n", r"HILLS:2: column sigma_s is nan"),
    ],
)
def test_bad_hills_are_refused(tmp_path, text, message):
    (tmp_path / "HILLS").write_text(text)
    with pytest.raises(InvalidArgument, match=message):
        read_hills(tmp_path / "HILLS")


@pytest.mark.parametrize("bias_factor", [1.0, 0.5, -3, np.nan, np.inf])
def test_bad_bias_factors_are_refused(tmp_path, bias_factor):
    with pytest.raises(InvalidArgument, match="above 1"):
        HillsWriter(tmp_path / "HILLS", "s", bias_factor)
    assert not (tmp_path / "HILLS").exists()


def test_bad_hills_are_not_written(tmp_path):
    with HillsWriter(tmp_path / "HILLS", "s", 10) as writer:
        with pytest.raises(InvalidArgument, match="widths must be positive"):
            writer.write(0, 0.1, 0.0, 1.0)
        with pytest.raises(InvalidArgument, match=r"height .* nan"):
            writer.write(0, 0.1, 0.1, np.nan)
    assert len(read_hills(tmp_path / "HILLS")) == 0
