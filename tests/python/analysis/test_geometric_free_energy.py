"""The geometric free energy does not depend on how a variable is parametrized; the plain one does."""

from pathlib import Path

import numpy as np
import pytest

from gnncv import InvalidArgument
from gnncv.analysis import compute_free_energy

KELVIN = 100.0
KT = 0.00831446261815324 * KELVIN


def test_it_is_unchanged_by_another_parametrization(tmp_path: Path, generator: np.random.Generator) -> None:
    # g stretches s < 0 to twice its length: bins of s there are two bins of g, and the comparison is exact
    s = generator.uniform(-1.0, 1.0, 4000)
    slope = np.where(s < 0.0, 2.0, 1.0)
    bias = generator.uniform(0.0, 3.0, len(s))
    square = generator.uniform(0.5, 2.0, len(s)) ** 2 * (1.0 + s**2)
    table = np.column_stack([np.arange(len(s)), s, slope * s, bias, square, slope**2 * square])
    path = tmp_path / "COLVAR"
    np.savetxt(path, table, fmt="%.17g", header="! FIELDS time s g bias s2 g2", comments="#")

    def curve(name: str, low: float, bins: int, square: str | None) -> np.ndarray:
        options = {"bias_column": "bias", "value_range": (low, 1.0), "bins": bins, "gradnorm2": square}
        return compute_free_energy(path, cv=name, temperature_kelvin=KELVIN, **options).values

    def density(values: np.ndarray) -> np.ndarray:
        return np.exp(-(values - values[-10:].mean()) / KT)

    of_s, of_g = density(curve("s", -1.0, 20, "s2")), density(curve("g", -2.0, 30, "g2"))
    joined = np.concatenate([of_g[:20].reshape(10, 2).mean(axis=1), of_g[20:]])
    assert np.allclose(joined, of_s, rtol=1e-9)
    plain_s, plain_g = density(curve("s", -1.0, 20, None)), density(curve("g", -2.0, 30, None))
    assert np.allclose(plain_g[:20].reshape(10, 2).mean(axis=1), 0.5 * plain_s[:10], rtol=1e-9)
    assert not np.allclose(of_s, plain_s, rtol=0.1)


def test_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "COLVAR"
    path.write_text("#! FIELDS time s s2\n0 0.1 1\n1 0.2 0\n2 0.3 1\n")
    options = {"cv": "s", "temperature_kelvin": KELVIN, "bins": 3}
    with pytest.raises(InvalidArgument, match="s2 is 0 in sample 1"):
        compute_free_energy(path, gradnorm2="s2", **options)
    with pytest.raises(InvalidArgument, match="s3"):
        compute_free_energy(path, gradnorm2="s3", **options)
