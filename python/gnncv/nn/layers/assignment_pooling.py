"""Pooling by an assignment of sites to clusters, and back. For analysis."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument

from .edges import Edges
from .properties import facts_of

LOGARITHM_FLOOR = 1e-15


@dataclass
class CoarseGraph:
    """What an assignment makes of a graph of n sites.

    Attributes
    ----------
    features
        ``X' = S^T Z``, ``(K, C)``.
    adjacency
        ``A' = S^T A S``, ``(K, K)``.
    assignment
        ``S``, ``(n, K)``, rows that sum to one.
    link_loss, entropy_loss
        ``|A - S S^T| / n^2`` (Frobenius norm) and ``(1/n) sum_i H(S_i)``.
    """

    features: Tensor
    adjacency: Tensor
    assignment: Tensor
    link_loss: Tensor
    entropy_loss: Tensor


def dense_pool(nodes: Tensor, adjacency: Tensor, logits: Tensor) -> CoarseGraph:
    """Differentiable pooling of one graph (Ying et al., arXiv:1806.08804, 2018, eq. 3, 4 and section 3.3).

    Parameters
    ----------
    nodes
        ``Z``, ``(n, C)``.
    adjacency
        ``A``, ``(n, n)``.
    logits
        ``(n, K)``; ``S`` is their softmax.
    """
    assignment = torch.softmax(logits, dim=1)
    link = torch.linalg.norm(adjacency - assignment @ assignment.T) / max(adjacency.numel(), 1)
    entropy = -(assignment * torch.log(assignment + LOGARITHM_FLOOR)).sum(dim=1).mean()
    return CoarseGraph(assignment.T @ nodes, assignment.T @ adjacency @ assignment, assignment, link, entropy)


class AssignmentPooling(nn.Module):
    """Differentiable pooling: sites are assigned to ``K`` clusters, these pass messages and are averaged.

    ``S = softmax(GNN(Z, A))``, ``X' = S^T Z``, ``A' = S^T A S`` (Ying et al., arXiv:1806.08804, 2018), then
    ``(1/K) sum_k [X'_k W + a(sum_l A'_kl X'_l U / (1 + sum_l A'_kl))]``. ``X'`` grows with the number of
    sites; it is divided by the mean number of sites of the first frames seen in training, to which a model is
    bound.

    Parameters
    ----------
    width
        Channels of the nodes.
    n_clusters
        ``K``.
    activation
        Non-linearity of the messages between clusters.
    """

    facts = facts_of("AssignmentPooling")
    n_sites: Tensor

    def __init__(self, width: int, n_clusters: int, activation: nn.Module) -> None:
        super().__init__()
        self.own = nn.Linear(width, n_clusters)
        self.taken = nn.Linear(width, n_clusters, bias=False)
        self.kept = nn.Linear(width, width)
        self.sent = nn.Sequential(nn.Linear(width, width), activation)
        self.register_buffer("n_sites", torch.zeros((), dtype=torch.float64))

    def coarsen(self, nodes: Tensor, edges: Edges, sites: Tensor) -> CoarseGraph:
        """The coarse graph of the sites ``(n,)`` of one frame; ``nodes`` are those of the batch."""
        adjacency, own = edges.adjacency(sites), nodes.index_select(0, sites)
        return dense_pool(own, adjacency, self.own(own) + adjacency @ self.taken(own))

    def graphs(self, nodes: Tensor, frame: Tensor, n_frames: int, edges: Edges) -> list[CoarseGraph]:
        """The coarse graph of every frame of a batch."""
        return [self.coarsen(nodes, edges, torch.nonzero(frame == k).squeeze(1)) for k in range(n_frames)]

    def read(self, graph: CoarseGraph) -> Tensor:
        """The latent ``(C,)`` of a configuration from its coarse graph."""
        features = graph.features / self.n_sites.clamp(min=1.0).to(graph.features.dtype)
        taken = graph.adjacency @ features / (graph.adjacency.sum(dim=1, keepdim=True) + 1.0)
        return (self.kept(features) + self.sent(taken)).mean(dim=0)

    def forward(self, nodes: Tensor, frame: Tensor, n_frames: int, edges: Edges | None = None) -> Tensor:
        """``(B, C)`` from ``(N, C)``, the frame ``(N,)`` of each site and the edges."""
        if edges is None:
            raise InvalidArgument("assignment pooling needs the edges between the sites")
        if self.training and float(self.n_sites) == 0.0:
            self.n_sites.fill_(len(nodes) / n_frames)
        return torch.stack([self.read(graph) for graph in self.graphs(nodes, frame, n_frames, edges)])


def unpool(graph: CoarseGraph) -> tuple[Tensor, Tensor]:
    """Reverse pooling by the assignment itself: ``S X'`` over the size of each cluster, and ``S A' S^T``."""
    size = graph.assignment.sum(dim=0)[:, None]
    assignment = graph.assignment
    return assignment @ (graph.features / size), assignment @ graph.adjacency @ assignment.T


class ReversePooling(nn.Module):
    """``X = S_inv^T X'`` and ``A = S_inv^T A' S_inv`` with a matrix of its own, ``S_inv`` ``(K, n)``.

    It is trained, and bound to one number ``n`` of sites in one order; :func:`unpool` is not.

    Parameters
    ----------
    n_clusters, n_sites
        ``K`` and ``n``.
    """

    facts = facts_of("ReversePooling")

    def __init__(self, n_clusters: int, n_sites: int) -> None:
        super().__init__()
        self.assignment = nn.Parameter(torch.randn(n_clusters, n_sites) / n_clusters**0.5)

    def forward(self, features: Tensor, adjacency: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(n, C)`` and adjacency ``(n, n)`` from those of clusters, ``(K, C)`` and ``(K, K)``."""
        if features.shape[0] != self.assignment.shape[0]:
            raise InvalidArgument(
                f"reverse pooling of {self.assignment.shape[0]} clusters was given {features.shape[0]}"
            )
        return self.assignment.T @ features, self.assignment.T @ adjacency @ self.assignment
