"""Environments in float32 keep the digits that a steep model needs."""

import numpy as np
import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import EnvironmentInvariants, QuinticSwitching, operators
from gnncv.nn.environment import MAGNITUDE_FLOOR
from gnncv.nn.radial_table import tabulate

CUTOFF = 4.0
N_SITES = 300


@pytest.fixture(autouse=True)
def native_operators() -> None:
    load_operators()


def lone_bonds(vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sites with one bond each."""
    n = len(vectors)
    return vectors, torch.zeros(n, dtype=torch.int32), torch.arange(n + 1), torch.zeros(n, dtype=torch.int64)


def directions(generator: np.random.Generator, n: int) -> torch.Tensor:
    vectors = generator.normal(size=(n, 3))
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1)[:, None])


def densities(vectors: torch.Tensor, table: torch.Tensor, l_max: int) -> torch.Tensor:
    bonds = lone_bonds(vectors)
    return operators.environment_densities(*bonds, table.to(vectors.dtype), CUTOFF, 1, l_max)[0]


def test_places_in_a_table_lose_no_digit_of_a_length(generator: np.random.Generator) -> None:
    """A function with a zero on a knot is as exact, relative to itself, right beside its zero."""
    n_intervals, knot = 96, 87
    table = torch.zeros(n_intervals, 6, 2, dtype=torch.float64)
    table[knot, 1, 0] = 1.0  # the place itself, zero at the knot
    lengths = CUTOFF / n_intervals * (knot + generator.uniform(0.001, 0.01, N_SITES))
    vectors = (directions(generator, N_SITES) * torch.from_numpy(lengths)[:, None]).float()
    narrow, exact = (densities(v, table, 0).double().flatten() for v in (vectors, vectors.double()))
    assert (narrow / exact - 1.0).abs().max() < 5e-6


@pytest.mark.parametrize(("around", "bound"), [("pole", 5e-7), ("anywhere", 3e-7)])
def test_harmonics_do_not_feel_that_directions_are_rounded(
    generator: np.random.Generator, around: str, bound: float
) -> None:
    """Legendre polynomials of degree l are l (l + 1) / 2 times as steep as their argument at the poles."""
    table = torch.zeros(8, 6, 2, dtype=torch.float64)
    table[:, 0] = 1.0
    u = directions(generator, N_SITES)
    if around == "pole":
        u = 0.1 * u + torch.tensor([0.0, 0.0, 1.0])
    vectors = (2.0 * u).float()
    narrow, exact = (densities(v, table, 6).double()[:, 0] for v in (vectors, vectors.double()))
    of_degree_6 = slice(36, 49)
    error = (narrow - exact)[:, of_degree_6].norm() / exact[:, of_degree_6].norm()
    assert error < bound


def test_errors_of_sites_do_not_add_up(generator: np.random.Generator) -> None:
    """A constant rounded to float32 would put all sites off by the same 6e-8."""
    switching = QuinticSwitching(CUTOFF, 0.5)
    environment = EnvironmentInvariants(CUTOFF, switching, 1, 2, 6)
    table, _ = tabulate(environment.jet, CUTOFF, switching)
    n_bonds = 24
    vectors = directions(generator, N_SITES * n_bonds)
    vectors = (vectors * torch.from_numpy(generator.uniform(2.5, CUTOFF, (len(vectors), 1)))).float()
    neighbor = torch.from_numpy(generator.integers(0, N_SITES, len(vectors), dtype=np.int32))
    row_ptr = torch.arange(N_SITES + 1) * n_bonds
    types = torch.zeros(N_SITES, dtype=torch.int64)
    mean, scale = torch.zeros(2, environment.n_features, dtype=torch.float64)
    scale += 1.0

    def features(v: torch.Tensor) -> torch.Tensor:
        pairs = (v, neighbor, row_ptr, types, table.to(v.dtype), CUTOFF, 1, 6)
        return operators.environment_invariants(*pairs, mean, scale, MAGNITUDE_FLOOR).double()

    exact = features(vectors.double())
    error = features(vectors) - exact
    relative = (error.mean(dim=0) / exact.mean(dim=0)).abs()
    assert relative[:-1:7].max() < 2e-8  # of degree 0, the largest
