"""What is measured on the data rather than trained: feature scales, phase centroids, the novelty scale."""

import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from gnncv.data import GraphBatch, GraphDataset, collate
from gnncv.data.graph import NO_PHASE
from gnncv.models import GraphAutoencoder
from gnncv.models.collective_variables import NOVELTY_POWER, outputs_of
from gnncv.models.frame_values import frame_latents, frame_values
from gnncv.nn.latent_density import N_COMPONENTS, LatentDensity
from gnncv.nn.layers import MessageLayer

NOVELTY_QUANTILE = 0.99
SCALE_FLOOR = 1e-2
MIXTURE_SITES = 20_000
INITIAL_BATCHES = 2


def _batches(dataset: GraphDataset, dtype: torch.dtype, batch_size: int = 8) -> Iterator[GraphBatch]:
    for start in range(0, len(dataset), batch_size):
        stop = min(start + batch_size, len(dataset))
        yield collate([dataset[k] for k in range(start, stop)]).to("cpu", dtype)


@torch.no_grad()
def standardize_features(model: GraphAutoencoder, dataset: GraphDataset) -> None:
    """Set the mean and spread by which the encoder standardizes the invariants."""
    encoder = model.encoder
    count, total, squares = 0, torch.zeros_like(encoder.feature_mean), torch.zeros_like(encoder.feature_mean)
    encoder.feature_mean.zero_()
    encoder.feature_scale.fill_(1.0)
    for batch in _batches(dataset, next(model.parameters()).dtype):
        raw = model.encode(batch).invariants.double()
        count += raw.shape[0]
        total += raw.sum(dim=0)
        squares += raw.square().sum(dim=0)
    mean = total / count
    spread = (squares / count - mean.square()).clamp(min=0.0).sqrt()
    encoder.feature_mean.copy_(mean)
    encoder.feature_scale.copy_(spread + SCALE_FLOOR)


@torch.no_grad()
def standardize_messages(model: GraphAutoencoder, dataset: GraphDataset) -> None:
    """Scale the initial weights so that what enters each layer's update varies by about one between sites.

    Sums and averages over dozens of neighbors differ little from site to site; without invariants they are
    all that tells sites apart, and training would first have to find that (data-dependent initialization:
    Kraehenbuehl et al., ICLR 2016, arXiv:1511.06856).
    """
    dtype = next(model.parameters()).dtype
    batches = list(itertools.islice(_batches(dataset, dtype), INITIAL_BATCHES))
    for layer in model.encoder.layers:
        if isinstance(layer, MessageLayer):
            continue  # no layer of it sees the messages alone
        first = layer.get_submodule("update.0")
        assert isinstance(first, torch.nn.Linear)
        seen: list[Tensor] = []
        hook = first.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0].double()))
        for batch in batches:
            model.encode(batch)
        hook.remove()
        inputs = torch.cat(seen)
        mean, spread = inputs.mean(dim=0), inputs.std(dim=0)
        varies = spread > SCALE_FLOOR * inputs.square().mean(dim=0).sqrt()
        weight = torch.where(varies, first.weight / spread, first.weight)
        first.bias.copy_(first.bias - weight @ torch.where(varies, mean, 0.0))
        first.weight.copy_(weight)


@torch.no_grad()
def calibrate(model: GraphAutoencoder, plain: GraphDataset, augmented: GraphDataset, seed: int = 0) -> None:
    """Set the phase centroids (from frames as they are) and what novelty needs (from frames as trained on).

    Novelty joins two signs that a site is unlike the training data, its reconstruction error and the
    negative log-density of its latent, each in units of its 99 % quantile over the training sites.
    """
    dtype = next(model.parameters()).dtype
    latents, labels = dataset_latents(model, plain)
    for k in range(len(model.phases)):
        model.centroids[k] = torch.from_numpy(latents[labels == k].mean(axis=0))
    decoder = model.environment_decoder
    if decoder is None:
        return
    errors, site_latents = [], []
    for batch in _batches(augmented, dtype):
        encoding = model.encode(batch)
        residual = decoder(encoding.mean) - encoding.invariants
        errors.append(residual.square().mean(dim=1).double())
        site_latents.append(encoding.mean.double())
    _calibrate_novelty(model, torch.cat(errors), torch.cat(site_latents), seed)


