"""Time SmartDerivatives of gnncv and of mlcolvar 1.3.1: setup, value and gradient, a training step.

    python benchmarks/smart_derivatives.py                          # gnncv alone
    python benchmarks/smart_derivatives.py --peer-python PYTHON     # with mlcolvar, in that interpreter

Two systems: all 990 distances of 45 atoms in 256 frames, and 100 coordination numbers of 1000 atoms in 2
frames. Both packages get the same positions, network, optimizer and loss, a committor's: the mass-weighted
squared gradient of the output with respect to positions, and the output itself at the boundary. Each runs in
a fresh process with pinned threads, by turns. Setup is timed at its first call; value and gradient, and the
training step, as the median of many. Of several processes the best is shown: wall and CPU time in
milliseconds (on a busy machine CPU time is the better figure). Memory is the growth of the peak resident size
during setup, in MiB.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CASES = {
    "990 distances of 45 atoms, 256 frames": {"system": "distances", "frames": 256, "atoms": 45},
    "100 coordination numbers of 1000 atoms, 2 frames, rational": {
        "system": "rational",
        "frames": 2,
        "atoms": 1000,
    },
    "100 coordination numbers of 1000 atoms, 2 frames, Fermi, zero beyond 1": {
        "system": "fermi",
        "frames": 2,
        "atoms": 1000,
    },
}
BOX = 3.0
CUTOFF, WIDTH, LONGEST = 0.35, 0.05, 1.0


def peer_descriptors(case: dict[str, Any]) -> Any:
    """Descriptors of mlcolvar."""
    from mlcolvar.core.transform import CoordinationNumbers, PairwiseDistances, SwitchingFunctions

    n = case["atoms"]
    if case["system"] == "distances":
        return PairwiseDistances(n_atoms=n, PBC=True, cell=BOX)
    name = {"rational": "Rational", "fermi": "Fermi"}[case["system"]]
    options = {} if name == "Rational" else {"q": WIDTH}
    longest = None if name == "Rational" else LONGEST
    switching = SwitchingFunctions(3 * n, name, CUTOFF, longest, options)
    return CoordinationNumbers(
        list(range(n // 10)),
        list(range(n // 10, n)),
        CUTOFF,
        n,
        True,
        BOX,
        "continuous",
        switching_function=switching,
        dmax=longest,
    )


def own_descriptors(case: dict[str, Any]) -> Any:
    """The same of gnncv."""
    import torch

    from gnncv.jacobian import CoordinationNumbers, PairDistances, RationalSwitching

    n = case["atoms"]
    if case["system"] == "distances":
        return PairDistances(n, cell=BOX)

    def fermi(distances: torch.Tensor) -> torch.Tensor:
        value = 1 / (1 + torch.exp((distances - CUTOFF) / WIDTH))
        last = 1 / (1 + math.exp((LONGEST - CUTOFF) / WIDTH))
        return (value - last) / (1 - last) * (distances <= LONGEST)

    switching = RationalSwitching(CUTOFF) if case["system"] == "rational" else fermi
    return CoordinationNumbers(n, range(n // 10), range(n // 10, n), switching=switching, cell=BOX)


def median_ms(function: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Median wall and CPU time of a call, in milliseconds, after a warm-up, over at least eleven calls."""
    for _ in range(3):
        function()
    times: list[tuple[float, float]] = []
    while len(times) < 11 or sum(wall for wall, _ in times) < seconds:
        times.append(timed(function))
    walls, cpus = zip(*times, strict=True)
    return 1e3 * statistics.median(walls), 1e3 * statistics.median(cpus)


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU time of a call, in seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu


