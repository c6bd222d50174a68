"""The encoder in training: its functions of distance from tables that are made anew from the parameters."""

import torch
from torch import Tensor

from gnncv.data.graph import Graph, GraphBatch
from gnncv.nn import AttentionLayer, EnvironmentInvariants, FilterLayer, RadialInvariants, operators
from gnncv.nn.jets import RadialJets, layer_jets
from gnncv.nn.radial_table import TOLERANCE, by_pair_of_species, hermite, tabulate

from .encoder import SiteEncoder
from .tabulated import TabulatedEnvironment
from .tabulated_filter import TabulatedRadialInvariants
from .tabulated_orientation import TabulatedOrientation


class TrainedTables:
    """Evaluates a :class:`SiteEncoder` through tables, differentiably in its parameters.

    Filters and logits of a distance are evaluated at knots only: what they cost does not grow with the number
    of pairs, and what is trained is what is exported.

    Parameters
    ----------
    encoder
        To be trained; its activation must be smooth.
    cutoff
        Angstrom.
    """

    def __init__(self, encoder: SiteEncoder, cutoff: float) -> None:
        self.encoder = encoder
        self.cutoff = float(cutoff)
        self._knots: list[RadialJets] = []
        self._described: (
            tuple[TabulatedEnvironment | TabulatedRadialInvariants, TabulatedOrientation | None] | None
        ) = None
        self.fit_intervals()

    @torch.no_grad()
    def fit_intervals(self) -> None:
        """Give each layer the fewest intervals whose table is within ``TOLERANCE`` of its networks.

        It depends on the parameters as they are: call it again when they have changed much.
        """
        basis, switching = self.encoder.basis, self.encoder.environment.switching
        self._knots = []
        self.n_intervals = []
        self.error = 0.0
        for layer in self.encoder.layers:
            table, error = tabulate(layer_jets(layer, basis, switching), self.cutoff, switching, TOLERANCE)
            n_intervals = table.shape[0]
            ends = torch.arange(n_intervals + 1, dtype=torch.float64, device=table.device)
            self._knots.append(RadialJets.at(ends * (self.cutoff / n_intervals), basis, switching))
            self.n_intervals.append(n_intervals)
            self.error = max(self.error, error)

    def _table(self, number: int) -> Tensor:
        """The table of a layer, a function of its parameters, in their type."""
        layer = self.encoder.layers[number]
        assert isinstance(layer, FilterLayer | AttentionLayer)
        table = hermite(layer.jet(self._knots[number]), self.cutoff / self.n_intervals[number])
        if isinstance(layer, FilterLayer):
            table = by_pair_of_species(table, layer.width)
        return table.to(next(layer.parameters()).dtype)

    @torch.no_grad()
    def raw_invariants(self, graph: Graph | GraphBatch) -> Tensor:
        """What sites start from ``(N, F)``, float64, not standardized: no parameter changes it."""
        if self._described is None:
            self._described = self._tabulated()
        environment, orientation = self._described
        vectors = graph.vectors.double()
        distances = operators.pair_distances(vectors)
        pairs = (vectors, distances, graph.neighbor, graph.row_ptr, graph.types)
        raw: Tensor = environment(*pairs)
        if orientation is None:
            return raw
        assert graph.axes is not None, "a model of molecules wants their axes"
        return torch.cat([raw, orientation(*pairs, graph.axes.double())], dim=1)

    def _tabulated(
        self,
    ) -> tuple[TabulatedEnvironment | TabulatedRadialInvariants, TabulatedOrientation | None]:
        environment, orientation = self.encoder.environment, self.encoder.orientation
        turned = None
        if orientation is not None:
            turned = TabulatedOrientation(orientation, *self._unscaled(orientation.n_features))
        standard = self._unscaled(environment.n_features)
        if isinstance(environment, EnvironmentInvariants):
            return TabulatedEnvironment(environment, *standard), turned
        assert isinstance(environment, RadialInvariants)
        return TabulatedRadialInvariants(environment, *standard), turned

    def _unscaled(self, n_features: int) -> tuple[Tensor, Tensor, float, float]:
        return (torch.zeros(n_features).double(), torch.ones(n_features).double(), self.cutoff, TOLERANCE)

    def features(self, batch: GraphBatch) -> tuple[Tensor, Tensor]:
        """Node features ``(N, width)`` after the last layer, and standardized invariants ``(N, F)``."""
        raw = self.raw_invariants(batch) if batch.invariants is None else batch.invariants
        features, invariants = self.encoder.start(raw, batch.types, batch.descriptors, batch.node_features)
        if not len(self.encoder.layers):
            return features, invariants
        distances = operators.pair_distances(batch.vectors.to(features.dtype))
        for number, module in enumerate(self.encoder.layers):
            assert isinstance(module, FilterLayer | AttentionLayer)
            pairs = (distances, batch.neighbor, batch.row_ptr, batch.types)
            features = module.forward_from_table(features, *pairs, self._table(number), self.cutoff)
        return features, invariants
