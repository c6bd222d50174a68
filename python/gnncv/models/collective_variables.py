"""The collective variables of a trained autoencoder, in the three parts an engine evaluates.

``site_part`` gives per-site quantities, ``sums`` what is pooled over sites, ``head`` the outputs from the
sums. The split lets an evaluation be divided between processes with one reduction between them.
"""

from typing import Final

import torch
from torch import Tensor, nn

from gnncv.nn import SiteNetwork, site_operators
from gnncv.nn.layers import AttentionPooling, bounded_weights

from .autoencoder import GraphAutoencoder
from .encoder import SiteEncoder
from .tabulated import TabulatedEncoder

NOVELTY_POWER = 4.0
DEVIATION_SOFTNESS = 0.05


def output_names(latent: int, phases: list[str], pooling: str = "mean") -> dict[str, str]:
    """Names of the outputs in order, each with ``intensive`` or ``extensive``.

    With two labeled phases the names are ``crystallinity``, ``ncrystal``, ``progress`` and ``deviation``;
    with more, each carries ``-PHASE`` of a phase other than the reference.
    """
    latent_kind = "extensive" if pooling == "sum" else "intensive"
    names = {f"latent-{k + 1}": latent_kind for k in range(latent)}
    for phase in phases[1:]:
        suffix = "" if len(phases) == 2 else f"-{phase}"
        names[f"crystallinity{suffix}"] = "intensive"
        names[f"ncrystal{suffix}"] = "extensive"
        names[f"progress{suffix}"] = "intensive"
        if latent > 1:
            names[f"deviation{suffix}"] = "intensive"
    names["novelty"] = "intensive"
    return names


def site_names(latent: int, phases: list[str], pooling: str = "mean") -> list[str]:
    """Names of the per-site columns; ``weight`` is that of attention pooling."""
    suffixes = ["" if len(phases) == 2 else f"-{phase}" for phase in phases[1:]]
    return [
        *(f"latent-{k + 1}" for k in range(latent)),
        *(f"crystallinity{suffix}" for suffix in suffixes),
        "novelty",
        *(["weight"] if pooling == "attention" else []),
    ]


class CollectiveVariables(nn.Module):
    """Scriptable evaluation of everything a trained :class:`GraphAutoencoder` has to say.

    Parameters
    ----------
    model
        Trained and calibrated (centroids, novelty scale).
    """

    centroids: Tensor
    scales: Tensor
    classifier_widths: list[int]
    n_latent: Final[int]
    sum_pooling: Final[bool]

    def __init__(self, model: GraphAutoencoder) -> None:
        super().__init__()
        self.n_latent = model.config.latent
        self.sum_pooling = model.config.pooling == "sum"
        pooling = model.pooling
        self.score = SiteNetwork(pooling.score) if isinstance(pooling, AttentionPooling) else None
        self.bound = pooling.bound if isinstance(pooling, AttentionPooling) else 0.0
        self.encoder: SiteEncoder | TabulatedEncoder = model.encoder
        self.decoder = SiteNetwork(model.environment_decoder)
        classifier = None if model.phase_head is None else SiteNetwork(model.phase_head)
        empty = nn.Parameter(self.decoder.numbers.new_empty(0), requires_grad=False)
        self.classifier = empty if classifier is None else classifier.numbers
        self.classifier_widths = [] if classifier is None else classifier.widths
        self.register_buffer("centroids", model.centroids.double())
        self.density = model.density
        scales = (model.error_scale, model.surprise_scale, model.novelty_scale)
        self.register_buffer("scales", torch.stack(scales).double())
        self.softness = DEVIATION_SOFTNESS
        self.power = NOVELTY_POWER

    @torch.jit.export
    def site_part(
        self,
        vectors: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor | None = None,
        descriptors: Tensor | None = None,
    ) -> Tensor:
        """Per-site latent means, phase probabilities without the reference's, novelty: ``(N, S)`` float64.

        Behind them, with attention pooling, the site's weight.
        """
        mean, invariants = self.encoder.means(vectors, center, neighbor, row_ptr, types, axes, descriptors)
        return self.outcomes(mean, invariants)

    def outcomes(self, mean: Tensor, invariants: Tensor) -> Tensor:
        """The columns of :meth:`site_part` from latent means and invariants."""
        density = self.density
        columns = site_operators.site_outcomes(
            mean,
            invariants,
            self.decoder.numbers,
            self.decoder.widths,
            self.classifier,
            self.classifier_widths,
            self.decoder.activation,
            [density.log_weights, density.means, density.whitenings, density.floor],
            self.scales,
        )
        if self.score is None:
            return columns
        weights = bounded_weights(self.score([mean])[0].to(columns.dtype), self.bound)
        return torch.cat([columns, weights], dim=1)

    @torch.jit.export
    def sums(self, site: Tensor) -> Tensor:
        """Sums over sites, float64: latents, probabilities, ``novelty^p``, and the number of sites.

        Before them, with attention pooling, the weighted latents and the weights.
        """
        if self.score is None:
            return site_operators.site_sums(site)
        weights = site[:, -1:]
        weighted = (weights * site[:, : self.n_latent]).sum(dim=0)
        return torch.cat([weighted, weights.sum(dim=0), site_operators.site_sums(site[:, :-1].contiguous())])

    @torch.jit.export
    def head(self, sums: Tensor) -> Tensor:
        """Outputs ``(K,)``, float64, from the sums."""
        if self.score is not None:
            latent = sums[: self.n_latent] / sums[self.n_latent]
            sums = torch.cat([latent * sums[-1], sums[2 * self.n_latent + 1 :]])
        return site_operators.pooled_outputs(
            sums, self.centroids, self.n_latent, self.sum_pooling, self.softness, self.power
        )

    @torch.jit.export
    def site_values(self, site: Tensor) -> Tensor:
        """Per-site columns a user sees, ``(N, S)``, float64."""
        return site

    def forward(
        self,
        vectors: Tensor,
        center: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor | None = None,
        descriptors: Tensor | None = None,
    ) -> Tensor:
        """Outputs ``(K,)`` of one frame, float64."""
        site = self.site_part(vectors, center, neighbor, row_ptr, types, axes, descriptors)
        return self.head(self.sums(site))
