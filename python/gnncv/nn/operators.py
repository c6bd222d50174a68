"""The pair operators a model calls: fused ``torch.ops.gnncv`` where they can run, references elsewhere.

TorchScript records the fused operator. In eager Python the fused operator is used where it has a kernel,
unless :func:`use_references` asks for the readable references, which have derivatives of any order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch._jit_internal import is_scripting

from . import reference

# Where those operators whose tables can be trained take them.
_TABLE_ARGUMENT = {"table_messages": 4, "table_attention": 3}

# What has no kernel of its own on a GPU, but is made of others that have one.
_MADE_OF = {
    "environment_invariants": "environment_densities",
    "orientation_invariants": "orientation_densities",
}

_references_only: ContextVar[bool] = ContextVar("references_only", default=False)


@contextmanager
def use_references() -> Iterator[None]:
    """Evaluate with the PyTorch references inside this context."""
    token = _references_only.set(True)
    try:
        yield
    finally:
        _references_only.reset(token)


def fused(tensor: Tensor) -> bool:
    """Whether a call with this tensor first goes to a fused operator of the CPU, which has all gradients."""
    if _references_only.get() or tensor.device.type != "cpu":
        return False
    from gnncv._native import load_operators

    load_operators()
    return True


def _fused_on_gpu(name: str, arguments: tuple[Any, ...]) -> bool:
    """Whether the fused operator has kernels for a GPU that do what is asked."""
    if _references_only.get() or arguments[0].device.type != "cuda":
        return False
    from gnncv._native import load_operators

    load_operators()
    table = arguments[_TABLE_ARGUMENT[name]] if name in _TABLE_ARGUMENT else None
    if table is not None and table.requires_grad and torch.is_grad_enabled():
        return False  # the kernels there have no gradient of tables
    kernel = f"gnncv::{_MADE_OF.get(name, name)}"
    return bool(torch._C._dispatch_has_kernel_for_dispatch_key(kernel, "CUDA"))


def pair_geometry(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Distances and directions; see :func:`gnncv.nn.reference.pair_geometry`."""
    if is_scripting():
        return torch.ops.gnncv.pair_geometry(vectors)
    return _pair_geometry(vectors)


def pair_distances(vectors: Tensor) -> Tensor:
    """Distances alone; see :func:`gnncv.nn.reference.pair_distances`."""
    if is_scripting():
        return torch.ops.gnncv.pair_distances(vectors)
    return _pair_distances(vectors)


def bond_densities(vectors: Tensor, radial: Tensor, row_ptr: Tensor, l_max: int) -> Tensor:
    """Bond-orientational densities; see :func:`gnncv.nn.reference.bond_densities`."""
    if is_scripting():
        return torch.ops.gnncv.bond_densities(vectors, radial, row_ptr, l_max)
    return _bond_densities(vectors, radial, row_ptr, l_max)


def density_invariants(densities: Tensor, l_max: int) -> Tensor:
    """Rotation invariants; see :func:`gnncv.nn.reference.density_invariants`."""
    if is_scripting():
        return torch.ops.gnncv.density_invariants(densities, l_max)
    return _density_invariants(densities, l_max)


def message_passing(filters: Tensor, features: Tensor, neighbor: Tensor, row_ptr: Tensor) -> Tensor:
    """Filtered message passing; see :func:`gnncv.nn.reference.message_passing`."""
    if is_scripting():
        return torch.ops.gnncv.message_passing(filters, features, neighbor, row_ptr)
    return _message_passing(filters, features, neighbor, row_ptr)


def segment_sum(values: Tensor, row_ptr: Tensor) -> Tensor:
    """Sum over the pairs of each center; see :func:`gnncv.nn.reference.segment_sum`."""
    if is_scripting():
        return torch.ops.gnncv.segment_sum(values, row_ptr)
    return _segment_sum(values, row_ptr)


def attention_message_passing(
    logits: Tensor,
    switching: Tensor,
    filters: Tensor,
    features: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    lone: float,
) -> Tensor:
    """Smooth attention; see :func:`gnncv.nn.reference.attention_message_passing`."""
    if is_scripting():
        return torch.ops.gnncv.attention_message_passing(
            logits, switching, filters, features, neighbor, row_ptr, lone
        )
    return _attention_message_passing(logits, switching, filters, features, neighbor, row_ptr, lone)


def environment_densities(
    vectors: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    l_max: int,
) -> tuple[Tensor, Tensor]:
    """Densities and coordination from a table; see :func:`gnncv.nn.reference.environment_densities`."""
    if is_scripting():
        return torch.ops.gnncv.environment_densities(
            vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max
        )
    return _environment_densities(vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max)


def orientation_densities(
    vectors: Tensor,
    axes: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    headless: list[int],
    degree: int,
) -> tuple[Tensor, Tensor]:
    """Orientations of neighbors from a table; see :func:`gnncv.nn.reference.orientation_densities`."""
    if is_scripting():
        return torch.ops.gnncv.orientation_densities(
            vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless, degree
        )
    return _orientation_densities(
        vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless, degree
    )


