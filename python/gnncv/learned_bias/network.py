"""The network from outputs of a CV to a bias energy: smooth, bounded, zero where there are no samples."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

WIDTHS = (16, 16)


class LearnedBias(nn.Module):
    r"""A bias energy (eV) of ``D`` outputs of a collective variable.

    .. math:: V(\mathbf x) = c(\mathbf x)\, V_\mathrm{max}\, \sigma(N(\mathbf x)), \qquad
              c = \frac{n}{n + n_0}, \qquad
              n(\mathbf x) = \sum_k n_k \exp\left(-\tfrac12 |\mathbf x - \mathbf x_k|^2 / h^2\right)

    with a network :math:`N` of hyperbolic tangents, the logistic function :math:`\sigma` and the number
    :math:`n` of samples near :math:`\mathbf x`, all in units of the samples' spread. It lies between 0 and
    ``largest``, has all derivatives, and goes to zero with its slope where there are no samples.

    Parameters
    ----------
    shift, spread
        ``(D,)``: what the outputs are standardized with.
    centers, counts
        ``(M, D)`` standardized, and ``(M,)``: the kernels, and how many samples each stands for.
    width
        ``h``.
    half_trusted
        ``n_0``: the number of samples at which half of the network's energy counts.
    largest
        ``V_max``, eV.
    widths
        Of the hidden layers.
    """

    shift: Tensor
    spread: Tensor
    centers: Tensor
    counts: Tensor

    def __init__(
        self,
        shift: Tensor,
        spread: Tensor,
        centers: Tensor,
        counts: Tensor,
        width: float,
        half_trusted: float,
        largest: float,
        widths: Sequence[int] = WIDTHS,
    ) -> None:
        super().__init__()
        for name, values in {"shift": shift, "spread": spread, "centers": centers, "counts": counts}.items():
            self.register_buffer(name, values.double())
        self.width = float(width)
        self.half_trusted = float(half_trusted)
        self.largest = float(largest)
        layers: list[nn.Module] = []
        sizes = [len(shift), *widths, 1]
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), nn.Tanh()]
        self.network = nn.Sequential(*layers[:-1]).double()

    def confidence(self, values: Tensor) -> Tensor:
        """How far the samples support an energy, from 0 to 1, ``(...)`` of values ``(..., D)``."""
        standard = (values - self.shift) / self.spread
        squares = (standard.unsqueeze(-2) - self.centers).square().sum(dim=-1)
        near = (self.counts * torch.exp(-0.5 * squares / (self.width * self.width))).sum(dim=-1)
        return near / (near + self.half_trusted)

    def forward(self, values: Tensor) -> Tensor:
        """Energy ``(...)`` in eV of values ``(..., D)``, float64."""
        energy = self.largest * torch.sigmoid(self.network((values - self.shift) / self.spread).squeeze(-1))
        return self.confidence(values) * energy
