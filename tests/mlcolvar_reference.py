"""Export real models of mlcolvar and evaluate them with mlcolvar itself, in an interpreter that has it.

    python mlcolvar_reference.py FOLDER

FOLDER/structures.npz holds positions-i, cell-i, pbc-i and numbers-i of each structure i. For every model this
writes FOLDER/NAME.pt, and FOLDER/NAME.npz with values-i (K) and gradients-i (K, N, 3). No part of gnncv is
imported. The graph is built with mlcolvar's own neighbor list, the model is the Python module before export.
"""

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

CUTOFF = 4.0
NUMBERS = [6, 18]


def networks() -> dict:
    """Name -> (module, its precision): each architecture, several numbers of outputs, both precisions."""
    from mlcolvar.core.nn.graph.gvp import GVPModel
    from mlcolvar.core.nn.graph.painn import PaiNNModel
    from mlcolvar.core.nn.graph.schnet import SchNetModel

    known = {"cutoff": CUTOFF, "atomic_numbers": NUMBERS}
    recipes = {
        "schnet": lambda: SchNetModel(n_out=1, **known),
        "schnet-sum": lambda: SchNetModel(n_out=3, aggr="sum", pooling_operation="sum", **known),
        "schnet-max": lambda: SchNetModel(n_out=2, aggr="max", w_out_after_pool=True, **known),
        "schnet-attention": lambda: SchNetModel(n_out=2, aggr="attention", **known),
        "painn": lambda: PaiNNModel(n_out=2, **known),
        "gvp": lambda: GVPModel(n_out=4, **known),
        "gvp-smooth": lambda: GVPModel(n_out=1, smooth=True, **known),
    }
    made = {}
    for name, recipe in recipes.items():
        for dtype in (torch.float32, torch.float64):
            torch.set_default_dtype(dtype)
            torch.manual_seed(0)
            made[f"{name}-{str(dtype)[6:]}"] = recipe().eval(), dtype
    return made


def export(network: torch.nn.Module, dtype: torch.dtype, path: Path) -> torch.nn.Module:
    """Write the TorchScript file as mlcolvar writes it; returns its collective variable."""
    from mlcolvar.cvs import RegressionCV
    from mlcolvar.data.graph.utils import create_graph_tracing_example

    torch.set_default_dtype(dtype)
    cv = RegressionCV(model=network).eval()
    cv.to_torchscript(str(path), method="trace", example_inputs=create_graph_tracing_example(len(NUMBERS)))
    return cv


def evaluate(cv: torch.nn.Module, dtype: torch.dtype, atoms: dict) -> tuple[np.ndarray, np.ndarray]:
    """Values (K) and gradients (K, N, 3) with respect to positions."""
    from mlcolvar.data.graph.neighborhood import get_neighborhood

    pbc = tuple(bool(flag) for flag in atoms["pbc"])
    edges, shifts, _ = get_neighborhood(atoms["positions"], CUTOFF, pbc, atoms["cell"].copy())
    n_atoms = len(atoms["numbers"])
    positions = torch.tensor(atoms["positions"], dtype=dtype, requires_grad=True)
    kinds = torch.tensor([NUMBERS.index(number) for number in atoms["numbers"]])
    values = cv(
        {
            "edge_index": torch.tensor(edges, dtype=torch.long),
            "positions": positions,
            "shifts": torch.tensor(shifts, dtype=dtype),
            "node_attrs": torch.nn.functional.one_hot(kinds, len(NUMBERS)).to(dtype),
            "batch": torch.zeros(n_atoms, dtype=torch.long),
            "n_system": torch.tensor([[n_atoms]]),
            "system_masks": torch.ones((n_atoms, 1), dtype=torch.bool),
            "edge_masks_lr": torch.zeros((edges.shape[1], 1), dtype=torch.bool),
        }
    )[0]
    gradients = [torch.autograd.grad(value, positions, retain_graph=True)[0].numpy() for value in values]
    return values.detach().numpy(), np.array(gradients)


def main(folder: Path) -> None:
    """Write every model and what it gives for every structure."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    stored = np.load(folder / "structures.npz")
    n_structures = len(stored.files) // 4
    for name, (network, dtype) in networks().items():
        cv = export(network, dtype, folder / f"{name}.pt")
        results = {}
        for i in range(n_structures):
            atoms = {key: stored[f"{key}-{i}"] for key in ("positions", "cell", "pbc", "numbers")}
            results[f"values-{i}"], results[f"gradients-{i}"] = evaluate(cv, dtype, atoms)
        np.savez(folder / f"{name}.npz", **results)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
