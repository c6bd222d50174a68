"""Distance and direction of pair vectors."""

from torch import Tensor


def pair_geometry(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Distances ``(P,)`` and unit vectors ``(P, 3)`` of pair vectors ``(P, 3)``, none of them zero."""
    distances = vectors.square().sum(dim=1).sqrt()
    return distances, vectors / distances[:, None]
