"""Train mlcolvar's SchNet DeepTDA on points.

    python peer_mlcolvar_deeptda.py IN.npz OUT.npz [--seconds S]

IN has the array ``cutoff``, and for each SET ``SET/positions`` (T, M, 3) and ``SET/cells`` (T, 3, 3),
angstrom; of the sets ``training`` and ``validation`` also ``SET/labels`` (T,), 0 or 1. OUT gets the values
(T,) of the CV in every SET. 2 layers, 16 filters, 16 hidden channels; targets -7 and 7 with deviation 0.2, as
in mlcolvar's tutorials; the weights with the smallest validation loss. Needs branch release/2.0 of
luigibonati/mlcolvar.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

BATCH = 32


def graphs(found: Any, name: str, labeled: bool, cutoff: float) -> Any:
    """A data set of mlcolvar; every point is of the same element."""
    from mlcolvar.data.graph import atomic
    from mlcolvar.data.graph.utils import create_dataset_from_configurations

    frames = zip(found[f"{name}/positions"], found[f"{name}/cells"], strict=True)
    labels = found[f"{name}/labels"] if labeled else None
    configurations = [
        atomic.Configuration(
            atomic_numbers=np.full(len(positions), 6),
            positions=positions,
            cell=cell,
            pbc=(True, True, True),
            node_labels=None,
            graph_labels=None if labels is None else np.array([[labels[k]]], dtype=float),
        )
        for k, (positions, cell) in enumerate(frames)
    ]
    table = atomic.AtomicNumberTable.from_zs([6])
    return create_dataset_from_configurations(configurations, table, cutoff, show_progress=False)


def trained(training: Any, validation: Any, seconds: float, folder: Path) -> Any:
    """The CV with the best weights of a run that ends when it no longer gets better, or out of time."""
    import lightning
    from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
    from mlcolvar.core.nn.graph.schnet import SchNetModel
    from mlcolvar.cvs import DeepTDA
    from torch_geometric.loader import DataLoader

    network = SchNetModel(
        n_out=1, dataset_for_initialization=training, n_layers=2, n_filters=16, n_hidden_channels=16
    )
    cv = DeepTDA(
        n_states=2,
        n_cvs=1,
        target_centers=[-7.0, 7.0],
        target_sigmas=[0.2, 0.2],
        model=network,
        options={
            "optimizer": {"lr": 1e-3},
            "lr_scheduler": {"scheduler": torch.optim.lr_scheduler.ExponentialLR, "gamma": 0.9995},
        },
    )
    best = ModelCheckpoint(folder, monitor="valid_loss", save_weights_only=True)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=2000,
        max_time={"seconds": seconds},
        callbacks=[best, EarlyStopping("valid_loss", patience=400)],
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    batches = DataLoader(training, BATCH, shuffle=True, drop_last=True)  # one graph alone is refused
    trainer.fit(cv, batches, DataLoader(validation, len(validation)))
    print(f"{trainer.current_epoch} epochs, best validation loss {float(best.best_model_score):.3f}")
    cv.load_state_dict(torch.load(best.best_model_path, weights_only=False)["state_dict"])
    return cv.eval()


def values(cv: Any, dataset: Any) -> np.ndarray:
    """The CV of every graph."""
    from torch_geometric.loader import DataLoader

    batches = DataLoader(dataset, BATCH)
    return torch.cat([cv(batch["data_list"]).detach().flatten() for batch in batches]).numpy()


def main() -> None:
    """Train, evaluate, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    found = np.load(arguments.source)
    cutoff = float(found["cutoff"])
    names = sorted({key.rpartition("/")[0] for key in found.files if "/" in key})
    sets = {name: graphs(found, name, name in ("training", "validation"), cutoff) for name in names}
    folder = arguments.target.parent / f"{arguments.target.stem}-weights"
    cv = trained(sets["training"], sets["validation"], arguments.seconds, folder)
    np.savez(arguments.target, **{name: values(cv, dataset) for name, dataset in sets.items()})


if __name__ == "__main__":
    main()
