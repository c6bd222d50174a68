"""What invariants from tables have in common."""

from torch import Tensor, nn


class TabulatedInvariants(nn.Module):
    """The table of a layer of invariants, in both precisions, and what its features are standardized with.

    Parameters
    ----------
    table
        In float64, of any shape whose third axis from the end is its intervals.
    error
        See :func:`gnncv.nn.radial_table.table_error`.
    mean, scale
        ``(F,)``, float64.
    cutoff
        Angstrom.
    """

    table: Tensor
    narrow_table: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, table: Tensor, error: float, mean: Tensor, scale: Tensor, cutoff: float) -> None:
        super().__init__()
        self.error = error
        self.register_buffer("table", table)
        self.register_buffer("narrow_table", table.float())
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.cutoff = float(cutoff)
