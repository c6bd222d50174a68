"""Tables of functions of distance: exact where they can be, and converging with the sixth power elsewhere."""

from functools import partial

import numpy as np
import pytest
import torch

from gnncv.nn import QuinticSwitching
from gnncv.nn.radial_table import choose_intervals, jets_by_autograd, make_table, table_error
from gnncv.nn.reference import table_functions

CUTOFF = 4.3


def jets_of(functions):
    return partial(jets_by_autograd, functions)


def waves(d: torch.Tensor) -> torch.Tensor:
    return torch.stack([torch.sin(1.7 * d), torch.exp(-d), torch.ones_like(d)], dim=1)


def test_polynomials_of_degree_five_are_met_exactly(generator):
    coefficients = torch.from_numpy(generator.normal(size=(6, 4)))

    def functions(d: torch.Tensor) -> torch.Tensor:
        return torch.stack([(d / CUTOFF) ** k for k in range(6)], dim=1) @ coefficients

    table = make_table(jets_of(functions), CUTOFF, 9)
    d = torch.from_numpy(generator.uniform(0.0, CUTOFF, 200))
    torch.testing.assert_close(table_functions(d, table, CUTOFF), functions(d), rtol=0, atol=1e-13)


def test_switching_is_met_exactly_with_a_knot_at_its_onset(generator):
    switching = QuinticSwitching(CUTOFF, 0.7 * CUTOFF)

    def functions(d: torch.Tensor) -> torch.Tensor:
        return switching(d)[:, None]

    n_intervals = choose_intervals(jets_of(functions), CUTOFF, [switching.onset])
    assert 0.7 * n_intervals == pytest.approx(round(0.7 * n_intervals))
    table = make_table(jets_of(functions), CUTOFF, n_intervals)
    d = torch.from_numpy(generator.uniform(0.0, CUTOFF, 200))
    torch.testing.assert_close(table_functions(d, table, CUTOFF), functions(d), rtol=0, atol=1e-13)


def test_the_error_falls_with_the_sixth_power():
    errors = []
    for n_intervals in (4, 8, 16):
        d = torch.linspace(0.0, CUTOFF, 1001, dtype=torch.float64)
        ours = table_functions(d, make_table(jets_of(waves), CUTOFF, n_intervals), CUTOFF)
        errors.append(float((ours - waves(d)).abs().max()))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    print(f"errors {errors}, orders {orders}")
    assert (np.abs(orders - 6.0) < 0.6).all()


def test_value_slope_and_curvature_are_continuous_at_the_knots():
    table = make_table(jets_of(waves), CUTOFF, 7)
    factors = torch.tensor(
        [[1, 1, 1, 1, 1, 1], [0, 1, 2, 3, 4, 5], [0, 0, 2, 6, 12, 20]], dtype=torch.float64
    )
    at_end = torch.einsum("dk,nkc->dnc", factors, table)
    at_start = torch.stack([table[:, 0], table[:, 1], 2.0 * table[:, 2]])
    torch.testing.assert_close(at_end[:, :-1], at_start[:, 1:], rtol=0, atol=1e-12)


def test_the_chosen_number_of_intervals_keeps_the_tolerance():
    jets, chosen = jets_of(waves), []
    for tolerance in (1e-4, 1e-8):
        chosen.append(choose_intervals(jets, CUTOFF, tolerance=tolerance))
        assert table_error(jets, make_table(jets, CUTOFF, chosen[-1]), CUTOFF) <= tolerance
    assert chosen[0] < chosen[1]