def peak_mib() -> float:
    """Peak resident size of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(case: dict[str, Any]) -> dict[str, float]:
    """All figures of one package in this process."""
    import torch

    torch.set_num_threads(case["threads"])
    torch.manual_seed(0)
    n_frames, n_atoms = case["frames"], case["atoms"]
    positions = BOX * torch.rand(n_frames, 3 * n_atoms)
    labels = torch.full((n_frames,), 2.0)
    entries = {"data": positions, "labels": labels, "weights": torch.ones(n_frames)}
    if case["who"] == "mlcolvar":
        from mlcolvar.core.loss.utils.smart_derivatives import SmartDerivatives
        from mlcolvar.data import DictDataset

        dataset, descriptors = DictDataset(entries), peer_descriptors(case)
    else:
        from gnncv._native import load_operators
        from gnncv.jacobian import SmartDerivatives

        load_operators()  # an import, which is not part of the setup
        dataset, descriptors = entries, own_descriptors(case)
    smart = SmartDerivatives(force_all_atoms=True)
    before, described = peak_mib(), []
    wall, cpu = timed(lambda: described.append(smart.setup(dataset, descriptors, n_atoms)))
    figures = {"setup": 1e3 * wall, "setup_cpu": 1e3 * cpu, "memory": peak_mib() - before}
    return figures | train(smart, described[0], n_atoms, case["seconds"])


def train(smart: Any, described: Any, n_atoms: int, seconds: float) -> dict[str, float]:
    """Times of value and gradient, and of a training step, over the whole data set in shuffled order."""
    import torch

    order = torch.randperm(len(described["data"]))
    x, ref_idx = described["data"][order].clone().requires_grad_(), described["ref_idx"][order]
    network = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], 32),
        torch.nn.Tanh(),
        torch.nn.Linear(32, 32),
        torch.nn.Tanh(),
        torch.nn.Linear(32, 1),
        torch.nn.Sigmoid(),
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    masses = torch.rand(n_atoms) + 1

    def value_and_gradient(create_graph: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        q = network(x)
        (slopes,) = torch.autograd.grad(q.sum(), x, create_graph=create_graph)
        return q, smart(slopes, ref_idx)

    def step() -> None:
        optimizer.zero_grad()
        q, gradient = value_and_gradient(True)
        loss = (gradient.square().sum(-1) / masses).sum(1).mean() + (q - 1).square().mean()
        loss.backward()
        optimizer.step()

    figures = {}
    for name, function in (("gradient", value_and_gradient), ("step", step)):
        figures[name], figures[f"{name}_cpu"] = median_ms(function, seconds)
    return figures


def run(python: str, case: dict[str, Any]) -> dict[str, float]:
    """Measure in a fresh process of an interpreter."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(case["threads"]))
    command = [python, str(Path(__file__)), "--worker", json.dumps(case)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{case['who']} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def best(runs: list[dict[str, float]]) -> dict[str, float]:
    """Smallest of each figure."""
    return {name: min(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    """Parse the arguments, run all cases, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", help="an interpreter that can import mlcolvar 1.3.1")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each package, by turns")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each timed part")
    parser.add_argument("--small", action="store_true", help="a few frames and atoms, to see that it runs")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(json.loads(arguments.worker))))
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))
    from machine import print_facts

    print_facts(arguments.threads)
    columns = ("setup", "setup_cpu", "memory", "gradient", "gradient_cpu", "step", "step_cpu")
    for title, settings in CASES.items():
        small = {"frames": 2, "atoms": 20} if arguments.small else {}
        case = settings | small | {"threads": arguments.threads, "seconds": arguments.seconds}
        print(f"\n{title}\n{'':<20}" + "".join(f"{name.replace('_cpu', ', CPU'):>14}" for name in columns))
        found: dict[str, list[dict[str, float]]] = {}
        for turn in range(arguments.rounds):
            for who, python in (("gnncv", sys.executable), ("mlcolvar", arguments.peer_python)):
                # mlcolvar's setup takes most of a minute: twice is enough
                if python and (who == "gnncv" or turn < 2):
                    found.setdefault(who, []).append(run(python, case | {"who": who}))
        figures = {who: best(runs) for who, runs in found.items()}
        for who, row in figures.items():
            print(f"  {who:<18}" + "".join(f"{row[name]:14.3f}" for name in columns), flush=True)
        if len(figures) == 2:
            ratios = [figures["mlcolvar"][n] / max(figures["gnncv"][n], 1e-9) for n in columns]
            print(f"  {'mlcolvar / gnncv':<18}" + "".join(f"{ratio:14.1f}" for ratio in ratios))


if __name__ == "__main__":
    main()
