"""The operators on sites that a model calls: fused where they can run, references elsewhere.

See :mod:`gnncv.nn.operators`.
"""

import torch
from torch import Tensor
from torch._jit_internal import is_scripting

from . import reference
from .activation import SMOOTH_ACTIVATIONS
from .operators import _dispatch, fused


def site_network(
    inputs: list[Tensor],
    weights: list[Tensor],
    biases: list[Tensor],
    columns: list[int],
    activation: int,
    activate_input: bool,
    residual: bool,
) -> list[Tensor]:
    """Multilayer perceptron on sites; see :func:`gnncv.nn.reference.site_network`."""
    if is_scripting():
        return torch.ops.gnncv.site_network(
            inputs, weights, biases, columns, activation, activate_input, residual
        )
    return _site_network(inputs, weights, biases, columns, activation, activate_input, residual)


def reconstruction_error(
    latents: Tensor, target: Tensor, weights: list[Tensor], biases: list[Tensor], activation: int
) -> Tensor:
    """A network's mean square error; see :func:`gnncv.nn.reference.reconstruction_error`."""
    if is_scripting():
        return torch.ops.gnncv.reconstruction_error(latents, target, weights, biases, activation)
    return _reconstruction_error(latents, target, weights, biases, activation)


def latent_density(
    latents: Tensor, log_weights: Tensor, means: Tensor, whitenings: Tensor, floor: Tensor
) -> Tensor:
    """Negative log-density of latents; see :func:`gnncv.nn.reference.latent_density`."""
    if is_scripting():
        return torch.ops.gnncv.latent_density(latents, log_weights, means, whitenings, floor)
    return _latent_density(latents, log_weights, means, whitenings, floor)


def site_columns(
    latents: Tensor,
    logits: Tensor,
    errors: Tensor,
    surprises: Tensor,
    error_scale: Tensor,
    surprise_scale: Tensor,
    novelty_scale: Tensor,
) -> Tensor:
    """What is known of each site; see :func:`gnncv.nn.reference.site_columns`."""
    if is_scripting():
        return torch.ops.gnncv.site_columns(
            latents, logits, errors, surprises, error_scale, surprise_scale, novelty_scale
        )
    return _site_columns(latents, logits, errors, surprises, error_scale, surprise_scale, novelty_scale)


def site_sums(columns: Tensor) -> Tensor:
    """What is pooled over sites; see :func:`gnncv.nn.reference.site_sums`."""
    if is_scripting():
        return torch.ops.gnncv.site_sums(columns)
    return _site_sums(columns)


_latent_density = _dispatch("latent_density")
_site_columns = _dispatch("site_columns")
_site_sums = _dispatch("site_sums")


@torch.jit.ignore  # type: ignore[untyped-decorator]
def _site_network(
    inputs: list[Tensor],
    weights: list[Tensor],
    biases: list[Tensor],
    columns: list[int],
    activation: int,
    activate_input: bool,
    residual: bool,
) -> list[Tensor]:
    arguments = (inputs, weights, biases, columns, activation, activate_input, residual)
    if activation < len(SMOOTH_ACTIVATIONS) and fused(inputs[0]):
        return torch.ops.gnncv.site_network(*arguments)
    return reference.site_network(*arguments)


@torch.jit.ignore  # type: ignore[untyped-decorator]
def _reconstruction_error(
    latents: Tensor, target: Tensor, weights: list[Tensor], biases: list[Tensor], activation: int
) -> Tensor:
    if activation < len(SMOOTH_ACTIVATIONS) and fused(latents):
        return torch.ops.gnncv.reconstruction_error(latents, target, weights, biases, activation)
    return reference.reconstruction_error(latents, target, weights, biases, activation)
