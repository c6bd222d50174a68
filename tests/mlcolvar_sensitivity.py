"""mlcolvar's own `graph_node_sensitivity`, and ours on the same Python objects, where mlcolvar is installed.

    PYTHONPATH=PATH/TO/gnncv/python python mlcolvar_sensitivity.py FOLDER

FOLDER/structures.npz holds positions (T, N, 3), cell, pbc, numbers. For each kind of data set this writes
FOLDER/KIND.npz with what mlcolvar's function returned (``their-*``) and what ours did for the same CV and
data set (``our-*``), and the exported CV to FOLDER/KIND.pt. Of gnncv only its Python sources are used.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from mlcolvar_reference import CUTOFF, NUMBERS, export

N_SYSTEM = 6
# name -> (how many atoms are the system, buffer, isolated nodes removed); None: no environment
KINDS = {
    "full": (None, 0.0, False),
    "without-isolated": (None, 0.0, True),
    "truncated": (N_SYSTEM, 1.0, True),
    "truncated-whole": (N_SYSTEM, 0.5, False),
}


def data_set(stored: dict, n_system: int | None, buffer: float, remove_isolated: bool):
    """mlcolvar's graphs of the structures."""
    from mlcolvar.data.graph.atomic import AtomicNumberTable, Configuration
    from mlcolvar.data.graph.utils import create_dataset_from_configurations

    n_atoms = len(stored["numbers"])
    selected = {} if n_system is None else {
        "system": np.arange(n_system), "environment": np.arange(n_system, n_atoms)
    }  # fmt: skip
    configurations = [
        Configuration(
            atomic_numbers=stored["numbers"],
            positions=positions,
            cell=stored["cell"].copy(),
            pbc=tuple(bool(flag) for flag in stored["pbc"]),
            node_labels=None,
            graph_labels=np.array([[0.0]]),
            **selected,
        )
        for positions in stored["positions"]
    ]
    return create_dataset_from_configurations(
        config=configurations,
        atomic_numbers=AtomicNumberTable(NUMBERS),
        cutoff=CUTOFF,
        buffer=buffer,
        atom_names=[f"ATOM-{i}" for i in range(n_system or n_atoms)],
        remove_isolated_nodes=remove_isolated,
        show_progress=False,
    )


def both(cv: torch.nn.Module, dataset, component: int) -> dict[str, np.ndarray]:
    """What both functions say; of mlcolvar's gradients the norms, as its documentation has it."""
    from mlcolvar.explain.graph_sensitivity import graph_node_sensitivity

    import gnncv.explain

    theirs = graph_node_sensitivity(cv, dataset, component, batch_size=0, show_progress=False)
    found = {"their-labels": theirs["node_labels"], "their-atoms": theirs["atoms_list"]}
    found["their-frames"] = np.array(theirs["avg_sensitivities"])
    for k, raw in enumerate(theirs["raw_sensitivities"]):
        found[f"their-raw-{k}"] = np.linalg.norm(np.asarray(raw), axis=-1)
    ours = gnncv.explain.graph_node_sensitivity(cv, dataset, component, batch_size=3, show_progress=False)
    found |= {"our-labels": ours["node_labels"], "our-atoms": ours["atoms_list"]}
    found |= {"our-average": ours["avg_sensitivities"], "our-values": ours["values"]}
    for k, raw in enumerate(ours["raw_sensitivities"]):
        found[f"our-raw-{k}"] = raw
    with torch.no_grad():
        found["their-values"] = cv(dataset.get_graph_inputs())[:, component].numpy()
    return found


def main(folder: Path) -> None:
    """Write the exported CV, and what both say of every kind of data set."""
    from mlcolvar.core.nn.graph.schnet import SchNetModel

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    stored = dict(np.load(folder / "structures.npz"))
    for name, (n_system, buffer, remove_isolated) in KINDS.items():
        torch.manual_seed(1)
        network = SchNetModel(n_out=2, cutoff=CUTOFF, atomic_numbers=NUMBERS, buffer=buffer)
        cv = export(network, torch.float64, folder / f"{name}.pt")
        np.savez(folder / f"{name}.npz", **both(cv, data_set(stored, n_system, buffer, remove_isolated), 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
