"""mlcolvar's SmartDerivatives on the sparse Jacobian."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import torch

from gnncv.errors import InvalidArgument
from gnncv.jacobian.descriptor import Descriptor
from gnncv.jacobian.mlcolvar_descriptors import analytic
from gnncv.jacobian.sparse_jacobian import SparseJacobian

_PEER = "mlcolvar.core.loss.utils.smart_derivatives"


class SmartDerivatives(torch.nn.Module):
    """Derivatives of a model's outputs with respect to positions, from those with respect to its descriptors.

    Takes the place of `mlcolvar.core.loss.SmartDerivatives`: same constructor, same `setup` and `forward`,
    and losses and CVs of mlcolvar accept it. The descriptors' derivatives are computed once, by `setup`, in
    closed form where the descriptors are gnncv's or those of mlcolvar, else by autograd with as few passes as
    their sparsity allows.

    Parameters
    ----------
    setup_device
        Where the derivatives are kept until the first call of `forward`, which takes them to the device of
        its input.
    force_all_atoms
        Allow atoms that no descriptor depends on; their derivatives are zero.
    """

    def __init__(self, setup_device: str = "cpu", force_all_atoms: bool = False) -> None:
        super().__init__()
        self.setup_device = setup_device
        self.force_all_atoms = force_all_atoms
        self.n_atoms: int | None = None
        self.jacobian: SparseJacobian | None = None

    def setup(
        self,
        dataset: Any,
        descriptor_function: Descriptor | Callable[[torch.Tensor], torch.Tensor],
        n_atoms: int,
        separate_boundary_dataset: bool = False,
        descriptors_batch_size: int | None = None,
    ) -> Any:
        """Compute descriptors and their derivatives; return a data set with the descriptors as data.

        Parameters
        ----------
        dataset
            mlcolvar's DictDataset, or a dictionary of tensors: `data`, positions (n_frames, 3 n_atoms) or
            (n_frames, n_atoms, 3); `labels`, `weights`.
        descriptor_function
            A descriptor of gnncv, one of mlcolvar, or any differentiable function of positions
            (n_frames, n_atoms, 3) to values (n_frames, D) that treats each frame on its own.
        n_atoms
            Number of atoms in a frame.
        separate_boundary_dataset
            Compute derivatives only for frames with labels above 1, as mlcolvar's committor needs them.
        descriptors_batch_size
            Frames at once; by default as many as keep the memory for intermediate results low.

        Returns
        -------
        DictDataset or dict
            As `dataset`, with `data` (n_frames, D), `labels` and `weights` copied, and `ref_idx` (n_frames,),
            the number of each frame among those with derivatives; -1 for the others.
        """
        entries = _entries(dataset)
        positions = _positions(entries, n_atoms)
        if (
            descriptors_batch_size is not None
            and descriptors_batch_size != -1
            and descriptors_batch_size <= 0
        ):
            raise InvalidArgument(f"descriptors_batch_size: {descriptors_batch_size} is not larger than zero")
        batch_size = None if descriptors_batch_size == -1 else descriptors_batch_size
        chosen = _variational(entries, separate_boundary_dataset, len(positions))
        descriptors = analytic(descriptor_function, n_atoms)
        values, jacobian = SparseJacobian.of(descriptors, positions[chosen], batch_size=batch_size)
        jacobian = jacobian.without_zeros()
        used = torch.bincount(jacobian.pattern.atoms, minlength=n_atoms)
        unused = (used == 0).nonzero()[:, 0].tolist()
        if unused and not self.force_all_atoms:
            raise InvalidArgument(
                f"atoms {unused} are not used in any of the descriptors; to include all atoms even if not "
                "used, make SmartDerivatives with force_all_atoms=True"
            )
        self.n_atoms = n_atoms
        self.jacobian = jacobian.to(self.setup_device)
        data = values.new_zeros(len(positions), values.shape[1])
        data[chosen] = values
        if not bool(chosen.all()):
            with torch.no_grad():
                data[~chosen] = descriptors(positions[~chosen])
        self._join_mlcolvar()
        return _described(dataset, entries, data, chosen)

    def forward(self, x: torch.Tensor, ref_idx: torch.Tensor | None = None) -> torch.Tensor:
        """Derivatives with respect to positions.

        Parameters
        ----------
        x
            (N, D) or (N, D, n_out) derivatives of the outputs with respect to the descriptors.
        ref_idx
            (N,) number of each frame in the data set that `setup` saw, in any order and number; by default
            all.

        Returns
        -------
        torch.Tensor
            (N, n_atoms, 3) or (N, n_atoms, 3, n_out).
        """
        if self.jacobian is None:
            raise InvalidArgument("SmartDerivatives has no derivatives yet: call setup first")
        if self.jacobian.device != x.device:
            self.jacobian = self.jacobian.to(x.device)
        frames = torch.arange(len(x), device=x.device) if ref_idx is None else ref_idx.reshape(-1).long()
        if len(frames) != len(x):
            raise InvalidArgument(f"ref_idx: {len(frames)} frames for derivatives of {len(x)}")
        try:
            return self.jacobian.transpose_product(x, frames)
        except IndexError as error:
            raise InvalidArgument(
                f"ref_idx: {int(frames.min())} to {int(frames.max())}; derivatives are known for frames 0 to "
                f"{self.jacobian.n_frames - 1}, and -1 marks frames of the boundary, which have none"
            ) from error

    def move_to_cpu(self) -> None:
        """Take the derivatives back to the memory of the CPU."""
        if self.jacobian is not None:
            self.jacobian = self.jacobian.to("cpu")

    def _join_mlcolvar(self) -> None:
        """Where mlcolvar is loaded, become an instance of its class too: its losses ask for that."""
        peer = getattr(sys.modules.get(_PEER), "SmartDerivatives", None)
        if peer is not None and not isinstance(self, peer):
            self.__class__ = _joined(type(self), peer)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle as the plain class, which joins mlcolvar's where that is loaded."""
        return _restored, (self.__dict__,)


