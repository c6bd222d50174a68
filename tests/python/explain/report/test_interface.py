"""On crystallites planted in a melt the interface scores above the bulk of either phase.

What is interface is told by the distance from the planted surface, never by the model.
"""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

import gnncv
from gnncv.demo import shipped_model
from gnncv.explain.report.frame_view import CRYSTAL, MELT, view_frame
from seeded_crystallites import Seeded, seeded_crystallites

CLEAR = 5.0  # standard errors

# angstrom outside of the outermost planted atoms
LAYERS = {
    "crystal": (-np.inf, -12.0),
    "surface": (-8.0, -2.0),  # of the crystallite, without the outermost layer, which melt has on one side
    "interface": (-5.0, 5.0),
    "melt": (10.0, np.inf),
}


@pytest.fixture(scope="module")
def cv() -> gnncv.CollectiveVariable:
    return gnncv.CollectiveVariable(shipped_model(), num_threads=1)


@pytest.fixture(scope="module")
def crystallites(argon_frames: list[Atoms]) -> list[Seeded]:
    return list(seeded_crystallites(argon_frames, 4, 900))


def sigmas(differences: list[float]) -> float:
    """Mean over independent crystallites over its standard error."""
    values = np.array(differences)
    return float(values.mean() / (values.std(ddof=1) / np.sqrt(len(values))))


def layer_scores(cv: gnncv.CollectiveVariable, seeded: Seeded, output: str) -> dict[str, float]:
    gradient = cv.compute(seeded.atoms, outputs=[output]).gradient(output)
    scores = np.linalg.norm(gradient, axis=1)
    found = {}
    for name, (low, high) in LAYERS.items():
        members = (seeded.outside >= low) & (seeded.outside <= high)
        assert members.sum() >= 50
        found[name] = float(scores[members].mean())
    return found


@pytest.mark.parametrize(
    ("output", "layer"),
    [
        ("ncrystal", "interface"),
        ("crystallinity", "interface"),
        ("ncrystal", "surface"),
        # progress averages a latent over all sites, which answers inside the crystal too: the interface as a
        # whole has no more slope than that, the surface layers of the crystallite have
        ("progress", "surface"),
    ],
)
def test_the_interface_scores_above_either_bulk(cv, crystallites, output, layer):
    found = [layer_scores(cv, seeded, output) for seeded in crystallites]
    for bulk in ("melt", "crystal"):
        apart = sigmas([one[layer] - one[bulk] for one in found])
        print(output, layer, bulk, f"{apart:.1f}", [round(one[layer] / one[bulk], 2) for one in found])
        assert apart > CLEAR, f"{output}: {layer} is {apart:.1f} standard errors above the {bulk}"


def test_the_layers_of_the_report_are_where_the_surface_is(cv, crystallites):
    for seeded in crystallites[:2]:
        view = view_frame(cv, seeded.atoms, "progress")
        outside, crystal, melt = seeded.outside, view.layer == CRYSTAL, view.layer == MELT
        print([np.quantile(outside[chosen], [0, 0.01, 0.99, 1]) for chosen in (crystal, view.face, melt)])
        assert (outside[view.face] > -10.0).all() and (outside[view.face] < 5.0).all()
        assert (outside[crystal] < 0.0).all() and (outside[melt] > -3.0).all()
        assert crystal[outside < -10.0].all() and melt[outside > 5.0].all()
