"""How well unseen conformations are rebuilt, beside references that know less or other things."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnncv.models import MoleculeAutoencoder

ROWS = 4096  # molecules at a time
ROUNDS = 10  # of renaming and averaging, for the mean in the best naming


@torch.no_grad()
def reconstruction_report(model: MoleculeAutoencoder, training: Tensor, validation: Tensor) -> dict[str, Any]:
    """Errors on unseen descriptors ``(B, D)`` of the autoencoder and of references fitted to training ones.

    Returns
    -------
    dict
        ``distance_rms`` (angstrom) and ``cosine_rms``, where there are such, and ``unexplained``, the mean of
        :meth:`MoleculeAutoencoder.reconstruction_error`, each a dict of the predictors:

        - ``autoencoder``;
        - ``mean``, which always gives the training mean of each descriptor: the trivial predictor;
        - ``renamed_mean``, which always gives one conformation, the best there is if equivalent atoms may be
          named anew for each molecule as they may for the autoencoder: what the naming alone explains;
        - ``principal_components``, as many as the embedding has numbers: a linear autoencoder that knows the
          atoms' names, and so is not invariant.

        ``pairs``: of each set of equivalent distances its atoms (of the first), how many there are, and the
        errors of autoencoder and mean (angstrom). ``type_accuracy``: share of atoms whose element is rebuilt.
    """
    predicted: dict[str, tuple[Tensor, Tensor]] = {}
    encoded = [model(part) for part in validation.split(ROWS)]
    predicted["autoencoder"] = (
        torch.cat([part.true for part in encoded]).double(),
        torch.cat([part.rebuilt for part in encoded]).double(),
    )
    seen, unseen = (
        (d - model.encoder.descriptor_mean) / model.encoder.descriptor_scale for d in (training, validation)
    )
    predicted["mean"] = (unseen, seen.mean(0).expand_as(unseen))
    predicted["renamed_mean"] = _renamed_mean(model, seen, unseen)
    predicted["principal_components"] = (unseen, _linear(model, seen, unseen))
    return {
        "n_molecules": len(validation),
        "n_symmetries": None if model.comparison.sorts else len(model.comparison.permutations),
        **_errors(model, predicted),
        "pairs": _pairs(model, predicted),
        "type_accuracy": _type_accuracy(model, encoded),
    }


@torch.no_grad()
def embeddings(model: MoleculeAutoencoder, descriptors: Tensor) -> np.ndarray:
    """``(B, E)`` float64, of descriptors ``(B, D)``."""
    return torch.cat([model.encoder(part) for part in descriptors.split(ROWS)]).double().numpy()


def _errors(model: MoleculeAutoencoder, predicted: dict[str, tuple[Tensor, Tensor]]) -> dict[str, Any]:
    n_distances = model.encoder.n_distances
    scale = model.encoder.descriptor_scale
    found: dict[str, Any] = {"distance_rms": {}, "cosine_rms": {}, "unexplained": {}}
    for name, (true, rebuilt) in predicted.items():
        squares = ((rebuilt - true) * scale).square().mean(0)
        for sort, part in (("distance_rms", squares[:n_distances]), ("cosine_rms", squares[n_distances:])):
            if len(part):
                found[sort][name] = float(part.mean().sqrt())
        found["unexplained"][name] = float(model.reconstruction_error(true, rebuilt).mean())
    return {name: of_predictors for name, of_predictors in found.items() if of_predictors}


def _pairs(model: MoleculeAutoencoder, predicted: dict[str, tuple[Tensor, Tensor]]) -> list[dict[str, Any]]:
    molecule, scale = model.molecule, model.encoder.descriptor_scale
    rows = []
    for members in model.comparison.classes:
        first = int(members[0])
        if first >= model.encoder.n_distances:
            continue
        row: dict[str, Any] = {
            "atoms": [f"{molecule.symbols[atom]}{atom}" for atom in molecule.distances[first]],
            "n_equivalent": len(members),
            "mean": float(model.encoder.descriptor_mean[first]),
        }
        for name in ("autoencoder", "mean"):
            true, rebuilt = predicted[name]
            difference = (rebuilt - true)[:, members] * scale[members]
            row["rms" if name == "autoencoder" else "rms_of_mean"] = float(difference.square().mean().sqrt())
        rows.append(row)
    return rows


def _renamed_mean(model: MoleculeAutoencoder, seen: Tensor, unseen: Tensor) -> tuple[Tensor, Tensor]:
    """Unseen descriptors, named to fit one conformation, and that conformation."""
    weights = model.loss_weight
    some = seen[:: max(1, len(seen) // ROWS)]
    center = some[0]
    for _ in range(ROUNDS):
        center = model.comparison.renamed(some, center.expand_as(some), weights).mean(0)
    constant = center.expand_as(unseen)
    return model.comparison.renamed(unseen, constant, weights), constant


def _linear(model: MoleculeAutoencoder, seen: Tensor, unseen: Tensor) -> Tensor:
    """Unseen descriptors projected on the main components of the seen, in the metric of the error."""
    metric = model.loss_weight.sqrt().clamp(min=1e-6)
    mean = seen.mean(0)
    _, _, rows = torch.linalg.svd((seen - mean) * metric, full_matrices=False)
    main = rows[: model.config.embedding]
    return mean + ((unseen - mean) * metric) @ main.T @ main / metric


def _type_accuracy(model: MoleculeAutoencoder, encoded: list[Any]) -> float:
    right = [(part.type_logits.argmax(2) == model.encoder.elements).double() for part in encoded]
    return float(torch.cat(right).mean())