_JOINED: dict[tuple[type, type], type] = {}


def _joined(own: type, peer: type) -> type:
    """A class that is both, and behaves as the first."""
    if (own, peer) not in _JOINED:
        _JOINED[own, peer] = type(own.__name__, (own, peer), {"__module__": own.__module__})
    return _JOINED[own, peer]


def _restored(state: dict[str, Any]) -> SmartDerivatives:
    restored = SmartDerivatives()
    restored.__dict__.update(state)
    restored._join_mlcolvar()
    return restored


def _entries(dataset: Any) -> dict[str, torch.Tensor]:
    """The tensors of a data set: a mapping, or an object with `keys` (a method or not) and items by name."""
    if isinstance(dataset, Mapping):
        return dict(dataset)
    keys = getattr(dataset, "keys", None)
    if keys is None:
        raise InvalidArgument(
            f"dataset: {type(dataset).__name__} is neither mlcolvar's DictDataset nor a dictionary of tensors"
        )
    return {key: dataset[key] for key in (keys() if callable(keys) else keys)}


def _positions(entries: Mapping[str, torch.Tensor], n_atoms: int) -> torch.Tensor:
    if "data" not in entries:
        raise InvalidArgument(f"dataset: no entry 'data' among {sorted(entries)}")
    data = torch.as_tensor(entries["data"]).detach()
    if data.numel() % (3 * n_atoms) or data.ndim not in (2, 3) or data[0:1].numel() not in (0, 3 * n_atoms):
        raise InvalidArgument(
            f"dataset: 'data' has shape {tuple(data.shape)}, expected (n_frames, {3 * n_atoms}) or "
            f"(n_frames, {n_atoms}, 3)"
        )
    return data.reshape(-1, n_atoms, 3)


def _variational(entries: Mapping[str, torch.Tensor], separate: bool, n_frames: int) -> torch.Tensor:
    """(n_frames,) whether derivatives are needed."""
    if not separate:
        return torch.ones(n_frames, dtype=torch.bool)
    if "labels" not in entries:
        raise InvalidArgument(f"dataset: no entry 'labels' among {sorted(entries)}, by which to separate")
    chosen = torch.as_tensor(entries["labels"]).reshape(-1) > 1
    if not bool(chosen.any()):
        raise InvalidArgument(
            "dataset: no label is above 1, so no points are left after separating boundary and variational "
            "ones; for unbiased data only, set separate_boundary_dataset=False here and in the committor"
        )
    return chosen


def _described(
    dataset: Any, entries: Mapping[str, torch.Tensor], data: torch.Tensor, chosen: torch.Tensor
) -> Any:
    """A data set of the same kind with descriptors as data."""
    ref_idx = torch.full((len(data),), -1, dtype=torch.int32)
    ref_idx[chosen.cpu()] = torch.arange(int(chosen.sum()), dtype=torch.int32)
    copied = {
        name: torch.as_tensor(entries[name]).clone() for name in ("labels", "weights") if name in entries
    }
    result = {"data": data, **copied, "ref_idx": ref_idx}
    return result if isinstance(dataset, Mapping) else type(dataset)(result)
