"""Attention message-passing layer, smooth at the cutoff."""

import torch
from torch import Tensor, nn

from . import operators
from .jets import RadialJets, linear_jet
from .layers.properties import facts_of
from .layers.self_weight import SelfWeight


class AttentionLayer(nn.Module):
    """One round of attention message passing with a residual update.

    ``h_i <- h_i + MLP([h_i, sum_j a_ij F(d_ij) * V h_j])`` with the weights
    ``a_ij = f_c(d_ij) exp(e_ij) / (c + sum_k f_c(d_ik) exp(e_ik))`` (after Velickovic et al., ICLR 2018,
    with a switching function and the constant ``c``, see DESIGN "attention is smooth") and the bounded
    logits ``e_ij = b tanh((u h_i + v h_j + w(d_ij)) / b)``, one a head.

    Parameters
    ----------
    width
        Channels of the node features, a multiple of ``n_heads``.
    n_basis
        Number of radial basis functions of the filters and the logits.
    n_heads
        Attention heads.
    activation
        Smooth non-linearity of the update.
    lone
        The constant ``c``; must be positive for a continuous model.
    self_weight
        Whether ``h_i`` on the right is weighted, too, see :class:`gnncv.nn.layers.SelfWeight`.
    """

    facts = facts_of("AttentionLayer")
    hops = 1

    def __init__(
        self,
        width: int,
        n_basis: int,
        n_heads: int,
        activation: nn.Module,
        lone: float,
        self_weight: bool = False,
    ) -> None:
        super().__init__()
        self.own = SelfWeight(width) if self_weight else nn.Identity()
        self.lone = float(lone)
        self.bound = 5.0
        self.value = nn.Linear(width, width, bias=False)
        self.receiver = nn.Linear(width, n_heads, bias=False)
        self.sender = nn.Linear(width, n_heads, bias=False)
        self.distance_logit = nn.Linear(n_basis, n_heads)
        self.filter = nn.Linear(n_basis, width)
        self.update = nn.Sequential(nn.Linear(2 * width, width), activation, nn.Linear(width, width))

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
        """Updated node features ``(N, width)``; the species are in the features already."""
        logits = (
            self.receiver(features).index_select(0, center)
            + self.sender(features).index_select(0, neighbor)
            + self.distance_logit(basis)
        )
        logits = self.bound * torch.tanh(logits / self.bound)
        messages = operators.attention_message_passing(
            logits, switching, self.filter(basis), self.value(features), neighbor, row_ptr, self.lone
        )
        own = self.own(features)
        return own + self.update(torch.cat([own, messages], dim=1))

    def jet(self, radial: RadialJets) -> Tensor:
        """Jets of what its table holds, ``(3, K, C + H + 1)``: filters, logits, switching function."""
        layers = (self.filter, self.distance_logit)
        return torch.cat([*(linear_jet(layer, radial.basis) for layer in layers), radial.switching], dim=2)

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
        """As :meth:`forward`, the functions of distance from a table."""
        sites = (self.receiver(features), self.sender(features), self.value(features))
        messages = operators.table_attention(
            distances, neighbor, row_ptr, table, cutoff, *sites, self.lone, self.bound
        )
        own = self.own(features)
        return own + self.update(torch.cat([own, messages], dim=1))
