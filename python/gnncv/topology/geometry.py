"""Centers, axes and descriptors of molecules: what the C++ core computes, in readable PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.topology.axis import Axis
from gnncv.topology.layout import SiteLayout, Topology
from gnncv.topology.molecule import Molecule

LEAST_LENGTH = 1e-3  # angstrom (a ring's area: angstrom^2), below which a vector gives no direction
LEAST_SINE = 1e-3  # of the angles next to a torsion


@dataclass
class SiteGeometry:
    """What a model sees of sites besides their kinds.

    Attributes
    ----------
    centers
        (M, 3), angstrom.
    axes
        (M, n_axes, 3) unit vectors; zero where a kind has fewer axes.
    descriptors
        For each kind of molecule (M_k, D_k), its sites in the order of the layout: distances (angstrom), then
        cosines of torsions.
    """

    centers: Tensor
    axes: Tensor
    descriptors: list[Tensor]


@dataclass(frozen=True)
class _Kind:
    """All molecules of one kind: positions (M, n, 3) relative to the first atom of each."""

    molecule: Molecule
    positions: Tensor
    sites: np.ndarray
    first_atom: np.ndarray

    def require(self, good: Tensor, what: str, problem: str) -> None:
        """Refuse the first molecule for which `good` (M,) is false."""
        if not bool(good.all()):
            row = int((~good).nonzero()[0, 0])
            first = int(self.first_atom[row])
            raise InvalidArgument(
                f"molecule {int(self.sites[row])} ({self.molecule.name}, atoms {first} to "
                f"{first + self.molecule.n_atoms - 1}): {what}: {problem}"
            )

    def named(self, atoms: tuple[int, ...]) -> str:
        """Atoms of the molecule with their elements, for an error."""
        return ", ".join(f"{a} ({self.molecule.symbols[a]})" for a in atoms)


def site_geometry(whole_positions: Tensor, topology: Topology, layout: SiteLayout) -> SiteGeometry:
    """Centers, axes and descriptors of all sites; differentiable any number of times.

    Parameters
    ----------
    whole_positions
        (N, 3) with every molecule in one piece (`make_whole`), angstrom; any floating dtype and device.
    topology, layout
        The molecules and where they are.

    Returns
    -------
    Centers sum_a w_a r_a, which move with the molecules; unit axes, which turn with them; descriptors, which
    do neither.

    Raises
    ------
    InvalidArgument
        If the shape is another, or at a molecule whose atoms give an axis no direction, coincide, or lie on a
        line next to a torsion.
    """
    if whole_positions.shape != (layout.n_atoms, 3):
        raise InvalidArgument(
            f"positions: expected shape ({layout.n_atoms}, 3), got {tuple(whole_positions.shape)}"
        )
    device = whole_positions.device
    firsts = torch.from_numpy(layout.first_atom).to(device)
    origin = whole_positions.index_select(0, firsts)
    offsets, axes, descriptors, order = [], [], [], []
    for number, molecule in enumerate(topology.molecules):
        atoms = layout.atoms_of_kind(number, molecule.n_atoms)
        sites = layout.sites_of_kind(number)
        # Relative to the first atom, nothing is lost to rounding far from the origin.
        relative = whole_positions[torch.from_numpy(atoms).to(device)]
        relative = relative - relative[:, :1]
        kind = _Kind(molecule, relative, sites, layout.first_atom[sites])
        offsets.append(torch.einsum("a,mad->md", relative.new_tensor(molecule.weights), relative))
        axes.append(_axes(kind, topology.n_axes))
        descriptors.append(torch.cat([_distances(kind), _torsion_cosines(kind)], 1))
        order.append(sites)
    beside = np.flatnonzero(layout.kind >= len(topology.molecules))
    offsets.append(whole_positions.new_zeros(len(beside), 3))
    axes.append(whole_positions.new_zeros(len(beside), topology.n_axes, 3))
    back = torch.from_numpy(np.argsort(np.concatenate([*order, beside]))).to(device)
    return SiteGeometry(origin + torch.cat(offsets)[back], torch.cat(axes)[back], descriptors)


def _axes(kind: _Kind, n_axes: int) -> Tensor:
    """(M, n_axes, 3), the kind's own axes first, then zeros."""
    own = [_axis(kind, axis) for axis in kind.molecule.axes]
    n_zero = n_axes - len(own)
    zeros = kind.positions.new_zeros(len(kind.positions), n_zero, 3)
    return torch.cat([torch.stack(own, 1), zeros], 1) if own else zeros


def _axis(kind: _Kind, axis: Axis) -> Tensor:
    if axis.ring:
        corners = kind.positions[:, list(axis.ring)]
        vector = torch.linalg.cross(corners, corners.roll(-1, 1)).sum(1) / 2
        problem = f"the area of ring {kind.named(axis.ring)} vanishes"
    else:
        vector = torch.einsum("a,mad->md", kind.positions.new_tensor(axis.weights), kind.positions)
        involved = tuple(a for a, weight in enumerate(axis.weights) if weight)
        problem = f"the weighted sum of atoms {kind.named(involved)} vanishes"
    length = vector.square().sum(1)
    kind.require(length > LEAST_LENGTH**2, f"axis {axis.name!r} has no direction", problem)
    return vector / length.sqrt()[:, None]


def _distances(kind: _Kind) -> Tensor:
    """(M, number of distances), angstrom."""
    pairs = kind.molecule.distances
    if not pairs:
        return kind.positions.new_zeros(len(kind.positions), 0)
    i, j = (list(atoms) for atoms in zip(*pairs, strict=True))
    squares = (kind.positions[:, j] - kind.positions[:, i]).square().sum(2)
    _refuse_any(kind, squares > LEAST_LENGTH**2, pairs, "the atoms of the distance coincide")
    return squares.sqrt()


def _torsion_cosines(kind: _Kind) -> Tensor:
    """(M, number of torsions): for i, j, k, l the cosine of the angle between the normals of ijk and jkl."""
    quadruples = kind.molecule.torsions
    if not quadruples:
        return kind.positions.new_zeros(len(kind.positions), 0)
    i, j, k, l = (kind.positions[:, list(atoms)] for atoms in zip(*quadruples, strict=True))  # noqa: E741
    left, axis, right = j - i, k - j, l - k
    normals = torch.linalg.cross(left, axis), torch.linalg.cross(axis, right)
    squares = [normal.square().sum(2) for normal in normals]
    for square, arm in zip(squares, (left, right), strict=True):
        straight = LEAST_SINE**2 * axis.square().sum(2) * arm.square().sum(2)
        _refuse_any(
            kind,
            (square > straight) & (square > LEAST_LENGTH**4),
            quadruples,
            "three neighboring atoms of the torsion lie on a line, or coincide",
        )
    return (normals[0] * normals[1]).sum(2) / (squares[0] * squares[1]).sqrt()


def _refuse_any(kind: _Kind, good: Tensor, groups: tuple[tuple[int, ...], ...], problem: str) -> None:
    """Name the first molecule and group of atoms for which `good` (M, number of groups) is false."""
    if not bool(good.all()):
        group = int((~good).nonzero()[0, 1])
        kind.require(good[:, group], f"atoms {kind.named(groups[group])}", problem)
