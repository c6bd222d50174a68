"""Values and derivatives straight from the PyTorch model: slow, independent of the C++ core."""

from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray
from torch import Tensor

from gnncv.data import build_graph
from gnncv.nn.operators import use_references
from gnncv.topology import Topology, make_whole, site_geometry

from .autoencoder import GraphAutoencoder
from .collective_variables import CollectiveVariables


@dataclass
class ReferenceResult:
    """Values ``(K,)``, gradients ``(K, N, 3)`` and strain gradients ``(K, 3, 3)``, float64."""

    values: NDArray[np.float64]
    gradients: NDArray[np.float64]
    strain_gradient: NDArray[np.float64]


def evaluate_reference(model: GraphAutoencoder, atoms: Atoms) -> ReferenceResult:
    """Evaluate all outputs with the reference operators and autograd from positions and strain.

    The arithmetic is that of the model's parameters; use ``model.double()`` for a reference.
    """
    dtype = next(model.parameters()).dtype
    graph = build_graph(atoms, model.config.cutoff, model.species, topology=model.topology)
    positions = torch.from_numpy(atoms.positions.copy()).requires_grad_()
    strain = torch.zeros((3, 3), dtype=torch.float64, requires_grad=True)
    centers, molecules = _sites(model.topology, atoms, positions, strain)
    fixed = centers.detach()
    shifts = graph.vectors - (fixed[graph.neighbor] - fixed[graph.center])
    vectors = centers[graph.neighbor] - centers[graph.center] + shifts + shifts @ strain.T
    with use_references():
        outputs = CollectiveVariables(model)(
            vectors.to(dtype), graph.center, graph.neighbor, graph.row_ptr, graph.types, *molecules
        )
        derivatives = [
            torch.autograd.grad(
                outputs[k], (positions, strain), retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for k in range(outputs.shape[0])
        ]
    return ReferenceResult(
        outputs.detach().numpy(),
        np.stack([gradient.numpy() for gradient, _ in derivatives]),
        np.stack([gradient.numpy() for _, gradient in derivatives]),
    )


def _sites(
    topology: Topology | None, atoms: Atoms, positions: Tensor, strain: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Centers, and what a model of molecules takes besides, from strained positions."""
    if topology is None:
        return positions + positions @ strain.T, []
    layout = topology.match(atoms.get_chemical_symbols())
    whole = make_whole(atoms.positions, atoms.cell.array, atoms.pbc, topology, layout)
    joined = positions + torch.from_numpy(whole - atoms.positions)
    geometry = site_geometry(joined + joined @ strain.T, topology, layout)
    return geometry.centers, [geometry.axes, torch.cat([part.flatten() for part in geometry.descriptors])]
