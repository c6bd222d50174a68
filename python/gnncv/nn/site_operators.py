"""The operators on sites that a model calls: fused where they can run, references elsewhere.

See :mod:`gnncv.nn.operators`.
"""

import torch
from torch import Tensor
from torch._jit_internal import is_scripting

from . import reference
from .activation import SMOOTH_ACTIVATIONS
from .operators import _dispatch, fused


def site_layers(
    inputs: list[Tensor],
    added: Tensor | None,
    parameters: Tensor,
    widths: list[int],
    activation: int,
    activated: list[int],
    joint: int,
    columns: list[int],
    give_joint: bool,
) -> list[Tensor]:
    """Multilayer perceptrons on sites; see :func:`gnncv.nn.reference.site_layers`."""
    if is_scripting():
        return torch.ops.gnncv.site_layers(
            inputs, added, parameters, widths, activation, activated, joint, columns, give_joint
        )
    return _site_layers(inputs, added, parameters, widths, activation, activated, joint, columns, give_joint)


def latent_density(
    latents: Tensor, log_weights: Tensor, means: Tensor, whitenings: Tensor, floor: Tensor
) -> Tensor:
    """Negative log-density of latents; see :func:`gnncv.nn.reference.latent_density`."""
    if is_scripting():
        return torch.ops.gnncv.latent_density(latents, log_weights, means, whitenings, floor)
    return _latent_density(latents, log_weights, means, whitenings, floor)


def species_rows(rows: Tensor, types: Tensor, columns: list[int]) -> list[Tensor]:
    """What is known of each species; see :func:`gnncv.nn.reference.species_rows`."""
    if is_scripting():
        return torch.ops.gnncv.species_rows(rows, types, columns)
    return _species_rows(rows, types, columns)


def standardized(values: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """The first columns, standardized; see :func:`gnncv.nn.reference.standardized`."""
    if is_scripting():
        return torch.ops.gnncv.standardized(values, mean, scale)
    return _standardized(values, mean, scale)


def site_outcomes(
    latents: Tensor,
    target: Tensor,
    decoder: Tensor,
    decoder_widths: list[int],
    classifier: Tensor,
    classifier_widths: list[int],
    activation: int,
    mixture: list[Tensor],
    scales: Tensor,
) -> Tensor:
    """What is known of each site; see :func:`gnncv.nn.reference.site_outcomes`."""
    if is_scripting():
        return torch.ops.gnncv.site_outcomes(
            latents,
            target,
            decoder,
            decoder_widths,
            classifier,
            classifier_widths,
            activation,
            mixture,
            scales,
        )
    return _site_outcomes(
        latents, target, decoder, decoder_widths, classifier, classifier_widths, activation, mixture, scales
    )


def site_sums(columns: Tensor) -> Tensor:
    """What is pooled over sites; see :func:`gnncv.nn.reference.site_sums`."""
    if is_scripting():
        return torch.ops.gnncv.site_sums(columns)
    return _site_sums(columns)


def pooled_outputs(
    sums: Tensor, centroids: Tensor, n_latent: int, sum_pooling: bool, softness: float, power: float
) -> Tensor:
    """The collective variables; see :func:`gnncv.nn.reference.pooled_outputs`."""
    if is_scripting():
        return torch.ops.gnncv.pooled_outputs(sums, centroids, n_latent, sum_pooling, softness, power)
    return _pooled_outputs(sums, centroids, n_latent, sum_pooling, softness, power)


_latent_density = _dispatch("latent_density")
_species_rows = _dispatch("species_rows")
_standardized = _dispatch("standardized")
_site_sums = _dispatch("site_sums")
_pooled_outputs = _dispatch("pooled_outputs")


@torch.jit.ignore  # type: ignore[untyped-decorator]
def _site_layers(
    inputs: list[Tensor],
    added: Tensor | None,
    parameters: Tensor,
    widths: list[int],
    activation: int,
    activated: list[int],
    joint: int,
    columns: list[int],
    give_joint: bool,
) -> list[Tensor]:
    arguments = (inputs, added, parameters, widths, activation, activated, joint, columns, give_joint)
    if activation < len(SMOOTH_ACTIVATIONS) and fused(inputs[0]):
        return torch.ops.gnncv.site_layers(*arguments)
    return reference.site_layers(*arguments)


@torch.jit.ignore  # type: ignore[untyped-decorator]
def _site_outcomes(
    latents: Tensor,
    target: Tensor,
    decoder: Tensor,
    decoder_widths: list[int],
    classifier: Tensor,
    classifier_widths: list[int],
    activation: int,
    mixture: list[Tensor],
    scales: Tensor,
) -> Tensor:
    networks = (decoder, decoder_widths, classifier, classifier_widths, activation)
    if activation < len(SMOOTH_ACTIVATIONS) and fused(latents):
        return torch.ops.gnncv.site_outcomes(latents, target, *networks, mixture, scales)
    return reference.site_outcomes(latents, target, *networks, mixture, scales)
