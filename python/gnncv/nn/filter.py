"""Message passing through filters of the distance, smooth at the cutoff."""

from torch import Tensor, nn

from . import operators
from .jets import RadialJets, activation_jet, linear_jet, product_jet
from .layers.properties import facts_of


class FilterLayer(nn.Module):
    """One round of continuous-filter message passing with a residual update.

    ``h_i <- h_i + MLP(sum_j f_c(d_ij) F(d_ij) * V h_j)`` (Schuett et al., J. Chem. Phys. 148, 241722, 2018,
    eq. 5, with a switching function). ``F`` is a network of one hidden layer on the radial functions.

    Parameters
    ----------
    width
        Channels of the node features.
    n_basis
        Number of radial basis functions of the filters.
    activation
        Smooth non-linearity of filters and update.
    n_species
        Number of species when each pair of them has a filter of its own, else 1.
    """

    facts = facts_of("FilterLayer")
    hops = 1

    def __init__(self, width: int, n_basis: int, activation: nn.Module, n_species: int = 1) -> None:
        super().__init__()
        self.width = width
        self.n_species = n_species
        self.n_tables = n_species * n_species
        self.value = nn.Linear(width, width, bias=False)
        self.filter = nn.Sequential(
            nn.Linear(n_basis, width), activation, nn.Linear(width, self.n_tables * width)
        )
        self.update = nn.Sequential(nn.Linear(width, width), activation, nn.Linear(width, width))

    def forward(
        self,
        features: Tensor,
        basis: Tensor,
        switching: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
    ) -> Tensor:
        """Updated node features ``(N, width)``."""
        filters = self.filter(basis) * switching[:, None]
        if self.n_species > 1:
            pair = types[center] * self.n_species + types[neighbor]
            chosen = pair[:, None, None].expand(-1, 1, self.width)
            filters = filters.reshape(-1, self.n_tables, self.width).gather(1, chosen).squeeze(1)
        messages = operators.message_passing(filters, self.value(features), neighbor, row_ptr)
        return features + self.update(messages)

    def jet(self, radial: RadialJets) -> Tensor:
        """Jets of what its table holds, ``(3, K, tables width)``."""
        hidden = activation_jet(self.filter[1], linear_jet(self.filter[0], radial.basis))
        return product_jet(linear_jet(self.filter[2], hidden), radial.switching)

    def forward_from_table(
        self,
        features: Tensor,
        distances: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        table: Tensor,
        cutoff: float,
    ) -> Tensor:
        """As :meth:`forward`, the filters from a table."""
        messages = operators.table_messages(
            distances, neighbor, row_ptr, types, table, cutoff, self.value(features)
        )
        return features + self.update(messages)
