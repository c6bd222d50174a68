"""The Jacobian of descriptors with respect to positions, in compressed rows, over frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian.colored import ColoredJacobian
from gnncv.jacobian.dependencies import find_pattern
from gnncv.jacobian.descriptor import Descriptor
from gnncv.jacobian.pattern import SparsityPattern
from gnncv.jacobian.products import product, transpose_product

# Numbers that the blocks of one piece of a computation over frames may have: few enough for the cache.
_PIECE = 100_000


class SparseJacobian:
    """Derivatives dD_d/dr_a of D descriptors with respect to N atoms, only those that can differ from zero.

    Rows are descriptors; an entry is the block of three derivatives with respect to one atom. The pattern is
    that of all frames, the blocks are their own. Products are differentiable with respect to the vector and
    to the blocks, to any order, so that a loss on gradients trains through them.

    Parameters
    ----------
    pattern
        Compressed rows.
    blocks
        (n_frames, E, 3) derivatives of each entry of the pattern, descriptor unit per unit of the positions.

    Examples
    --------
    >>> distances = gnncv.jacobian.PairDistances(n_atoms=45, cell=cell)
    >>> values, jacobian = gnncv.SparseJacobian.of(distances, positions)
    >>> gradient = jacobian.transpose_product(slopes)  # (n_frames, D) -> (n_frames, N, 3)
    """

    def __init__(self, pattern: SparsityPattern, blocks: torch.Tensor) -> None:
        if blocks.ndim != 3 or blocks.shape[1:] != (pattern.n_entries, 3):
            raise InvalidArgument(
                f"blocks: shape {tuple(blocks.shape)}, expected (n_frames, {pattern.n_entries}, 3)"
            )
        self.pattern = pattern.to(blocks.device)
        self.blocks = blocks

    @classmethod
    def of(
        cls,
        descriptors: Descriptor | Callable[[torch.Tensor], torch.Tensor],
        positions: torch.Tensor,
        pattern: SparsityPattern | Sequence[Sequence[int]] | torch.Tensor | None = None,
        batch_size: int | None = None,
    ) -> tuple[torch.Tensor, SparseJacobian]:
        """Values and Jacobian of descriptors at positions.

        Parameters
        ----------
        descriptors
            An analytic descriptor, or any function of positions (n_frames, N, 3) to values (n_frames, D) that
            treats each frame on its own and is made of differentiable torch operations.
        positions
            (n_frames, N, 3). Where they require gradients, values and blocks are differentiable.
        pattern
            For a function: the atoms that each of its values can depend on, as a `SparsityPattern`, a list of
            atoms for each value, or a boolean matrix (D, N). By default it is found by `find_pattern`, and
            may then hold entries that are always zero but lacks none.
        batch_size
            Frames at once; by default as many as keep the memory for intermediate results low.

        Returns
        -------
        values
            (n_frames, D).
        jacobian
            The derivatives.
        """
        if positions.ndim != 3 or positions.shape[2] != 3:
            raise InvalidArgument(
                f"positions: shape {tuple(positions.shape)}, expected (n_frames, n_atoms, 3)"
            )
        if isinstance(descriptors, Descriptor):
            if pattern is not None:
                raise InvalidArgument(f"pattern: {type(descriptors).__name__} has its own; leave it out")
            source: Descriptor | ColoredJacobian = descriptors
        else:
            known = as_pattern(pattern, positions.shape[1])
            source = ColoredJacobian(descriptors, known or find_pattern(descriptors, positions))
        if batch_size is None:
            batch_size = max(1, _PIECE // max(1, 3 * source.pattern.n_entries))
        if len(positions) <= batch_size:
            values, blocks = source.evaluate(positions)
            return values, cls(source.pattern, blocks)
        pieces = [slice(i, i + batch_size) for i in range(0, len(positions), batch_size)]
        if torch.is_grad_enabled() and positions.requires_grad:
            parts = zip(*(source.evaluate(positions, piece) for piece in pieces), strict=True)
            values, blocks = (torch.cat(part) for part in parts)
            return values, cls(source.pattern, blocks)
        return _evaluated_by_pieces(source, positions, pieces)

    @property
    def n_frames(self) -> int:
        """Number of frames F."""
        return len(self.blocks)

    @property
    def n_descriptors(self) -> int:
        """Number of descriptors D."""
        return self.pattern.n_rows

    @property
    def n_atoms(self) -> int:
        """Number of atoms N."""
        return self.pattern.n_atoms

    @property
    def device(self) -> torch.device:
        """Where the blocks are."""
        return self.blocks.device

    def transpose_product(self, v: torch.Tensor, frames: torch.Tensor | None = None) -> torch.Tensor:
        """J^T v: derivatives with respect to positions from those with respect to descriptors.

        Parameters
        ----------
        v
            (F, D), or (F, D, K) for K outputs at once.
        frames
            (F,) integers: which frame of the Jacobian each row of `v` belongs to; all in order by default.

        Returns
        -------
        torch.Tensor
            (F, N, 3) or (F, N, 3, K).
        """
        blocks, v, frames = self._matched(v, frames, "v", (self.n_descriptors,))
        if v.ndim == 2:
            return transpose_product(blocks, v[..., None], self.pattern, frames)[..., 0]
        return transpose_product(blocks, v, self.pattern, frames)

    def product(self, w: torch.Tensor, frames: torch.Tensor | None = None) -> torch.Tensor:
        """J w: change of the descriptors for displacements (F, N, 3) or (F, N, 3, K); (F, D) or (F, D, K)."""
        blocks, w, frames = self._matched(w, frames, "w", (self.n_atoms, 3))
        if w.ndim == 3:
            return product(blocks, w[..., None], self.pattern, frames)[..., 0]
        return product(blocks, w, self.pattern, frames)

    def _matched(
        self, vector: torch.Tensor, frames: torch.Tensor | None, name: str, shape: tuple[int, ...]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Blocks and vector in one precision, and the frames where the blocks are."""
        n_frames = self.n_frames if frames is None else len(frames)
        full = (n_frames, *shape)
        if vector.shape[: len(full)] != full or vector.ndim > len(full) + 1:
            raise InvalidArgument(
                f"{name}: shape {tuple(vector.shape)}, expected {full}, and one dimension more for "
                "several outputs"
            )
        if vector.dtype != self.blocks.dtype:
            dtype = torch.promote_types(self.blocks.dtype, vector.dtype)
            blocks, vector = self.blocks.to(dtype), vector.to(dtype)
        else:
            blocks = self.blocks
        if frames is not None:
            frames = frames.to(device=blocks.device, dtype=torch.int64)
        return blocks, vector, frames

    def without_zeros(self) -> SparseJacobian:
        """The same without entries that are zero in all frames: those of atoms beyond a cutoff, for one."""
        kept = self._other_than_zero()
        if bool(kept.all()):
            return self
        before = torch.cat([kept.new_zeros(1, dtype=torch.int64), kept.cumsum(0)])
        pattern = SparsityPattern(before[self.pattern.row_ptr], self.pattern.atoms[kept], self.n_atoms)
        return SparseJacobian(pattern, self.blocks[:, kept])

    def _other_than_zero(self) -> torch.Tensor:
        """(E,) whether an entry differs from zero in any frame."""
        if self.n_frames == 0:
            return torch.zeros(self.pattern.n_entries, dtype=torch.bool, device=self.device)
        blocks = self.blocks.detach()
        kept = _any_component(blocks[0])
        start, size = 1, 1
        while start < self.n_frames and not bool(kept.all()):  # mostly the first frames settle it
            left = (~kept).nonzero()[:, 0]
            kept[left] = _any_component(blocks[start : start + size].index_select(1, left)).any(0)
            start, size = start + size, 2 * size
        return kept

    def to(self, device: torch.device | str) -> SparseJacobian:
        """The same on a device."""
        return SparseJacobian(self.pattern.to(device), self.blocks.to(device))

    def to_dense(self) -> torch.Tensor:
        """(F, D, N, 3), zeros written out."""
        dense = self.blocks.new_zeros(self.n_frames, self.n_descriptors * self.n_atoms, 3)
        index = self.pattern.rows * self.n_atoms + self.pattern.atoms
        return dense.index_copy(1, index, self.blocks).unflatten(1, (self.n_descriptors, self.n_atoms))

    def __repr__(self) -> str:
        """Sizes."""
        return (
            f"SparseJacobian({self.n_frames} frames, {self.n_descriptors} descriptors, {self.n_atoms} atoms, "
            f"{self.pattern.n_entries} entries, {self.blocks.dtype}, {self.device})"
        )


