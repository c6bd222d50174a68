"""Values and derivatives straight from the PyTorch model: slow, independent of the C++ core."""

from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from numpy.typing import NDArray

from gnncv.data import build_graph
from gnncv.nn.operators import use_references

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
    graph = build_graph(atoms, model.config.cutoff, model.species)
    positions = torch.from_numpy(atoms.positions.copy()).requires_grad_()
    strain = torch.zeros((3, 3), dtype=torch.float64, requires_grad=True)
    between = positions.detach()[graph.neighbor] - positions.detach()[graph.center]
    shifts = graph.vectors - between
    vectors = positions[graph.neighbor] - positions[graph.center] + shifts
    vectors = vectors + vectors @ strain.T
    with use_references():
        outputs = CollectiveVariables(model)(
            vectors.to(dtype), graph.center, graph.neighbor, graph.row_ptr, graph.types
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
