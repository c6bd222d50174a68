"""Time one CV step (values, gradient, virial; list kept) of several models, beside mlcolvar's SchNet.

    python benchmarks/step.py                                # gnncv alone
    python benchmarks/step.py --peer-python PYTHON           # with mlcolvar, importable by that interpreter
    python benchmarks/step.py --growth --threads 1           # time and memory against the number of atoms

Liquid-like argon of 4096 atoms with 41 neighbors on average; models are exported here (models.py). Every
case runs in a fresh process with pinned threads, peers and ours by turns, ``--rounds`` times; shown is the
median of the rounds' medians, and ratios are of those. Memory is what the calls added to a process in which
the model was loaded already.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from evaluate import HERE, run
from machine import print_facts
from models import MODELS, cutoff_of, write_model

PEERS = {"SchNet 2x16": 16, "SchNet 2x32": 32}
PEER_OF = {name: "SchNet 2x32" if "32" in name else "SchNet 2x16" for name in MODELS}
GROWTH = (1024, 4096, 16384, 65536, 262144)


def time_case(case: dict[str, Any]) -> dict[str, float]:
    """Figures of one case, from a process of its own."""
    text = run([sys.executable, str(HERE / "workers.py"), json.dumps(case)], case["threads"])
    found: dict[str, float] = json.loads(text)
    return found


def ours(model: Path, size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Case of a model file of gnncv, one output biased."""
    return base(size, arguments) | {
        "who": "gnncv",
        "gradients": ["progress"],
        "skin": None,
        "model": str(model),
    }


def theirs(model: Path, size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Case of a model file of mlcolvar; its list is given."""
    return base(size, arguments) | {"who": "mlcolvar", "skin": None, "model": str(model)}


def base(size: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """What all cases share."""
    return {
        "size": size,
        "threads": arguments.threads,
        "cutoff": cutoff_of(arguments.neighbors),
        "warm_up": arguments.warm_up,
        "repeats": arguments.repeats,
    }


def export_all(arguments: argparse.Namespace, folder: Path) -> dict[str, Path]:
    """Model files by name: the peers' first, where there is an interpreter for them."""
    files: dict[str, Path] = {}
    for name, channels in PEERS.items() if arguments.peer_python else ():
        files[name] = folder / f"peer-{channels}.pt"
        words = [repr(cutoff_of(arguments.neighbors)), str(files[name]), str(channels)]
        run([arguments.peer_python, str(HERE / "peer_mlcolvar.py"), *words], 1)
    for name in arguments.models:
        files[name] = write_model(name, folder, arguments.precision, arguments.neighbors)
    return files


def compare(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All models at one size."""
    cases = {
        name: (theirs if name in PEERS else ours)(path, arguments.size, arguments)
        for name, path in export_all(arguments, folder).items()
    }
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for _ in range(arguments.rounds):
        for name, case in cases.items():
            rounds[name].append(time_case(case))
    print(f"\n{f'{arguments.size} atoms':<28}{'ms a step':>10} {'rounds':>17} {'ratio':>8} {'MiB added':>10}")
    figures: dict[str, Any] = {}
    for name, found in rounds.items():
        times = [one["median_ms"] for one in found]
        figures[name] = {"ms": median(times), "rounds": times, "extra_mib": found[0]["extra_mib"]}
        peer = figures.get(PEER_OF.get(name, ""))
        ratio = f"{peer['ms'] / median(times):8.1f}" if peer else f"{'':>8}"
        spread = f"{min(times):.2f} - {max(times):.2f}"
        print(f"  {name:<26}{median(times):10.2f} {spread:>17} {ratio} {found[0]['extra_mib']:10.0f}")
    return figures


def growth(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Time and memory against the number of atoms, and the exponent between the ends."""
    figures: dict[str, Any] = {}
    for name, path in export_all(arguments, folder).items():
        peer = name in PEERS
        print(f"\n{name:<28}{'ms a step':>10} {'us an atom':>11} {'MiB added':>10} {'bytes an atom':>14}")
        rows = {}
        for size in arguments.sizes:
            if peer and size > arguments.largest_peer:
                continue
            found = time_case((theirs if peer else ours)(path, size, arguments))
            rows[size] = found
            bytes_each = found["extra_mib"] * 2**20 / size
            print(
                f"  {f'{size} atoms':<26}{found['median_ms']:10.2f} {1e3 * found['median_ms'] / size:11.3f} "
                f"{found['extra_mib']:10.0f} {bytes_each:14.0f}",
                flush=True,
            )
        ends = min(rows), max(rows)
        if len(rows) > 1:
            rise = rows[ends[1]]["median_ms"] / rows[ends[0]]["median_ms"]
            print(
                f"  exponent from {ends[0]} to {ends[1]}: {math.log(rise) / math.log(ends[1] / ends[0]):.3f}"
            )
        figures[name] = rows
    return figures


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--peer-python", help="an interpreter that can import mlcolvar (release/2.0)")
    parser.add_argument("--precision", default="float32", choices=("float32", "float64"))
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--neighbors", type=float, default=41.0, help="of an atom, on average")
    parser.add_argument("--growth", action="store_true", help="several sizes instead of peers")
    parser.add_argument("--sizes", type=int, nargs="+", default=GROWTH)
    parser.add_argument("--largest-peer", type=int, default=16384, help="atoms: peers need gigabytes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))
    print_facts(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        figures = (growth if arguments.growth else compare)(arguments, Path(name))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
