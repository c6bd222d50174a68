"""Which atoms each value of a function can depend on, found by following every operation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gnncv.errors import InvalidArgument
from gnncv.jacobian.dependency_rules import rows_of_results
from gnncv.jacobian.operation import BRANCHES, Operation
from gnncv.jacobian.pattern import SparsityPattern


class DependencyMode(TorchDispatchMode):
    """Follow torch operations and keep, for every number computed, the atoms that it can depend on.

    The sets are kept for each element of each storage, so that views need no care: whatever is written
    through one is seen through the others. What is not known here is a constant.

    Attributes
    ----------
    branch
        Name of the first operation that makes the course of the computation depend on positions, or None.
    """

    def __init__(self, n_atoms: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n_atoms = n_atoms
        self.branch: str | None = None
        self._sets: dict[int, tuple[torch.Tensor, int, sparse.csr_array]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if any(self.follows(tensor) for tensor in inputs):
            self._follow(Operation(func, args, kwargs), result)
        return result

    def follows(self, tensor: object) -> bool:
        """Whether a tensor's values can vary with positions."""
        return isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata in self._sets

    def rows(self, tensor: torch.Tensor) -> sparse.csr_array:
        """(elements, atoms) boolean: the atoms of each element, in its logical order."""
        if not self.follows(tensor):
            return sparse.csr_array((tensor.numel(), self.n_atoms), dtype=bool)
        _, itemsize, rows = self._sets[tensor.untyped_storage()._cdata]
        if itemsize != tensor.element_size():
            return _all(rows, tensor)
        return rows[_places(tensor)]

    def write(self, tensor: torch.Tensor, rows: sparse.csr_array) -> None:
        """Keep the atoms of each element of a tensor."""
        key, size = tensor.untyped_storage()._cdata, tensor.element_size()
        n_elements = tensor.untyped_storage().nbytes() // max(size, 1)
        known = self._sets.get(key)
        if known is not None and known[1] != size:  # seen as another type: every element from now on has all
            everything = _all(sparse.vstack([known[2], rows], format="csr"), torch.empty(known[2].shape[0]))
            self._sets[key] = (known[0], known[1], everything)
            return
        before = known[2] if known else sparse.csr_array((n_elements, self.n_atoms), dtype=bool)
        choice = np.arange(before.shape[0])
        choice[_places(tensor)] = before.shape[0] + np.arange(tensor.numel())
        stacked = sparse.vstack([before, rows], format="csr", dtype=bool)
        self._sets[key] = (tensor, size, stacked[choice])

    def _follow(self, operation: Operation, result: Any) -> None:
        if self.branch is None and operation.name in BRANCHES and operation.branches(self.follows):
            self.branch = operation.name
        written = operation.written()
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        fresh = [t for t in outputs if not self.follows(t) and not any(t is other for other in written)]
        targets = [*written, *fresh]
        if not targets:  # a view of what is known
            return
        for target, rows in zip(targets, rows_of_results(operation, targets, self), strict=True):
            if rows is not None:
                self.write(target, rows)


def _places(tensor: torch.Tensor) -> np.ndarray:
    """Element of the storage where each element of a tensor is."""
    offsets = [np.arange(n) * step for n, step in zip(tensor.shape, tensor.stride(), strict=True)]
    places = np.full(tuple(tensor.shape), tensor.storage_offset(), dtype=np.int64)
    for axis, offset in enumerate(offsets):
        places += offset.reshape([-1 if axis == other else 1 for other in range(tensor.ndim)])
    return places.reshape(-1)


def _all(rows: sparse.csr_array, tensor: torch.Tensor) -> sparse.csr_array:
    """Every element has the atoms of all rows."""
    union = sparse.csr_array(np.asarray(rows.sum(axis=0), dtype=bool).reshape(1, -1))
    return union[np.zeros(tensor.numel(), dtype=np.int64)]


def find_pattern(
    function: Callable[[torch.Tensor], torch.Tensor], positions: torch.Tensor
) -> SparsityPattern:
    """Atoms that each value of a function can depend on, at any positions.

    The function is evaluated once, on the first frame, and every torch operation is followed with sets of
    atoms instead of numbers: an entry that is switched off there is found all the same. Operations that are
    not known by name are taken to make every result depend on all that went in, and where the course of the
    computation itself depends on positions (`nonzero`, a boolean mask, `if` on a tensor) every value is taken
    to depend on every atom, with a warning. So the pattern can be too large, never too small, for what
    autograd differentiates.

    Parameters
    ----------
    function
        From positions (n_frames, N, 3) to values (n_frames, D).
    positions
        (n_frames, N, 3), at least one frame.

    Returns
    -------
    SparsityPattern
        D rows.
    """
    if positions.ndim != 3 or len(positions) == 0:
        raise InvalidArgument(
            f"positions: shape {tuple(positions.shape)}; to find a pattern, at least one frame is needed"
        )
    n_atoms = positions.shape[1]
    frame = positions[:1].detach().clone()
    mode = DependencyMode(n_atoms)
    mode.write(frame, sparse.kron(sparse.eye_array(n_atoms), np.ones((3, 1)), format="csr").astype(bool))
    with torch.enable_grad(), mode:
        values = function(frame.requires_grad_())
        rows = mode.rows(values)
    if values.ndim != 2 or len(values) != 1:
        raise InvalidArgument(
            f"function: it returned shape {tuple(values.shape)} for one frame, expected (1, n_values)"
        )
    if mode.branch is not None:
        warnings.warn(
            f"the function's course depends on positions ({mode.branch}), so which atoms a value can depend "
            "on is not known: every value is differentiated with respect to every atom; give `pattern` to be "
            "faster",
            stacklevel=3,
        )
        return SparsityPattern.dense(values.shape[1], n_atoms)
    rows.sort_indices()
    return SparsityPattern(
        torch.from_numpy(rows.indptr.astype(np.int64)),
        torch.from_numpy(rows.indices.astype(np.int64)),
        n_atoms,
    ).to(positions.device)
