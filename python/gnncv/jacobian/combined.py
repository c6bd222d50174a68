"""Several descriptors of the same atoms as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian.descriptor import Descriptor
from gnncv.jacobian.pattern import SparsityPattern


class CombinedDescriptors(Descriptor):
    """Descriptors one after the other, each with its own cell.

    Parameters
    ----------
    descriptors
        At least one; all of frames with the same number of atoms.
    """

    def __init__(self, descriptors: Sequence[Descriptor]) -> None:
        counts = {descriptor.n_atoms for descriptor in descriptors}
        if len(counts) != 1:
            raise InvalidArgument(
                f"descriptors: they need the same number of atoms, and have {sorted(counts)}"
            )
        super().__init__(counts.pop())
        self.descriptors = list(descriptors)

    def _make_pattern(self) -> SparsityPattern:
        return SparsityPattern.stacked([descriptor.pattern for descriptor in self.descriptors])

    def __call__(self, positions: torch.Tensor) -> torch.Tensor:
        """Values (n_frames, D) for positions (n_frames, N, 3)."""
        return torch.cat([descriptor(positions) for descriptor in self.descriptors], 1)

    def evaluate(
        self, positions: torch.Tensor, frames: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Values and blocks, in the order of the descriptors."""
        values, blocks = zip(*(one.evaluate(positions, frames) for one in self.descriptors), strict=True)
        return torch.cat(values, 1), torch.cat(blocks, 1)
