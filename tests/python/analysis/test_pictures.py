"""Pictures are drawn for ordinary and extreme input, and never over existing files."""

import numpy as np
import pytest
from matplotlib.image import imread

from gnncv.analysis import FreeEnergy
from gnncv.analysis.pictures import Panel, free_energy_picture, time_series_picture
from gnncv.errors import InvalidArgument, OutputExists


def curve(gap=False):
    grid = np.linspace(0, 1, 50)
    values = 10 * (grid - 0.5) ** 2
    errors = np.full(50, 0.2)
    if gap:
        values[20:25], errors[20:25] = np.inf, np.nan
    return FreeEnergy("progress", grid, values, errors, "test", "made up")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
@pytest.mark.parametrize("gap", [False, True])
def test_free_energies(tmp_path, gap, suffix):
    path = free_energy_picture([curve(gap), curve()], tmp_path / f"a{suffix}", labels=["one", "two"])
    assert path.stat().st_size > 1000
    if suffix == ".png":
        assert np.ptp(imread(path)) > 0.5
    with pytest.raises(OutputExists):
        free_energy_picture(curve(), path)
    with pytest.raises(InvalidArgument, match="1 curves and 2 labels"):
        free_energy_picture(curve(), tmp_path / "b.png", labels=["a", "b"])
    with pytest.raises(InvalidArgument, match="no name for a picture"):
        free_energy_picture(curve(), tmp_path / "b.dat")


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_time_series(tmp_path, rows):
    time = np.arange(float(rows))
    panels = [
        Panel("progress, q6", {"progress": time / rows, "q6": 1 - time / rows}, {"melt": 0.15}),
        Panel("novelty", {"novelty": time**0.5}, {"99 % of training": 1.0}),
    ]
    path = time_series_picture(time, panels, tmp_path / "run.png")
    assert np.ptp(imread(path)) > 0.5
    with pytest.raises(InvalidArgument, match="series 'q6' has shape"):
        time_series_picture(time, [Panel("q6", {"q6": np.zeros(rows + 1)})], tmp_path / "b.png")
    with pytest.raises(InvalidArgument, match="at least one panel"):
        time_series_picture(time, [], tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()
