"""What mlcolvar 1.3.1 gives: run by an interpreter that has it, with the folder of the test as argument.

With a second argument, a folder where gnncv is importable, its SmartDerivatives goes through mlcolvar's own
losses, data modules and descriptors in the same process.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(sys.argv[1])
if len(sys.argv) > 2:
    sys.path[len(sys.path) :] = sys.argv[2].split(":")  # after this interpreter's own packages

from mlcolvar.core.loss.committor_loss import CommittorLoss  # noqa: E402
from mlcolvar.core.loss.utils.smart_derivatives import (  # noqa: E402
    SmartDerivatives,
    compute_descriptors_derivatives,
)
from mlcolvar.core.transform import (  # noqa: E402
    CoordinationNumbers,
    EigsAdjMat,
    MultipleDescriptors,
    PairwiseDistances,
    SwitchingFunctions,
    TorsionalAngle,
)
from mlcolvar.data import DictDataset, DictModule  # noqa: E402

torch.set_default_dtype(torch.float64)
N_ATOMS, N_FRAMES, BOX = 8, 12, 3.0


def descriptors() -> dict[str, torch.nn.Module]:
    """Each of mlcolvar's, with what it takes for a cell."""
    n = N_ATOMS
    rational = SwitchingFunctions(3 * n, "Rational", 0.8, options={"n": 2, "m": 6, "eps": 1.0})
    fermi = SwitchingFunctions(3 * n, "Fermi", 0.8, options={"q": 0.2})
    far = SwitchingFunctions(3 * n, "Fermi", 0.8, dmax=1.4, options={"q": 0.2})
    groups = ([0, 3, 1], [2, 4, 5, 6, 7], 0.8, n)
    distances = PairwiseDistances(n, True, BOX)
    return {
        "distances": distances,
        "open": PairwiseDistances(n, False, BOX),
        "scaled": PairwiseDistances(n, True, [3.0, 3.5, 4.0], scaled_coords=True),
        "pairs": PairwiseDistances(n, True, BOX, slicing_pairs=[[0, 1], [5, 2], [1, 4]]),
        "coordination": CoordinationNumbers(*groups, True, BOX, "continuous", switching_function=rational),
        "dmax": CoordinationNumbers(*groups, True, BOX, "continuous", False, far, 1.4),
        "eigenvalues": EigsAdjMat("continuous", 0.8, n, True, BOX, switching_function=fermi),
        "torsion": TorsionalAngle([1, 3, 4, 6], n, ["sin", "angle"], True, BOX),
        "several": MultipleDescriptors([distances, TorsionalAngle([0, 2, 5, 7], n, ["cos"], True, BOX)], n),
    }


def data() -> DictDataset:
    """Random frames, a third of them of the boundary."""
    generator = torch.Generator().manual_seed(0)
    positions = BOX * torch.rand(N_FRAMES, 3 * N_ATOMS, generator=generator)
    labels = torch.arange(N_FRAMES) % 3
    weights = torch.rand(N_FRAMES, generator=generator)
    return DictDataset({"data": positions, "labels": labels + (labels == 2), "weights": weights})


def slopes(n_frames: int, n_descriptors: int, n_outputs: int) -> torch.Tensor:
    """Derivatives of outputs with respect to descriptors."""
    shape = (n_frames, n_descriptors) if n_outputs == 0 else (n_frames, n_descriptors, n_outputs)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def products(smart: torch.nn.Module, described: DictDataset, key: str) -> dict[str, torch.Tensor]:
    """The descriptors, their reference indices, and derivatives with respect to positions."""
    chosen = described["ref_idx"][described["ref_idx"] >= 0]
    n_descriptors = described["data"].shape[1]
    results = {f"{key}-data": described["data"], f"{key}-ref_idx": described["ref_idx"]}
    for n_outputs in (0, 1, 2):
        results[f"{key}-{n_outputs}"] = smart(slopes(len(chosen), n_descriptors, n_outputs), chosen)
    some = chosen[torch.tensor([3, 0, 2])]
    return results | {f"{key}-some": smart(slopes(3, n_descriptors, 0), some)}