def _any_component(blocks: torch.Tensor) -> torch.Tensor:
    """Whether any of the three numbers of a block differs from zero."""
    x, y, z = (blocks != 0).unbind(-1)
    return x | y | z


def _evaluated_by_pieces(
    source: Descriptor | ColoredJacobian, positions: torch.Tensor, pieces: list[slice]
) -> tuple[torch.Tensor, SparseJacobian]:
    """Values and Jacobian, each piece written where it belongs."""
    first_values, first_blocks = source.evaluate(positions, pieces[0])
    values = first_values.new_empty(len(positions), *first_values.shape[1:])
    blocks = first_blocks.new_empty(len(positions), *first_blocks.shape[1:])
    values[pieces[0]], blocks[pieces[0]] = first_values, first_blocks
    for piece in pieces[1:]:
        values[piece], blocks[piece] = source.evaluate(positions, piece)
    return values, SparseJacobian(source.pattern, blocks)


def as_pattern(
    pattern: SparsityPattern | Sequence[Sequence[int]] | torch.Tensor | None, n_atoms: int
) -> SparsityPattern | None:
    """A pattern as users may give it, checked."""
    if pattern is None:
        return None
    if isinstance(pattern, torch.Tensor):
        pattern = SparsityPattern.from_mask(pattern)
    elif not isinstance(pattern, SparsityPattern):
        return SparsityPattern.from_rows(pattern, n_atoms)
    if pattern.n_atoms != n_atoms:
        raise InvalidArgument(f"pattern: of {pattern.n_atoms} atoms, and the positions are of {n_atoms}")
    pattern.check()
    return pattern
