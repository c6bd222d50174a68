"""How the operations of torch pass on what their arguments depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import sparse
from torch.utils._pytree import tree_map

from gnncv.jacobian.operation import Operation

if TYPE_CHECKING:
    from gnncv.jacobian.dependencies import DependencyMode

CONSTANT = {
    "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like",
    "new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided",
}  # fmt: skip
# Each element of the result is one element of an argument, or a constant.
MOVES = {
    "clone", "_to_copy", "contiguous", "repeat", "tile", "index_select", "gather", "flip", "roll",
    "rot90", "index", "masked_select", "tril", "triu", "constant_pad_nd", "take", "take_along_dim",
    "diag_embed", "cat", "stack", "_reshape_copy", "_unsafe_view", "select_backward", "slice_backward",
    "view_copy", "expand_copy", "slice_scatter", "select_scatter", "lift_fresh", "lift_fresh_copy",
    "diagonal_copy", "unfold_copy", "_reshape_alias",
}  # fmt: skip
REDUCTIONS = {
    "sum", "mean", "amax", "amin", "max", "min", "prod", "linalg_vector_norm", "norm", "var", "std",
    "logsumexp", "nansum", "median", "aminmax", "std_mean", "var_mean",
}  # fmt: skip
ALONG = {
    "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "_softmax", "_log_softmax", "softmax",
    "log_softmax", "sort", "topk", "linalg_cross", "kthvalue",
}  # fmt: skip
_LARGEST_PRODUCT = 30_000_000

Rows = Any  # scipy.sparse.csr_array (elements, atoms) of booleans


def rows_of_results(
    operation: Operation, targets: list[torch.Tensor], known: DependencyMode
) -> list[Rows | None]:
    """Atoms of each element of the results; None for what stays a constant.

    Integers and booleans have no derivative: they vary, and depend on no atom. An operation that no rule
    covers, or whose rule does not apply, mixes everything.
    """
    if operation.builtin and operation.name in CONSTANT:
        return [None for _ in targets]
    found: Rows | None = None
    if operation.builtin and (targets[0].is_floating_point() or targets[0].is_complex()):
        found = _by_rule(operation, targets[0], known)
    results: list[Rows | None] = []
    for target in targets:
        if not (target.is_floating_point() or target.is_complex()):
            results.append(sparse.csr_array((target.numel(), known.n_atoms), dtype=bool))
        elif found is not None and target.shape == targets[0].shape:
            results.append(found)
        else:
            results.append(_mixed(operation, target, known))
    return results


def _by_rule(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows | None:
    name = operation.name
    if name == "copy":
        return _spread(operation.arguments["src"], target.shape, known)
    if name in ("fill", "zero") and not known.follows(operation.arguments.get("value")):
        return sparse.csr_array((target.numel(), known.n_atoms), dtype=bool)
    if name in ("where", "masked_fill", "mul"):
        return _selected(operation, target, known)
    if torch.Tag.pointwise in operation.func.tags:
        return _union([_spread(t, target.shape, known) for t in operation.tensors()], target, known)
    if name in MOVES:
        return _moved(operation, target, known)
    if name in REDUCTIONS:
        return _reduced(operation, target, known)
    if name in ALONG:
        return _along(operation, target, known)
    if name in ("mm", "bmm"):
        return _matrix_product(operation, target, known)
    if name in ("index_add", "scatter_add", "index_put", "_index_put_impl", "_unsafe_index_put"):
        return _scattered(operation, target, known)
    return None


def _mixed(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows:
    parts = [known.rows(t) for t in operation.tensors() if known.follows(t)]
    union = np.asarray(sparse.vstack(parts).sum(axis=0)).reshape(1, -1) > 0
    return sparse.csr_array(union)[np.zeros(target.numel(), dtype=np.int64)]


def _union(parts: list[Rows], target: torch.Tensor, known: DependencyMode) -> Rows:
    total = sparse.csr_array((target.numel(), known.n_atoms), dtype=bool)
    for part in parts:
        if part.nnz:
            total = (total + part).astype(bool) if total.nnz else part
    return total


def _spread(tensor: torch.Tensor, shape: torch.Size, known: DependencyMode) -> Rows:
    """Atoms of a tensor broadcast to a shape."""
    if not known.follows(tensor):
        return sparse.csr_array((shape.numel(), known.n_atoms), dtype=bool)
    rows = known.rows(tensor)
    if tensor.shape == shape:
        return rows
    return rows[np.broadcast_to(np.arange(tensor.numel()).reshape(tensor.shape), shape).reshape(-1)]


def _masked(rows: Rows, kept: torch.Tensor, shape: torch.Size) -> Rows:
    """Rows that are kept, the others empty."""
    flags = np.broadcast_to(kept.detach().cpu().numpy(), shape).reshape(-1).astype(bool)
    return (sparse.diags_array(flags.astype(np.int8), dtype=np.int8) @ rows).astype(bool)


def _selected(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows | None:
    """Elementwise choices and products: what constant masks and zeros remove is removed for good."""
    arguments, shape = operation.arguments, target.shape
    if operation.name == "mul":
        first, second = arguments["self"], arguments["other"]
        parts = [_spread(t, shape, known) for t in (first, second) if isinstance(t, torch.Tensor)]
        for constant in (first, second):
            if isinstance(constant, torch.Tensor) and not known.follows(constant):
                parts = [_masked(rows, constant != 0, shape) for rows in parts]
        return _union(parts, target, known)
    if operation.name == "masked_fill":
        rows, mask = _spread(arguments["self"], shape, known), arguments["mask"]
        if known.follows(arguments["value"]):
            return None
        return rows if known.follows(mask) else _masked(rows, ~mask, shape)
    if "self" not in arguments or "other" not in arguments:
        return None
    condition = arguments["condition"]
    sides = [arguments["self"], arguments["other"]]
    parts = [_spread(t, shape, known) for t in sides if isinstance(t, torch.Tensor)]
    if not known.follows(condition) and len(parts) == 2:
        parts = [_masked(parts[0], condition, shape), _masked(parts[1], ~condition, shape)]
    return _union(parts, target, known)


def _moved(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows | None:
    """Run the operation on the numbers of the elements instead of their values."""
    leaves = operation.tensors()
    floating = [t for t in leaves if t.is_floating_point() or t.is_complex()]
    if any(known.follows(t) for t in leaves if not any(t is f for f in floating)):
        return None  # where an element comes from varies
    parts, numbers, start = [], {}, 1
    for t in floating:
        if id(t) not in numbers:
            numbers[id(t)] = torch.arange(start, start + t.numel(), dtype=torch.float64).reshape(t.shape)
            parts.append(known.rows(t))
            start += t.numel()
    args, kwargs = tree_map(
        lambda leaf: numbers.get(id(leaf), _on_cpu(leaf)), (operation.args, dict(operation.kwargs))
    )
    kwargs.pop("dtype", None)
    kwargs.pop("device", None)
    if operation.name == "constant_pad_nd":
        args = args[:2]  # pad by the number zero, no element's
    with torch.no_grad():
        moved = operation.func(*args, **kwargs)
    if not isinstance(moved, torch.Tensor) or moved.shape != target.shape:
        return None
    stacked = sparse.vstack(
        [sparse.csr_array((1, known.n_atoms), dtype=bool), *parts], format="csr", dtype=bool
    )
    return stacked[moved.reshape(-1).long().numpy()]


def _on_cpu(leaf: Any) -> Any:
    return leaf.detach().cpu() if isinstance(leaf, torch.Tensor) else leaf


def _gathered(groups: np.ndarray, n_groups: int, rows: Rows) -> Rows:
    """Union of the rows of each group."""
    ones = np.ones(len(groups), dtype=np.int32)
    sums = sparse.csr_array((ones, (groups, np.arange(len(groups)))), shape=(n_groups, len(groups))) @ rows
    return sums.astype(bool)


def _over(dims: Any, tensor: torch.Tensor) -> tuple[np.ndarray, tuple[int, ...]]:
    """Group of each element when some dimensions are put together, and the shape of the groups, dimensions
    kept.
    """
    listed = [] if dims is None else ([dims] if isinstance(dims, int) else list(dims))
    chosen = {d % max(tensor.ndim, 1) for d in listed} or set(range(tensor.ndim))
    kept = tuple(1 if d in chosen else n for d, n in enumerate(tensor.shape))
    groups = np.arange(int(np.prod(kept))).reshape(kept)
    return np.broadcast_to(groups, tuple(tensor.shape)).reshape(-1), kept


def _reduced(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows | None:
    tensors = [t for t in operation.tensors() if known.follows(t)]
    source = operation.arguments["self"]
    if len(tensors) != 1 or source is not tensors[0] or "other" in operation.arguments:
        return None
    groups, kept = _over(operation.arguments.get("dim"), source)
    if int(np.prod(kept)) != target.numel():
        return None
    return _gathered(groups, target.numel(), known.rows(source))


def _along(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows | None:
    """Results along a dimension depend on all elements of the arguments along it."""
    dim = operation.arguments.get("dim", -1)
    parts = []
    for tensor in operation.tensors():
        if not known.follows(tensor):
            continue
        if tensor.ndim != target.ndim or tensor.ndim == 0:
            return None
        groups, kept = _over(dim, tensor)
        rows = _gathered(groups, int(np.prod(kept)), known.rows(tensor))
        numbers = np.arange(int(np.prod(kept))).reshape(kept)
        parts.append(rows[np.broadcast_to(numbers, tuple(target.shape)).reshape(-1)])
    return _union(parts, target, known)


def _matrix_product(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows | None:
    first, second = operation.tensors()[:2]
    if first.ndim == 2:
        first, second = first[None], second[None]
    (batch, n, inner), m = first.shape, second.shape[2]
    if known.follows(first) and known.follows(second):
        parts = []
        for tensor, dim in ((first, 2), (second, 1)):
            groups, kept = _over(dim, tensor)
            rows = _gathered(groups, int(np.prod(kept)), known.rows(tensor))
            numbers = np.broadcast_to(np.arange(int(np.prod(kept))).reshape(kept), (batch, n, m))
            parts.append(rows[numbers.reshape(-1)])
        return _union(parts, target, known)
    if batch * n * inner * m > _LARGEST_PRODUCT:
        return None
    left, right = known.follows(first), known.follows(second)
    tracked = first if left else second
    numbers = np.arange(tracked.numel()).reshape(tracked.shape)
    weights = (second if left else first).detach().cpu().numpy() != 0  # terms (batch, n, inner, m)
    shape = (batch, n, inner, m)
    keep = np.broadcast_to(weights[:, None] if left else weights[..., None], shape)
    source = np.broadcast_to(numbers[..., None] if left else numbers[:, None], shape)[keep]
    result = np.broadcast_to(np.arange(batch * n * m).reshape(batch, n, 1, m), shape)[keep]
    assert left != right
    terms = sparse.csr_array(
        (np.ones(len(source), dtype=np.int32), (result, source)), shape=(target.numel(), tracked.numel())
    )
    return (terms @ known.rows(tracked)).astype(bool)


def _scattered(operation: Operation, target: torch.Tensor, known: DependencyMode) -> Rows | None:
    """What was there, and what is added or put at constant places."""
    arguments = operation.arguments
    places = torch.arange(target.numel()).reshape(target.shape)
    if operation.name == "index_add":
        if known.follows(arguments["index"]):
            return None
        source = arguments["source"]
        at = places.index_select(arguments["dim"], _on_cpu(arguments["index"]))
    elif operation.name == "scatter_add":
        source, index = arguments["src"], arguments["index"]
        if known.follows(index) or source.shape != index.shape:
            return None
        at = places.gather(arguments["dim"], _on_cpu(index))
    else:
        if any(known.follows(index) for index in arguments["indices"]):
            return None
        source = arguments["values"]
        at = places[tuple(slice(None) if i is None else _on_cpu(i) for i in arguments["indices"])]
    rows = _gathered(at.reshape(-1).numpy(), target.numel(), _spread(source, at.shape, known))
    return _union([known.rows(arguments["self"]), rows], target, known)
