"""Distance and direction of pair vectors."""

from torch import Tensor


def pair_geometry(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Distances ``(P,)`` and unit vectors ``(P, 3)`` of pair vectors ``(P, 3)``, none of them zero."""
    distances = pair_distances(vectors)
    return distances, vectors / distances[:, None]


def pair_distances(vectors: Tensor) -> Tensor:
    """Distances ``(P,)`` of pair vectors ``(P, 3)``, none of them zero."""
    return vectors.square().sum(dim=1).sqrt()
