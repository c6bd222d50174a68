"""What a collective variable knows of each site, and its outputs from what is pooled of that."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .latent_density import latent_density
from .site_columns import site_columns
from .site_layers import site_layers


def species_rows(rows: Tensor, types: Tensor, columns: Sequence[int]) -> list[Tensor]:
    """Rows ``(S, C)`` of the sites' species ``(N,)``, divided into ``(N, columns[k])``."""
    return [part.index_select(0, types) for part in rows.split(list(columns), dim=1)]


def standardized(values: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """``(x - mean) / scale`` of the first ``F`` columns of ``(N, C)``, computed in float64.

    ``mean`` and ``scale`` ``(F,)`` are float64; the result has the precision of the values.
    """
    return ((values[:, : len(mean)].double() - mean) / scale).to(values.dtype)


def site_outcomes(
    latents: Tensor,
    target: Tensor,
    decoder: Tensor,
    decoder_widths: Sequence[int],
    classifier: Tensor,
    classifier_widths: Sequence[int],
    activation: int,
    mixture: Sequence[Tensor],
    scales: Tensor,
) -> Tensor:
    """Columns of :func:`site_columns` from latents and from what the decoder should rebuild.

    Parameters
    ----------
    latents, target
        ``(N, L)`` and ``(N, F)``.
    decoder, decoder_widths, classifier, classifier_widths, activation
        Networks on the latents, with the activation between their layers, as in :func:`site_layers`; no
        widths for no classifier.
    mixture
        The last four arguments of :func:`latent_density`.
    scales
        The last three of :func:`site_columns`, float64.

    Returns
    -------
    Tensor
        ``(N, L + max(C - 1, 0) + 1)``, float64.
    """

    def network(parameters: Tensor, widths: Sequence[int]) -> Tensor:
        n_layers = len(widths) - 1
        activated = [int(layer > 0) for layer in range(n_layers)]
        arguments = (parameters, widths, activation, activated, n_layers, widths[-1:], False)
        return site_layers([latents], None, *arguments)[0]

    errors = (network(decoder, decoder_widths) - target).square().mean(dim=1, keepdim=True)
    logits = network(classifier, classifier_widths) if len(classifier_widths) else latents[:, :0]
    return site_columns(latents, logits, errors, latent_density(latents, *mixture), *scales)


def pooled_outputs(
    sums: Tensor, centroids: Tensor, n_latent: int, sum_pooling: bool, softness: float, power: float
) -> Tensor:
    """The collective variables from the sums ``(L + C + 2,)`` of :func:`site_sums`, float64.

    Parameters
    ----------
    sums
        Over sites, of the latents, the classes' probabilities but the first's and the ``power`` of the
        novelty; the number of sites.
    centroids
        ``(C + 1, L)`` of the classes' mean latents, the reference's first, or ``(0, L)``.
    n_latent
        ``L``.
    sum_pooling
        Whether the latents are given as sums, not means.
    softness
        Of the deviation, the root of a square plus the square of this.
    power
        Of which the novelty is a mean.

    Returns
    -------
    Tensor
        Latents; of each class mean and sum of the probabilities, progress and, with more than one latent,
        deviation; novelty.
    """
    n_sites = sums[-1]
    latent = sums[:n_latent] / n_sites
    outputs = [sums[:n_latent] if sum_pooling else latent]
    for number, centroid in enumerate(centroids[1:]):
        total = sums[n_latent + number : n_latent + number + 1]
        along = centroid - centroids[0]
        gap = along.dot(along)
        offset = latent - centroids[0]
        progress = offset.dot(along) / gap
        outputs += [total / n_sites, total, progress.unsqueeze(0)]
        if n_latent > 1:
            beside = (offset - progress * along).square().sum() / gap
            outputs.append((torch.sqrt(beside + softness * softness) - softness).unsqueeze(0))
    outputs.append((sums[-2:-1] / n_sites + 1e-30).pow(1.0 / power))
    return torch.cat(outputs)