class DenseDerivatives(torch.nn.Module):
    """The chain rule with mlcolvar's dense Jacobian, for where its SmartDerivatives fails."""

    def __init__(self, transform: torch.nn.Module, separate: bool) -> None:
        super().__init__()
        self.jacobian = compute_descriptors_derivatives(data(), transform, N_ATOMS, separate)[2]

    def forward(self, x: torch.Tensor, ref_idx: torch.Tensor) -> torch.Tensor:
        k = "k" * (x.ndim - 2)
        return torch.einsum(f"fd{k},fadx->fax{k}", x, self.jacobian[ref_idx.long()])


def write_references() -> None:
    """Descriptors, reference indices and products of every descriptor, as mlcolvar computes them."""
    arrays = {"positions": data()["data"], "labels": data()["labels"], "weights": data()["weights"]}
    for name, transform in descriptors().items():
        for separate in (False, True):
            smart = SmartDerivatives(force_all_atoms=True)
            described = smart.setup(data(), transform, N_ATOMS, separate, 5)
            try:
                arrays |= products(smart, described, f"{name}-{separate}")
            except RuntimeError as error:
                print(f"mlcolvar fails: {name}, separate {separate}: {error}", file=sys.stderr)
                arrays |= products(DenseDerivatives(transform, separate), described, f"{name}-{separate}")
    np.savez(FOLDER / "references.npz", **{name: x.detach().numpy() for name, x in arrays.items()})


def losses(kind: type) -> dict[str, torch.Tensor]:
    """A committor's loss and its gradients, batch by batch of a shuffled, split data set."""
    torch.manual_seed(3)
    smart = kind(force_all_atoms=True)
    described = smart.setup(data(), descriptors()["several"], N_ATOMS, separate_boundary_dataset=True)
    network = torch.nn.Sequential(
        torch.nn.Linear(described["data"].shape[1], 6), torch.nn.Tanh(), torch.nn.Linear(6, 1)
    )
    loss = CommittorLoss(
        alpha=1.0,
        atomic_masses=torch.arange(1.0, N_ATOMS + 1),
        separate_boundary_dataset=True,
        descriptors_derivatives=smart,
    )
    module = DictModule(described, lengths=[0.5, 0.5], batch_size=6, shuffle=True, random_split=True)
    module.setup()
    results = {}
    for i, batch in enumerate([*module.train_dataloader(), *module.val_dataloader()]):
        x = batch["data"].clone().requires_grad_()
        z = network(x)
        q = torch.sigmoid(z).squeeze(1)
        if len((batch["labels"]).unique()) < 3:  # the loss of a batch without one of the boundaries is NaN
            continue
        value = loss(x, z, q, batch["labels"], batch["weights"].clone(), batch["ref_idx"])[0]
        gradients = torch.autograd.grad(value, list(network.parameters()))
        results[f"loss-{i}"] = value.detach()
        results |= {f"gradient-{i}-{k}": gradient for k, gradient in enumerate(gradients)}
    assert results
    return results


def write_guest() -> None:
    """gnncv.SmartDerivatives with mlcolvar's descriptors, data sets and losses, beside mlcolvar's own."""
    import gnncv

    arrays = {}
    for name, transform in descriptors().items():
        for separate in (False, True):
            smart = gnncv.SmartDerivatives(force_all_atoms=True)
            described = smart.setup(data(), transform, N_ATOMS, separate, 5)
            assert isinstance(described, DictDataset) and isinstance(smart, SmartDerivatives)
            arrays |= products(smart, described, f"{name}-{separate}")
    ours, theirs = losses(gnncv.SmartDerivatives), losses(SmartDerivatives)
    arrays |= {f"ours-{name}": x for name, x in ours.items()}
    arrays |= {f"theirs-{name}": x for name, x in theirs.items()}
    np.savez(FOLDER / "guest.npz", **{name: x.detach().numpy() for name, x in arrays.items()})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gnncv.SmartDerivatives().setup(data(), PairwiseDistances(N_ATOMS, True, [3.0, 3.5, 4.0]), N_ATOMS)
    assert any("nearest images" in str(warning.message) for warning in caught)
    for transform in descriptors().values():
        from gnncv.jacobian import Descriptor
        from gnncv.jacobian.mlcolvar_descriptors import analytic

        assert isinstance(analytic(transform, N_ATOMS), Descriptor), transform


write_references()
if len(sys.argv) > 2:
    write_guest()
