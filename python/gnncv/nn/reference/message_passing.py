"""Filtered message passing."""

from torch import Tensor

from .segment_sum import segment_sum


def message_passing(filters: Tensor, features: Tensor, neighbor: Tensor, row_ptr: Tensor) -> Tensor:
    """Sum the neighbors' features, each multiplied by the filter of its pair.

    ``out[i, c] = sum_p filters[p, c] features[neighbor[p], c]`` over the pairs ``p`` of center ``i``
    (the continuous-filter convolution of Schuett et al., J. Chem. Phys. 148, 241722, 2018, eq. 5).

    Parameters
    ----------
    filters
        ``(P, C)``, or ``(P, 1)`` for one filter on all channels.
    features
        ``(N, C)``.
    neighbor
        int64 ``(P,)``.
    row_ptr
        int64 ``(N+1,)``.

    Returns
    -------
    Tensor
        ``(N, C)``.
    """
    return segment_sum(filters * features[neighbor], row_ptr)
