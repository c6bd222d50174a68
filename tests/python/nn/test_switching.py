"""Switching functions end smoothly."""

import torch

from gnncv.nn import QuinticSwitching


def test_value_and_two_derivatives_vanish_at_the_cutoff_and_at_the_onset() -> None:
    switching = QuinticSwitching(6.0, 4.0)
    for edge, value in ((4.0, 1.0), (6.0, 0.0)):
        for step in (-1e-4, 1e-4):
            d = torch.tensor([edge + step], dtype=torch.float64, requires_grad=True)
            f = switching(d)
            (first,) = torch.autograd.grad(f.sum(), d, create_graph=True)
            (second,) = torch.autograd.grad(first.sum(), d)
            assert abs(f.item() - value) < 1e-11
            assert abs(first.item()) < 1e-6
            assert abs(second.item()) < 5e-3
    inside = torch.linspace(4.0, 6.0, 101, dtype=torch.float64)
    assert (switching(inside).diff() < 0).all()
