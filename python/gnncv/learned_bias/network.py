"""The network from outputs of a CV to a bias energy: smooth, bounded, flat where there are no samples."""

import math

import torch
from torch import Tensor, nn

WIDTH = 16


class LearnedBias(nn.Module):
    r"""A bias energy (eV) of ``D`` outputs of a collective variable.

    .. math:: V(\mathbf x) = V_\mathrm{max}\, \sigma(N(\mathbf z)), \qquad
              \mathbf z = c\,\mathbf x + (1 - c)\,\hat{\mathbf x}, \qquad
              c = \frac{n}{n + n_0}, \qquad \hat{\mathbf x} = \sum_k \frac{n_k(\mathbf x)}{n}\,\mathbf x_k,
              \qquad n = \sum_k n_k(\mathbf x) = \sum_k n_k\, e^{-|\mathbf x - \mathbf x_k|^2 / 2 h^2}

    with a network :math:`N` of hyperbolic tangents, the logistic function :math:`\sigma` and the number
    :math:`n` of samples near :math:`\mathbf x`, all in units of the samples' spread. It lies between 0 and
    ``largest`` and has all derivatives. Where there are no samples it keeps the value of the nearest ones:
    a bias that fell off there would drive the system out of what is known.

    Parameters
    ----------
    shift, spread
        ``(D,)``: what the outputs are standardized with.
    centers, counts
        ``(M, D)`` standardized, and ``(M,)``: the kernels, and how many samples each stands for.
    width
        ``h``.
    half_trusted
        ``n_0``: the number of samples near a point at which it counts as much as the nearest samples do.
    largest
        ``V_max``, eV.
    n_hidden
        Width of the two hidden layers.
    """

    shift: Tensor
    spread: Tensor
    centers: Tensor
    counts: Tensor
    slopes: Tensor
    offsets: Tensor

    def __init__(
        self,
        shift: Tensor,
        spread: Tensor,
        centers: Tensor,
        counts: Tensor,
        width: float,
        half_trusted: float,
        largest: float,
        n_hidden: int = WIDTH,
    ) -> None:
        super().__init__()
        for name, values in {"shift": shift, "spread": spread, "centers": centers, "counts": counts}.items():
            self.register_buffer(name, values.double())
        # Exponents as a linear function of x, but for |x|^2 / 2 h^2: few operations, for every step of a run.
        self.register_buffer("slopes", self.centers / (width * width))
        squares = self.centers.square().sum(dim=1)
        self.register_buffer("offsets", torch.log(self.counts) - squares / (2.0 * width * width))
        self.width = float(width)
        self.half_trusted = float(half_trusted)
        self.largest = float(largest)
        self.first = nn.Linear(len(shift), n_hidden, dtype=torch.float64)
        self.second = nn.Linear(n_hidden, n_hidden, dtype=torch.float64)
        self.last = nn.Linear(n_hidden, 1, dtype=torch.float64)

    def confidence(self, values: Tensor) -> Tensor:
        """How far the samples support an energy, from 0 to 1, ``(...)`` of values ``(..., D)``."""
        return self._placed((values - self.shift) / self.spread)[0]

    def _placed(self, standard: Tensor) -> tuple[Tensor, Tensor]:
        """Confidence ``c``, and the nearest samples' mean, of standardized values."""
        exponents = nn.functional.linear(standard, self.slopes, self.offsets)
        beside = standard.square().sum(dim=-1) * (0.5 / (self.width * self.width))
        log_near = torch.logsumexp(exponents, dim=-1) - beside
        nearest = torch.softmax(exponents, dim=-1) @ self.centers
        return torch.sigmoid(log_near - math.log(self.half_trusted)), nearest

    def forward(self, values: Tensor) -> Tensor:
        """Energy ``(...)`` in eV of values ``(..., D)``, float64."""
        standard = (values - self.shift) / self.spread
        confidence, nearest = self._placed(standard)
        known = nearest + confidence.unsqueeze(-1) * (standard - nearest)
        hidden = torch.tanh(self.second(torch.tanh(self.first(known))))
        return self.largest * torch.sigmoid(self.last(hidden).squeeze(-1))

    @torch.jit.export
    def energy_and_slope(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Energy ``()`` and its derivative ``(D,)`` at ``(D,)`` values, in closed form.

        A few dozen small operations, recorded for differentiation and run backward, would take several
        times as long, in every step of a run.
        """
        standard = (values - self.shift) / self.spread
        exponents = torch.addmv(self.offsets, self.slopes, standard)
        scale = 1.0 / (self.width * self.width)
        log_near = torch.logsumexp(exponents, 0) - standard.dot(standard) * (0.5 * scale)
        confidence = torch.sigmoid(log_near - math.log(self.half_trusted))
        share = torch.softmax(exponents, 0)
        nearest = share @ self.centers
        away = standard - nearest
        known = nearest + confidence * away

        one = torch.tanh(torch.addmv(self.first.bias, self.first.weight, known))
        two = torch.tanh(torch.addmv(self.second.bias, self.second.weight, one))
        part = torch.sigmoid(self.last.weight[0].dot(two) + self.last.bias[0])
        back = (self.last.weight[0] * (1.0 - two * two)) @ self.second.weight
        of_known = (back * (1.0 - one * one)) @ self.first.weight

        # d nearest / dx is the covariance of the centers under their shares, over h^2
        spread_out = (share * (self.centers @ of_known)) @ self.centers - nearest * nearest.dot(of_known)
        of_place = confidence * of_known + (1.0 - confidence) * scale * spread_out
        of_place = of_place - confidence * (1.0 - confidence) * scale * away.dot(of_known) * away
        energy = self.largest * part
        return energy, energy * (1.0 - part) * of_place / self.spread
