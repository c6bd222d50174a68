"""Orientation invariants as they are evaluated: from tables."""

from torch import Tensor

from gnncv.nn import OrientationInvariants, operators
from gnncv.nn.radial_table import in_precision, tabulate

from .tabulated_invariants import TabulatedInvariants


class TabulatedOrientation(TabulatedInvariants):
    """:class:`gnncv.nn.OrientationInvariants` from tables, standardized.

    Parameters
    ----------
    orientation
        The trained layer; its switching function must be smooth.
    mean, scale
        ``(F,)``, float64: what the features are standardized with.
    cutoff
        Angstrom.
    tolerance
        Largest error of the table, see :func:`gnncv.nn.radial_table.table_error`.
    """

    def __init__(
        self,
        orientation: OrientationInvariants,
        mean: Tensor,
        scale: Tensor,
        cutoff: float,
        tolerance: float,
    ) -> None:
        table, error = tabulate(orientation.jet, cutoff, orientation.switching, tolerance)
        super().__init__(table, error, mean, scale, cutoff)
        self.n_species = orientation.n_species
        self.headless = orientation.headless
        self.degree = orientation.degree
        self.average = orientation.average

    def forward(
        self,
        vectors: Tensor,
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor,
        half_begin: Tensor | None = None,
    ) -> Tensor:
        """Standardized features ``(N, n_features)`` from ``vectors`` and ``axes``, of a list of all pairs."""
        table = in_precision(self.table, self.narrow_table, vectors)
        return operators.orientation_invariants(
            vectors,
            axes,
            neighbor,
            row_ptr,
            types,
            table,
            self.cutoff,
            self.n_species,
            self.headless,
            self.degree,
            self.average,
            self.mean,
            self.scale,
        )