def orientation_invariants(
    vectors: Tensor,
    axes: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    headless: list[int],
    degree: int,
    average: bool,
    mean: Tensor,
    scale: Tensor,
) -> Tensor:
    """Standardized orientations from pair vectors; see :func:`gnncv.nn.reference.orientation_invariants`."""
    arguments = (vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless, degree)
    if is_scripting():
        return torch.ops.gnncv.orientation_invariants(*arguments, average, mean, scale)
    return _orientation_invariants(*arguments, average, mean, scale)


def averaged_densities(
    distances: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    table: Tensor,
    cutoff: float,
    densities: Tensor,
    coordination: Tensor,
) -> Tensor:
    """Densities averaged over neighbors; see :func:`gnncv.nn.reference.averaged_densities`."""
    if is_scripting():
        return torch.ops.gnncv.averaged_densities(
            distances, neighbor, row_ptr, table, cutoff, densities, coordination
        )
    return _averaged_densities(distances, neighbor, row_ptr, table, cutoff, densities, coordination)


def environment_features(
    densities: Tensor,
    averaged: Tensor,
    coordination: Tensor,
    mean: Tensor,
    scale: Tensor,
    l_max: int,
    floor: float,
) -> Tensor:
    """Standardized features; see :func:`gnncv.nn.reference.environment_features`."""
    if is_scripting():
        return torch.ops.gnncv.environment_features(
            densities, averaged, coordination, mean, scale, l_max, floor
        )
    return _environment_features(densities, averaged, coordination, mean, scale, l_max, floor)


def environment_invariants(
    vectors: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    n_species: int,
    l_max: int,
    mean: Tensor,
    scale: Tensor,
    floor: float,
) -> Tensor:
    """Standardized invariants from pair vectors; see :func:`gnncv.nn.reference.environment_invariants`."""
    if is_scripting():
        return torch.ops.gnncv.environment_invariants(
            vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max, mean, scale, floor
        )
    return _environment_invariants(
        vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max, mean, scale, floor
    )


def table_attention(
    distances: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    table: Tensor,
    cutoff: float,
    receiver: Tensor,
    sender: Tensor,
    value: Tensor,
    lone: float,
    bound: float,
    half_begin: Tensor | None = None,
) -> Tensor:
    """Smooth attention from a table; see :func:`gnncv.nn.reference.table_attention`."""
    if is_scripting():
        return torch.ops.gnncv.table_attention(
            distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone, bound, half_begin
        )
    return _table_attention(
        distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone, bound, half_begin
    )


def table_messages(
    distances: Tensor,
    neighbor: Tensor,
    row_ptr: Tensor,
    types: Tensor,
    table: Tensor,
    cutoff: float,
    features: Tensor,
    half_begin: Tensor | None = None,
) -> Tensor:
    """Filtered message passing from tables; see :func:`gnncv.nn.reference.table_messages`."""
    if is_scripting():
        return torch.ops.gnncv.table_messages(
            distances, neighbor, row_ptr, types, table, cutoff, features, half_begin
        )
    return _table_messages(distances, neighbor, row_ptr, types, table, cutoff, features, half_begin)


def adjacency_entropy(features: Tensor, joined: Tensor, neighbor: Tensor, row_ptr: Tensor) -> Tensor:
    """Cross entropy of decoded adjacency; see :func:`gnncv.nn.reference.adjacency_entropy`."""
    return _adjacency_entropy(features, joined, neighbor, row_ptr)


def skip_zero_gradient(tensor: Tensor) -> Tensor:
    """The same tensor; a gradient of zeros ends here: what no output asked for depends on costs nothing."""
    if is_scripting():
        return torch.ops.gnncv.skip_zero_gradient(tensor)
    return tensor


def _dispatch(name: str):  # type: ignore[no-untyped-def]
    """Choose the fused operator or its reference at each call, by the first tensor's device."""

    def call(*arguments):  # type: ignore[no-untyped-def]
        if fused(arguments[0]) or _fused_on_gpu(name, arguments):
            return getattr(torch.ops.gnncv, name)(*arguments)
        return getattr(reference, name)(*arguments)

    return torch.jit.ignore(call)


_adjacency_entropy = _dispatch("adjacency_entropy")
_pair_geometry = _dispatch("pair_geometry")
_pair_distances = _dispatch("pair_distances")
_bond_densities = _dispatch("bond_densities")
_density_invariants = _dispatch("density_invariants")
_message_passing = _dispatch("message_passing")
_segment_sum = _dispatch("segment_sum")
_attention_message_passing = _dispatch("attention_message_passing")
_environment_densities = _dispatch("environment_densities")
_orientation_densities = _dispatch("orientation_densities")
_orientation_invariants = _dispatch("orientation_invariants")
_averaged_densities = _dispatch("averaged_densities")
_table_attention = _dispatch("table_attention")
_table_messages = _dispatch("table_messages")
_environment_features = _dispatch("environment_features")
_environment_invariants = _dispatch("environment_invariants")
