"""One case, timed in this process: ``python workers.py '{"who": "gnncv", ...}'`` prints its figures as JSON.

Each case is a process of its own, so that its peak resident size is its own. Both kinds of worker import
torch and evaluate one TorchScript file; neither imports the package the peer's model was written with.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from structures import liquid_like, moving

Call = Callable[[NDArray[np.float64]], float]


def gnncv_call(case: dict[str, Any], atoms: Atoms) -> Call:
    """Values of all outputs, and gradient with virial of those that ``case["gradients"]`` names."""
    import gnncv

    cv = gnncv.CollectiveVariable(case["model"], num_threads=case["threads"], skin=case["skin"])
    cv.bind(atoms.get_chemical_symbols())
    cell, pbc = np.array(atoms.cell[:]), np.array([True, True, True])
    wanted = case["gradients"]

    def call(positions: NDArray[np.float64]) -> float:
        return float(cv.compute(positions, cell, pbc, outputs=wanted).values[0])

    return call


def peer_call(case: dict[str, Any], atoms: Atoms) -> Call:
    """The peer's one output and its gradient (it has no virial); exact list once or at every call."""
    import torch
    from vesin import NeighborList

    model = torch.jit.load(case["model"])
    neighbors = NeighborList(cutoff=case["cutoff"], full_list=True, sorted=True)
    cell, n_atoms = np.array(atoms.cell[:]), len(atoms)
    fixed: dict[str, Any] = {
        "node_attrs": torch.ones(n_atoms, 1),
        "batch": torch.zeros(n_atoms, dtype=torch.int64),
        "n_system": torch.tensor([[n_atoms]]),
        "system_masks": torch.ones(n_atoms, 1, dtype=torch.bool),
        "cell": torch.tensor(cell, dtype=torch.float32),
    }

    def edges(positions: NDArray[np.float64]) -> dict[str, Any]:
        first, second, shifts = neighbors.compute(positions, cell, True, "ijS")
        return {
            "edge_index": torch.from_numpy(np.stack([first, second]).astype(np.int64)),
            "shifts": torch.from_numpy((shifts @ cell).astype(np.float32)),
            "edge_masks_lr": torch.zeros(len(first), 1, dtype=torch.bool),
        }

    once = edges(atoms.positions)

    def call(positions: NDArray[np.float64]) -> float:
        graph = edges(positions) if case["skin"] == 0 else once
        where = torch.tensor(positions, dtype=torch.float32, requires_grad=True)
        value = model({**fixed, **graph, "positions": where})
        (gradient,) = torch.autograd.grad(value.sum(), where)
        gradient.to(torch.float64).numpy()
        return float(value.detach())

    return call


def start_of_peak() -> float:
    """Resident memory in MiB; the peak that `peak_mib` gives begins anew here (Linux only, else NaN)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return float("nan")
    return peak_mib()


def peak_mib() -> float:
    """Largest resident memory since `start_of_peak`, MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024.0


def main(text: str) -> None:
    """Time one case: warm-up calls, then repeats, each on positions a time step further."""
    case = json.loads(text)
    import torch

    torch.set_num_threads(case["threads"])
    atoms = liquid_like(case["size"])
    call = (gnncv_call if case["who"] == "gnncv" else peer_call)(case, atoms)
    frames = moving(atoms, case["warm_up"] + case["repeats"])
    before = start_of_peak()
    seconds, processor = [], []
    for number, positions in enumerate(frames):
        start, spent = perf_counter(), process_time()
        value = call(positions)
        if number >= case["warm_up"]:
            seconds.append(perf_counter() - start)
            processor.append(process_time() - spent)
    assert np.isfinite(value)
    low, middle, high = np.quantile(seconds, [0.25, 0.5, 0.75])
    found = {
        "median_ms": 1e3 * middle,
        "low_ms": 1e3 * low,
        "high_ms": 1e3 * high,
        "cpu_ms": 1e3 * float(np.median(processor)),
        "extra_mib": peak_mib() - before if np.isfinite(before) else float("nan"),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "value": value,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
