"""The collective variables of a trained autoencoder, in the three parts an engine evaluates.

``site_part`` gives per-site quantities, ``sums`` what is pooled over sites, ``head`` the outputs from the
sums. The split lets an evaluation be divided between processes with one reduction between them.
"""

from typing import Final

import torch
from torch import Tensor, nn

from gnncv.nn import SiteNetwork, site_operators

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


def site_names(latent: int, phases: list[str]) -> list[str]:
    """Names of the per-site columns."""
    suffixes = ["" if len(phases) == 2 else f"-{phase}" for phase in phases[1:]]
    return [
        *(f"latent-{k + 1}" for k in range(latent)),
        *(f"crystallinity{suffix}" for suffix in suffixes),
        "novelty",
    ]


class CollectiveVariables(nn.Module):
    """Scriptable evaluation of everything a trained :class:`GraphAutoencoder` has to say.

    Parameters
    ----------
    model
        Trained and calibrated (centroids, novelty scale).
    """

    centroids: Tensor
    error_scale: Tensor
    surprise_scale: Tensor
    novelty_scale: Tensor
    n_latent: Final[int]
    n_phases: Final[int]
    sum_pooling: Final[bool]

    def __init__(self, model: GraphAutoencoder) -> None:
        super().__init__()
        self.n_latent = model.config.latent
        self.n_phases = len(model.phases)
        self.sum_pooling = model.config.pooling == "sum"
        self.encoder: SiteEncoder | TabulatedEncoder = model.encoder
        self.environment_decoder = SiteNetwork(model.environment_decoder)
        self.phase_head = None if model.phase_head is None else SiteNetwork(model.phase_head)
        self.register_buffer("centroids", model.centroids.double())
        self.density = model.density
        for scale in ("error_scale", "surprise_scale", "novelty_scale"):
            self.register_buffer(scale, getattr(model, scale).double())
        self.softness = DEVIATION_SOFTNESS
        self.power = NOVELTY_POWER

    @torch.jit.export
    def site_part(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        """Per-site latent means, phase probabilities without the reference's, novelty: ``(N, S)`` float64."""
        mean, invariants = self.encoder.means(vectors, center, neighbor, row_ptr, types)
        return self.outcomes(mean, invariants)

    def outcomes(self, mean: Tensor, invariants: Tensor) -> Tensor:
        """The columns of :meth:`site_part` from latent means and invariants."""
        error = self.environment_decoder.reconstruction_error(mean, invariants)
        logits = mean[:, :0] if self.phase_head is None else self.phase_head([mean])[0]
        return site_operators.site_columns(
            mean,
            logits,
            error,
            self.density(mean),
            self.error_scale,
            self.surprise_scale,
            self.novelty_scale,
        )

    @torch.jit.export
    def sums(self, site: Tensor) -> Tensor:
        """Sums over sites, float64: latents, probabilities, ``novelty^p``, and the number of sites."""
        return site_operators.site_sums(site)

    @torch.jit.export
    def head(self, sums: Tensor) -> Tensor:
        """Outputs ``(K,)``, float64, from the sums."""
        n_sites = sums[-1]
        latent = sums[: self.n_latent] / n_sites
        outputs = [sums[: self.n_latent] if self.sum_pooling else latent]
        for k in range(self.n_phases - 1):
            total = sums[self.n_latent + k : self.n_latent + k + 1]
            outputs.append(total / n_sites)
            outputs.append(total)
            along = self.centroids[k + 1] - self.centroids[0]
            gap = along.dot(along)
            offset = latent - self.centroids[0]
            progress = offset.dot(along) / gap
            outputs.append(progress.unsqueeze(0))
            if self.n_latent > 1:
                beside = (offset - progress * along).square().sum() / gap
                deviation = torch.sqrt(beside + self.softness * self.softness) - self.softness
                outputs.append(deviation.unsqueeze(0))
        mean_power = sums[-2:-1] / n_sites
        outputs.append((mean_power + 1e-30).pow(1.0 / self.power))
        return torch.cat(outputs)

    @torch.jit.export
    def site_values(self, site: Tensor) -> Tensor:
        """Per-site columns a user sees, ``(N, S)``, float64."""
        return site

    def forward(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        """Outputs ``(K,)`` of one frame, float64."""
        return self.head(self.sums(self.site_part(vectors, center, neighbor, row_ptr, types)))
