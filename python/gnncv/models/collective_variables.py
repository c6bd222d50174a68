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


def output_names(
    latent: int, phases: list[str], pooling: str = "mean", decoder: bool = True
) -> dict[str, str]:
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
    if decoder:
        names["novelty"] = "intensive"
    return names


def site_names(latent: int, phases: list[str], pooling: str = "mean", decoder: bool = True) -> list[str]:
    """Names of the per-site columns; ``weight`` is that of attention pooling."""
    suffixes = ["" if len(phases) == 2 else f"-{phase}" for phase in phases[1:]]
    return [
        *(f"latent-{k + 1}" for k in range(latent)),
        *(f"crystallinity{suffix}" for suffix in suffixes),
        *(["novelty"] if decoder else []),
        *(["weight"] if pooling == "attention" else []),
    ]


def outputs_of(model: GraphAutoencoder) -> dict[str, str]:
    """:func:`output_names` of a model."""
    return output_names(model.config.latent, model.phases, model.config.pooling, model.config.decoder)


def columns_of(model: GraphAutoencoder) -> list[str]:
    """:func:`site_names` of a model."""
    return site_names(model.config.latent, model.phases, model.config.pooling, model.config.decoder)


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
        decoder, classifier = model.environment_decoder, model.phase_head
        self.decoder = None if decoder is None else SiteNetwork(decoder)
        self.phases = SiteNetwork(classifier) if decoder is None and classifier is not None else None
        fused = SiteNetwork(classifier) if decoder is not None and classifier is not None else None
        empty = nn.Parameter(next(model.parameters()).new_empty(0), requires_grad=False)
        self.classifier = empty if fused is None else fused.numbers
        self.classifier_widths = [] if fused is None else fused.widths
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
        if self.decoder is None:
            columns = self.classified(mean)
        else:
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

    def classified(self, mean: Tensor) -> Tensor:
        """The columns of a classifier alone: ones in the place of novelty, which is not given out."""
        wide = mean.to(self.centroids.dtype)
        columns = [wide]
        if self.phases is not None:
            columns.append(torch.softmax(self.phases([mean])[0].to(wide.dtype), dim=1)[:, 1:])
        columns.append(torch.ones_like(wide[:, :1]))
        return torch.cat(columns, dim=1)

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
        outputs = site_operators.pooled_outputs(
            sums, self.centroids, self.n_latent, self.sum_pooling, self.softness, self.power
        )
        return outputs if self.decoder is not None else outputs[:-1]

    @torch.jit.export
    def site_values(self, site: Tensor) -> Tensor:
        """Per-site columns a user sees, ``(N, S)``, float64."""
        if self.decoder is not None:
            return site
        if self.score is None:
            return site[:, :-1]
        return torch.cat([site[:, :-2], site[:, -1:]], dim=1)

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
