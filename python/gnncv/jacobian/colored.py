"""The Jacobian of any differentiable function, one product for each group of rows or atoms."""

from __future__ import annotations

from collections.abc import Callable

import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian.coloring import color_atoms, color_rows
from gnncv.jacobian.pattern import SparsityPattern
from gnncv.jacobian.products import transpose_product

Function = Callable[[torch.Tensor], torch.Tensor]


class ColoredJacobian:
    """Values and Jacobian blocks of a function whose sparsity pattern is known.

    Rows that share no atom are differentiated together, by one backward pass; or, where that takes fewer
    passes, atoms that share no row, by forward products (a backward pass through the backward pass, which
    every differentiable function allows).

    Parameters
    ----------
    function
        From positions (n_frames, N, 3) to values (n_frames, D), each frame on its own, by differentiable
        operations.
    pattern
        At least the atoms that each row depends on.
    """

    def __init__(self, function: Function, pattern: SparsityPattern) -> None:
        self.function = function
        self.pattern = pattern
        rows, atoms = color_rows(pattern), color_atoms(pattern)
        n_rows, n_atoms = (int(colors.max(initial=-1)) + 1 for colors in (rows, atoms))
        self.by_rows = n_rows <= 6 * n_atoms
        self.colors = torch.from_numpy(rows if self.by_rows else atoms)
        self.n_colors = n_rows if self.by_rows else n_atoms

    def evaluate(
        self, positions: torch.Tensor, frames: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Values (n_frames, D) and blocks (n_frames, E, 3); differentiable where the positions are."""
        higher = torch.is_grad_enabled() and positions.requires_grad
        with torch.enable_grad():
            chosen = positions[frames] if higher else positions[frames].detach().clone().requires_grad_()
            values = self.function(chosen)
            if values.shape != (len(chosen), self.pattern.n_rows):
                raise InvalidArgument(
                    f"function: it returned shape {tuple(values.shape)}, and its pattern has "
                    f"{self.pattern.n_rows} rows: expected {(len(chosen), self.pattern.n_rows)}"
                )
            if self.pattern.n_entries == 0 or not values.requires_grad:
                return values.detach(), chosen.new_zeros(len(chosen), self.pattern.n_entries, 3)
            blocks = (self._from_rows if self.by_rows else self._from_atoms)(chosen, values, higher)
            self._check(chosen, values, blocks.detach())
        return (values, blocks) if higher else (values.detach(), blocks.detach())

    def _from_rows(self, positions: torch.Tensor, values: torch.Tensor, higher: bool) -> torch.Tensor:
        pattern = self.pattern.to(positions.device)
        colors = self.colors.to(positions.device)
        entry_colors = colors[pattern.rows]
        pieces, order = [], []
        for color in range(self.n_colors):
            entries = (entry_colors == color).nonzero()[:, 0]
            cotangent = (colors == color).to(values).expand_as(values)
            (gradient,) = torch.autograd.grad(
                values, positions, cotangent, retain_graph=True, create_graph=higher
            )
            pieces.append(gradient.index_select(1, pattern.atoms[entries]))
            order.append(entries)
        return _in_order(pieces, order)

    def _from_atoms(self, positions: torch.Tensor, values: torch.Tensor, higher: bool) -> torch.Tensor:
        pattern = self.pattern.to(positions.device)
        colors = self.colors.to(positions.device)
        entry_colors = colors[pattern.atoms]
        dummy = torch.zeros_like(values, requires_grad=True)
        (pulled,) = torch.autograd.grad(values, positions, dummy, create_graph=True)
        pieces, order = [], []
        for color in range(self.n_colors):
            entries = (entry_colors == color).nonzero()[:, 0]
            columns = []
            for x in range(3):
                tangent = torch.zeros_like(positions)
                tangent[:, colors == color, x] = 1.0
                (pushed,) = torch.autograd.grad(
                    pulled, dummy, tangent, retain_graph=True, create_graph=higher
                )
                columns.append(pushed.index_select(1, pattern.rows[entries]))
            pieces.append(torch.stack(columns, 2))
            order.append(entries)
        return _in_order(pieces, order)

    def _check(self, positions: torch.Tensor, values: torch.Tensor, blocks: torch.Tensor) -> None:
        """Compare J^T v with autograd's own for a random v, in every frame."""
        generator = torch.Generator().manual_seed(0)
        v = torch.randn(values.shape, generator=generator, dtype=torch.float64).to(values)
        (direct,) = torch.autograd.grad(values, positions, v, retain_graph=True)
        pattern = self.pattern.to(positions.device)
        ours = transpose_product(blocks, v[..., None], pattern)[..., 0]
        size = transpose_product(blocks.abs(), v.abs()[..., None], pattern)[..., 0].amax((1, 2), keepdim=True)
        error = (ours - direct).abs() - 1e4 * torch.finfo(values.dtype).eps * size
        wrong = ((error > 0) & direct.isfinite()).nonzero()
        if len(wrong):
            frame, atom = wrong[0, :2].tolist()
            raise InvalidArgument(
                f"pattern: the function's gradient in frame {frame} with respect to atom {atom} is not what "
                "its pattern gives: it lacks atoms on which a value depends, or values depend on "
                "other frames"
            )


def _in_order(pieces: list[torch.Tensor], order: list[torch.Tensor]) -> torch.Tensor:
    """Blocks of all entries from those of each color."""
    return torch.cat(pieces, 1).index_select(1, torch.argsort(torch.cat(order)))
