"""Random structures with full pair lists, and what operators on them are compared with."""

import numpy as np
import torch
from vesin import NeighborList

from gnncv.nn import reference
from systems import random_structure

CUTOFF = 3.4
SPECIES = ["Cu", "Zr"]


class Structure:
    """A random structure with its full pair list; pair vectors are functions of positions and strain."""

    def __init__(self, box: str, n_atoms: int, generator: np.random.Generator) -> None:
        atoms = random_structure(box, n_atoms, SPECIES, CUTOFF, generator)
        i, j, shifts, _ = NeighborList(cutoff=CUTOFF, full_list=True).compute(
            atoms.positions, atoms.cell.array, atoms.pbc if atoms.pbc.any() else False, "ijSD"
        )
        order = np.lexsort((*shifts.T, j, i))
        center, self.neighbor = (torch.from_numpy(x[order].astype(np.int64)) for x in (i, j))
        counts = torch.bincount(center, minlength=n_atoms)
        self.row_ptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
        self.center = center
        self.offsets = torch.from_numpy(shifts[order] @ atoms.cell.array)
        self.types = torch.tensor([SPECIES.index(s) for s in atoms.get_chemical_symbols()])
        self.positions = torch.tensor(atoms.positions, requires_grad=True)
        self.strain = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)

    def half(self, with_rest: bool) -> "HalfList":
        """One direction of each bond, alone or behind the other ones of each row."""
        opposite = -self.offsets
        first = [tuple(a) > tuple(b) for a, b in zip(self.offsets, opposite, strict=True)]
        own = (self.center + self.neighbor) % 2 == 0
        own = torch.where(self.center == self.neighbor, torch.tensor(first, dtype=torch.bool), own)
        own = torch.where(self.center > self.neighbor, ~own, own)
        order = torch.arange(len(own))[own]
        if with_rest:
            order = torch.argsort(2 * self.center + own, stable=True)
        return HalfList(self, order, own[order])

    def vectors(self, dtype=torch.float64) -> torch.Tensor:
        bonds = self.positions[self.neighbor] - self.positions[self.center] + self.offsets
        return (bonds @ (torch.eye(3, dtype=torch.float64) + self.strain).T).to(dtype)

    def distances(self, dtype=torch.float64) -> torch.Tensor:
        return reference.pair_distances(self.vectors()).to(dtype)


class HalfList:
    """The pairs of a structure in another order, and where in each row the half of them begins."""

    def __init__(self, structure: Structure, order: torch.Tensor, own: torch.Tensor) -> None:
        n_atoms = len(structure.types)
        self.structure, self.order = structure, order
        center = structure.center[order]
        self.neighbor = structure.neighbor[order]
        counts = torch.bincount(center, minlength=n_atoms)
        self.row_ptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
        self.half_begin = self.row_ptr[:-1] + torch.bincount(center[~own], minlength=n_atoms)

    def distances(self, dtype=torch.float64) -> torch.Tensor:
        return self.structure.distances(dtype)[self.order]


def random_table(generator, n_channels, dtype, n_intervals=7):
    """Polynomials joined smoothly enough to be differentiated anywhere; the last channel is positive."""
    knots = torch.from_numpy(generator.normal(size=(n_intervals + 1, 3, n_channels)) * 0.5)
    knots[:, 0, -1] = 0.5 + knots[:, 0, -1].abs()
    knots[:, 1:, -1] *= 0.1
    p0, v0, a0 = knots[:-1].unbind(1)
    p1, v1, a1 = knots[1:].unbind(1)
    rise = p1 - p0
    terms = [
        p0,
        v0,
        a0 / 2,
        10 * rise - 6 * v0 - 4 * v1 - 1.5 * a0 + 0.5 * a1,
        -15 * rise + 8 * v0 + 7 * v1 + 1.5 * a0 - a1,
        6 * rise - 3 * (v0 + v1) - 0.5 * (a0 - a1),
    ]
    return torch.stack(terms, 1).to(dtype)


def site_tensors(generator, dtype, *shapes):
    return [torch.from_numpy(generator.normal(size=shape)).to(dtype).requires_grad_() for shape in shapes]


def random_axes(generator, n_sites, n_axes, dtype):
    """Unit vectors; of all sites but the first, some have fewer of them, and zeros in their place."""
    axes = generator.normal(size=(n_sites, n_axes, 3))
    axes /= np.linalg.norm(axes, axis=2, keepdims=True)
    axes[1:][generator.random((max(n_sites - 1, 0), n_axes)) < 0.2] = 0.0
    return torch.from_numpy(axes).to(dtype).requires_grad_()


def compare(fused, plain, inputs, generator, dtype):
    """Values and the gradient of a random combination of them."""
    tolerance = 1e-12 if dtype == torch.float64 else 2e-5
    weights = [torch.from_numpy(generator.normal(size=tuple(out.shape))).to(dtype) for out in plain]
    gradients = []
    for outputs in (fused, plain):
        total = sum((w * out).sum() for w, out in zip(weights, outputs, strict=True))
        gradients.append(torch.autograd.grad(total, inputs, allow_unused=True))

    def largest(tensor):
        return max(1.0, float(tensor.detach().abs().max())) if tensor.numel() else 1.0

    # Gradients share their terms: what is left where terms cancel is as exact as the largest of them.
    of_gradients = max(largest(exact) for exact in gradients[1])
    for results, shared in (
        (zip(fused, plain, strict=True), 1.0),
        (zip(*gradients, strict=True), of_gradients),
    ):
        for got, exact in results:
            atol = tolerance * max(shared, largest(exact))
            torch.testing.assert_close(got.detach(), exact.detach(), rtol=0, atol=atol)