@torch.no_grad()
def dataset_latents(model: GraphAutoencoder, dataset: GraphDataset) -> tuple[np.ndarray, np.ndarray]:
    """Latents ``(B, L)`` of the frames of a data set, in float64, and their phases ``(B,)``."""
    latents, phases = [], []
    for batch in _batches(dataset, next(model.parameters()).dtype):
        latents.append(frame_latents(model, model.encode(batch).mean, batch))
        phases.append(batch.phase)
    return torch.cat(latents).double().numpy(), torch.cat(phases).numpy()


@torch.no_grad()
def site_latents(model: GraphAutoencoder, dataset: GraphDataset) -> tuple[Tensor, Tensor]:
    """Mean latents ``(N, L)`` of all sites of a data set, and the number ``(N,)`` of each one's frame."""
    latents, frames, first = [], [], 0
    for batch in _batches(dataset, next(model.parameters()).dtype):
        latents.append(model.encode(batch).mean)
        frames.append(batch.frame + first)
        first += batch.n_frames
    return torch.cat(latents), torch.cat(frames)


def _calibrate_novelty(model: GraphAutoencoder, errors: Tensor, latents: Tensor, seed: int) -> None:
    _fit_density(model.density, latents, seed)
    surprise = model.density(latents).squeeze(1)
    model.density.floor.copy_(surprise.min())
    surprise = surprise - surprise.min()
    model.error_scale.copy_(_scale(errors))
    model.surprise_scale.copy_(_scale(surprise))
    power = NOVELTY_POWER
    joint = (errors / model.error_scale).pow(power) + (surprise / model.surprise_scale).pow(power)
    model.novelty_scale.copy_(_scale(joint.pow(1.0 / power)))


def _scale(values: Tensor) -> Tensor:
    quantile = float(np.quantile(values.numpy(), NOVELTY_QUANTILE))
    return torch.tensor(max(quantile, np.finfo(float).tiny), dtype=torch.float64)


def _fit_density(density: LatentDensity, latents: Tensor, seed: int) -> None:
    """Expectation maximization (scikit-learn) on at most ``MIXTURE_SITES`` sites drawn at random."""
    from sklearn.mixture import GaussianMixture

    drawn = np.random.default_rng(seed).permutation(len(latents))[:MIXTURE_SITES]
    n_components = min(N_COMPONENTS, max(1, len(drawn) // (10 * latents.shape[1])))
    mixture = GaussianMixture(n_components, reg_covar=1e-4, max_iter=300, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*did not converge.*")
        mixture.fit(latents.numpy()[drawn])
    density.set_mixture(
        *(torch.from_numpy(a) for a in (mixture.weights_, mixture.means_, mixture.precisions_cholesky_))
    )


@torch.no_grad()
def frame_outputs(model: GraphAutoencoder, dataset: GraphDataset) -> tuple[np.ndarray, np.ndarray]:
    """Outputs ``(B, K)`` and phase ``(B,)`` of every frame of a data set."""
    dtype = next(model.parameters()).dtype
    values, phases = [], []
    for k in range(len(dataset)):
        batch = collate([dataset[k]]).to("cpu", dtype)
        values.append(frame_values(model, batch)[0].numpy())
        phases.append(int(batch.phase[0]))
    return np.array(values), np.array(phases)


def output_statistics(model: GraphAutoencoder, dataset: GraphDataset) -> dict[str, dict[str, list[float]]]:
    """Mean and standard deviation over the frames of each phase, for every output."""
    values, phases = frame_outputs(model, dataset)
    statistics: dict[str, dict[str, list[float]]] = {}
    for column, name in enumerate(outputs_of(model)):
        statistics[name] = {}
        for phase in np.unique(phases):
            label = "unlabeled" if phase == NO_PHASE else model.phases[phase]
            chosen = values[phases == phase, column]
            statistics[name][label] = [float(chosen.mean()), float(chosen.std())]
    return statistics
