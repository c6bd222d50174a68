"""Run all tests that need a GPU, then time a CV step and its kernels there.

    python benchmarks/cuda.py                       # the tests, then 4096, 262144 and 1000000 atoms
    python benchmarks/cuda.py --no-tests --sizes 4096 --models filter-2x32

Times are of CUDA events, medians of ``--repeats`` calls after warming up. A step is the model's sums, one
output and its gradient with respect to the pair vectors, the list given and on the GPU; it is timed as it is,
and replayed from a CUDA graph. Bandwidths are of the bytes that a kernel must read and write, each row of a
neighbor counted once for each of its bonds, beside that of a copy on the same GPU. ``--device cpu`` tries the
script itself where there is no GPU.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor
from vesin import NeighborList

from machine import print_facts
from models import MODELS, cutoff_of, write_model
from structures import liquid_like

ROOT = Path(__file__).parents[1]
TILES = {256: (256, 1, 1, 1), 4096: (4096, 1, 1, 1), 262144: (4096, 4, 4, 4), 1000000: (4000, 5, 5, 10)}
COPIED = 1 << 30  # bytes


class Pairs:
    """Liquid-like argon and its full list of pairs, on a device."""

    def __init__(self, size: int, neighbors: float, device: torch.device) -> None:
        unit, *repeats = TILES[size]
        atoms = liquid_like(unit).repeat(repeats)
        self.cutoff = cutoff_of(neighbors)
        calculator = NeighborList(cutoff=self.cutoff, full_list=True)
        i, j, vectors = calculator.compute(atoms.positions, atoms.cell.array, True, "ijD")
        order = np.lexsort((j, i))
        counts = np.bincount(i, minlength=size)
        self.vectors = torch.from_numpy(vectors[order].astype(np.float32)).to(device)
        self.neighbor = torch.from_numpy(j[order].astype(np.int32)).to(device)
        self.row_ptr = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)])).to(device)
        self.types = torch.zeros(size, dtype=torch.int64, device=device)
        self.center = torch.empty(0, dtype=torch.int64, device=device)

    @property
    def n_pairs(self) -> int:
        return len(self.neighbor)

    @property
    def n_sites(self) -> int:
        return len(self.types)


def milliseconds(call: Callable[[], object], device: torch.device, warm_up: int, repeats: int) -> float:
    """Median time of a call."""
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeats):
        if device.type == "cuda":
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            call()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end))
        else:
            start = time.perf_counter()
            call()
            times.append(1e3 * (time.perf_counter() - start))
    return median(times)


def replayed(step: Callable[[], object]) -> Callable[[], object]:
    """The step as one CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def step_of(path: Path, pairs: Pairs, device: torch.device) -> Callable[[], Tensor]:
    """Sums of the model in a file, its first output, and the gradient with respect to the pair vectors."""
    model = torch.jit.load(str(path), map_location=device)
    vectors = pairs.vectors.clone().requires_grad_()

    def step() -> Tensor:
        sites = model.site_part(vectors, pairs.center, pairs.neighbor, pairs.row_ptr, pairs.types)
        output = model.head(model.sums(sites))[0]
        return torch.autograd.grad(output, vectors)[0]

    return step


def time_model(name: str, path: Path, pairs: Pairs, device: torch.device, given: argparse.Namespace) -> None:
    step = step_of(path, pairs, device)
    with torch.jit.optimized_execution(False):
        plain = milliseconds(step, device, given.warm_up, given.repeats)
        line = f"  {name:<28}{plain:10.3f} ms a step"
        if device.type == "cuda":
            try:
                line += (
                    f"{milliseconds(replayed(step), device, given.warm_up, given.repeats):10.3f} ms replayed"
                )
            except RuntimeError as error:  # what cannot be captured is a finding, too
                line += f"   not captured: {str(error).splitlines()[0]}"
    print(line, flush=True)


def time_copy(device: torch.device, given: argparse.Namespace) -> float:
    """Bytes read and written a second by a copy."""
    size = COPIED if device.type == "cuda" else COPIED >> 6
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    spent = milliseconds(lambda: target.copy_(source), device, given.warm_up, given.repeats)
    print(f"\ncopy of {size >> 20} MiB: {2e-6 * size / spent:.0f} GB/s")
    return 2e3 * size / spent


def time_kernels(pairs: Pairs, copied: float, device: torch.device, given: argparse.Namespace) -> None:
    """The gathers of message passing, there and back, beside a copy."""
    distances = torch.ops.gnncv.pair_distances(pairs.vectors)
    for width in (16, 32):
        table = torch.randn(1, 260, 6, width, device=device)
        features = torch.randn(pairs.n_sites, width, device=device)
        leaves = [distances.clone().requires_grad_(), features.clone().requires_grad_()]
        arguments = (pairs.neighbor, pairs.row_ptr, pairs.types, table, pairs.cutoff)

        def forward(arguments=arguments, leaves=leaves) -> Tensor:
            with torch.no_grad():
                return torch.ops.gnncv.table_messages(leaves[0], *arguments, leaves[1])

        messages = torch.ops.gnncv.table_messages(leaves[0], *arguments, leaves[1])

        ones = torch.ones_like(features)

        def backward(messages=messages, leaves=leaves, ones=ones) -> object:
            return torch.autograd.grad(messages, leaves, ones, retain_graph=True)

        gathered = pairs.n_pairs * (4 * width + 8) + pairs.n_sites * (4 * width + 8)
        moved = {"messages": gathered, "messages backward": gathered + 4 * pairs.n_pairs}
        for name, call in (("messages", forward), ("messages backward", backward)):
            spent = milliseconds(call, device, given.warm_up, given.repeats)
            rate = 1e3 * moved[name] / spent
            print(
                f"  {f'{name}, {width} channels':<28}{spent:10.3f} ms {1e-9 * rate:10.0f} GB/s,"
                f" {100.0 * rate / copied:4.0f} % of a copy",
                flush=True,
            )


def run_tests() -> None:
    """All tests marked as needing a GPU."""
    print("tests that need a GPU", flush=True)
    subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "cuda", str(ROOT / "tests")], check=True)


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--sizes", type=int, nargs="+", default=[4096, 262144, 1000000], choices=list(TILES))
    parser.add_argument("--neighbors", type=float, default=41.0, help="of an atom, on average")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--warm-up", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--no-tests", action="store_true")
    given = parser.parse_args()
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("there is no GPU that torch can use; `gnncv doctor` says what is there")
    print_facts(torch.get_num_threads())
    if device.type == "cuda":
        print(f"{'GPU':>14}  {torch.cuda.get_device_name(device)}")
    if not given.no_tests:
        run_tests()
    from gnncv._native import load_operators

    load_operators()
    copied = time_copy(device, given)
    with tempfile.TemporaryDirectory() as name:
        files = {model: write_model(model, Path(name), "float32", given.neighbors) for model in given.models}
        for size in given.sizes:
            pairs = Pairs(size, given.neighbors, device)
            print(f"\n{size} atoms, {pairs.n_pairs / size:.1f} neighbors")
            for model, path in files.items():
                time_model(model, path, pairs, device, given)
            time_kernels(pairs, copied, device, given)


if __name__ == "__main__":
    main()
