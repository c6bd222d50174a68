"""Explanations of random frames, with scores that add up without rounding."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import molecule
from vesin import ase_neighbor_list

from gnncv.explain import Explanation
from systems import box_vectors

CUTOFF = 3.4


def dyadic(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    """Signed multiples of 2**-20 below 1: sums, halves and differences of thousands of them are exact."""
    return rng.integers(-(2**20), 2**20, shape) / 2.0**20


def random_explanation(
    rng: np.random.Generator, over: str, n: int = 40, box: str = "triclinic"
) -> Explanation:
    """Random scores over a random frame whose nodes are atoms, with all edges within a cutoff."""
    cell = box_vectors(box, 7.0 * n, CUTOFF)
    pbc = {"slab": (True, True, False), "open": False}.get(box, True)
    frame = cell + np.diag([0.0, 0.0, 12.0]) if box == "slab" else cell
    symbols = rng.choice(["Ar", "Kr"], n)
    atoms = Atoms(symbols, rng.random((n, 3)) @ frame, cell=cell, pbc=pbc)
    center, neighbor, vectors = ase_neighbor_list("ijD", atoms, CUTOFF)
    shapes = {"nodes": n, "node_features": (n, 3), "edges": len(center)}
    return Explanation(
        scores=dyadic(rng, shapes[over]),
        over=over,  # type: ignore[arg-type]
        node_labels=[f"{symbol}{i}" for i, symbol in enumerate(atoms.symbols, start=1)],
        output="progress",
        method="saliency",
        units="1/Å",
        model_hash="0123456789abcdef" * 4,
        value=float(rng.normal()),
        labels=["q4", "q6", "number"] if over == "node_features" else (),
        edge_index=np.stack([neighbor, center]).astype(np.int64),
        edge_vectors=vectors,
        atoms=atoms,
    )


def explanation_of_sites(
    rng: np.random.Generator, over: str, n_molecules: int = 5
) -> tuple[Explanation, np.ndarray]:
    """Random scores over sites, which are methane and water in turn, and their true centers (n, 3).

    The atoms of a molecule are apart in the order of the frame, and wrapped into the cell one by one.
    """
    cell = np.array([[12.0, 0.0, 0.0], [3.0, 13.0, 0.0], [0.0, -2.0, 14.0]])
    shapes = [molecule("CH4"), molecule("H2O")]
    kinds = [shapes[k % 2] for k in range(n_molecules)]
    centers = rng.random((n_molecules, 3)) @ cell
    whole = [
        kind.positions - kind.positions.mean(axis=0) + center
        for kind, center in zip(kinds, centers, strict=True)
    ]
    order = rng.permutation(sum(map(len, kinds)))
    symbols = [symbol for kind in kinds for symbol in kind.symbols]
    atoms = Atoms(symbols, np.concatenate(whole), cell=cell, pbc=True)[order]
    atoms.wrap()
    pairs = np.array([(i, j) for i in range(n_molecules) for j in range(n_molecules) if i != j]).T
    explanation = Explanation(
        scores=dyadic(rng, n_molecules if over == "nodes" else pairs.shape[1]),
        over=over,  # type: ignore[arg-type]
        node_labels=[f"{('CH4', 'H2O')[k % 2]}{k + 1}" for k in range(n_molecules)],
        output="latent-1",
        method="integrated gradients",
        units="1",
        model_hash="f" * 64,
        value=0.25,
        edge_index=pairs,
        atoms=atoms,
        node_of_atom=np.repeat(np.arange(n_molecules), list(map(len, kinds)))[order],
    )
    return explanation, centers
