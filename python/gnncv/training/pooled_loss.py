"""What trains the weights of a pooling: the configuration's latent must tell what the configuration is.

Losses on sites alone say nothing of how sites are pooled. So the pooled latent of a labeled frame passes the
classifier, too, and that of an unlabeled one must rebuild the frame's mean invariants. Frames of a reference
phase with some sites of another put into them, the share drawn between 1 and 20 %, count as that other phase:
multiple-instance learning (Ilse et al., arXiv:1802.04712, 2018), so that the latent sees a nucleus.
"""

import torch
from torch import Tensor
from torch.nn import functional

from gnncv.data.graph import NO_PHASE, GraphBatch
from gnncv.models import Encoding, GraphAutoencoder
from gnncv.models.pooling import WITH_EDGES, edges_of
from gnncv.nn.layers import AssignmentPooling, MeanPooling, SumPooling, unpool

NUCLEUS_SHARES = (0.01, 0.2)


def pooled_loss(model: GraphAutoencoder, batch: GraphBatch, encoding: Encoding) -> Tensor:
    """The loss on pooled latents; zero where pooling has nothing to learn."""
    if isinstance(model.pooling, MeanPooling | SumPooling):
        return encoding.mean.new_zeros(())
    pooled = model.pool(encoding.mean, batch)
    loss = _unlabeled(model, batch, encoding, pooled) + _labeled(model, batch, encoding.mean, pooled)
    if isinstance(model.pooling, AssignmentPooling):
        loss = loss + _assignment(model, model.pooling, batch, encoding)
    return loss


def _unlabeled(model: GraphAutoencoder, batch: GraphBatch, encoding: Encoding, pooled: Tensor) -> Tensor:
    """The invariants of the frames, averaged, from the pooled latents."""
    target = MeanPooling()(encoding.invariants.detach(), batch.frame, batch.n_frames)
    unlabeled = batch.phase == NO_PHASE
    decoder = model.environment_decoder
    if decoder is None or (model.phase_head is not None and not bool(unlabeled.any())):
        return pooled.new_zeros(())
    return (decoder(pooled[unlabeled]) - target[unlabeled]).square().mean()


def _labeled(model: GraphAutoencoder, batch: GraphBatch, mean: Tensor, pooled: Tensor) -> Tensor:
    labeled = batch.phase != NO_PHASE
    if model.phase_head is None or not bool(labeled.any()):
        return pooled.new_zeros(())
    latents, phases = [pooled[labeled]], [batch.phase[labeled]]
    if not isinstance(model.pooling, WITH_EDGES):
        nuclei, frame, phase = mix_nuclei(batch, mean, model.training)
        if len(phase):
            latents.append(model.pooling(nuclei, frame, len(phase)))
            phases.append(phase)
    return functional.cross_entropy(model.phase_head(torch.cat(latents)), torch.cat(phases))


def mix_nuclei(batch: GraphBatch, mean: Tensor, draw: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Sites of reference frames, some of which are replaced by sites of another phase.

    Parameters
    ----------
    batch
        Labeled frames; those of phase 0 are hosts.
    mean
        Latents ``(N, L)``.
    draw
        Whether shares and sites are drawn anew; else they are the same at every call.

    Returns
    -------
    tuple of Tensor
        Latents ``(M, L)``, the host ``(M,)`` each belongs to, and the phase ``(H,)`` put into each host;
        empty without frames of both kinds.
    """
    generator = None if draw else torch.Generator().manual_seed(0)
    hosts = torch.nonzero(batch.phase == 0).flatten().tolist()
    others = torch.nonzero(batch.phase > 0).flatten().tolist()
    mixed: list[Tensor] = []
    frames: list[Tensor] = []
    phases: list[int] = []
    for host in hosts if others else []:
        guest = others[int(torch.randint(len(others), (), generator=generator))]
        own, given = mean[batch.frame == host], mean[batch.frame == guest]
        low, high = NUCLEUS_SHARES
        share = low + (high - low) * float(torch.rand((), generator=generator))
        count = max(1, round(share * len(own)))
        chosen = torch.randint(len(given), (count,), generator=generator).to(mean.device)
        mixed += [own[count:], given.index_select(0, chosen)]
        frames.append(torch.full((max(len(own), count),), len(phases), device=mean.device))
        phases.append(int(batch.phase[guest]))
    if not phases:
        return mean[:0], batch.frame[:0], batch.phase[:0]
    return torch.cat(mixed), torch.cat(frames), torch.tensor(phases, device=mean.device)


def _assignment(
    model: GraphAutoencoder, pooling: AssignmentPooling, batch: GraphBatch, encoding: Encoding
) -> Tensor:
    """Link and entropy losses of the assignment, and what is rebuilt of the sites after reverse pooling."""
    assert model.environment_decoder is not None  # the configuration sees to it
    edges = edges_of(batch, model.encoder.environment.switching)
    loss = encoding.mean.new_zeros(())
    for k, graph in enumerate(pooling.graphs(encoding.mean, batch.frame, batch.n_frames, edges)):
        rebuilt = model.environment_decoder(unpool(graph)[0])
        target = encoding.invariants[batch.frame == k].detach()
        loss = loss + graph.link_loss + graph.entropy_loss + (rebuilt - target).square().mean()
    return loss / batch.n_frames
