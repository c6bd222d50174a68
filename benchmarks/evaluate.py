"""Time CV evaluation (values, gradient, virial) for gnncv and, where it is installed, mlcolvar's SchNet.

    python benchmarks/evaluate.py                          # gnncv alone, all sizes
    python benchmarks/evaluate.py --peer-python PYTHON     # with mlcolvar, importable by that interpreter

Every case runs in a fresh process with pinned threads; cases of both are run by turns, size by size. Printed
are the median and the quartiles of the wall time, the median CPU time (on a busy machine the better figure),
the peak resident size, and the ratio of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import print_facts

HERE = Path(__file__).parent
SIZES = (256, 1000, 4000, 16000)
CASES: dict[str, dict[str, Any]] = {
    "gnncv: values, gradient and virial of progress": {
        "who": "gnncv",
        "gradients": ["progress"],
        "skin": None,
    },
    "gnncv: the same, new list at every call": {"who": "gnncv", "gradients": ["progress"], "skin": 0.0},
    "gnncv: gradients and virials of all outputs": {"who": "gnncv", "gradients": None, "skin": None},
    "gnncv: values only": {"who": "gnncv", "gradients": [], "skin": None},
    "mlcolvar SchNet: value and gradient, list given": {"who": "mlcolvar", "skin": None},
    "mlcolvar SchNet: the same, new list (vesin) at every call": {"who": "mlcolvar", "skin": 0.0},
}
RATIOS = (
    ("a biased step, list kept", 4, 0),
    ("a biased step, new list", 5, 1),
)


def run(command: list[str], threads: int) -> str:
    """Run a command with pinned threads and return its output; its error text is shown when it fails."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = os.environ | dict.fromkeys(names, str(threads))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed:\n{done.stderr}")
    return done.stdout


def demo_model(folder: Path, precision: str) -> Path:
    """Train the default model for one epoch on a few frames (weights change no time) and export it."""
    from gnncv.demo.settings import training_config
    from gnncv.export import export
    from gnncv.training import fit

    config = training_config(seed=0)
    config.data.index = "::10"
    config.training.epochs = 1
    trained = fit(config, folder / "train", progress=False)
    export(trained, folder / "cv.pt", precision=precision)
    return folder / "cv.pt"


def peer_model(python: str, cutoff: float, folder: Path) -> Path | None:
    """Export the peer's model with the peer's interpreter; None where mlcolvar is not importable there."""
    probe = [python, "-c", "from mlcolvar.core.nn.graph.schnet import SchNetModel"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        return None
    run([python, str(HERE / "peer_mlcolvar.py"), repr(cutoff), str(folder / "peer.pt")], threads=1)
    return folder / "peer.pt"


def main() -> None:
    """Parse the arguments, run all cases, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="model file; default: the default model, exported here")
    parser.add_argument(
        "--precision", default="float32", choices=("float32", "float64"), help="of the default model"
    )
    parser.add_argument(
        "--peer-python", default=sys.executable, help="an interpreter that can import mlcolvar"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, choices=(256, 500, 1000, 4000, 16000))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=8, help="calls before the timed ones")
    parser.add_argument("--repeats", type=int, default=25, help="timed calls")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))
    print_facts(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = arguments.model or demo_model(folder, arguments.precision)
        import gnncv

        cv = gnncv.CollectiveVariable(str(model))
        peer = peer_model(arguments.peer_python, cv.cutoff, folder)
        print(
            f"{'model':>14}  {model.name}, {cv.metadata['precision']}, cutoff {cv.cutoff:g} A, "
            f"{len(cv.names)} outputs"
        )
        print(f"{'peer':>14}  {'mlcolvar SchNet, default, float32' if peer else 'mlcolvar not importable'}")
        figures = measure(arguments, model, peer, cv.cutoff)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


def measure(
    arguments: argparse.Namespace, model: Path, peer: Path | None, cutoff: float
) -> dict[int, dict[str, dict[str, float]]]:
    """Run and print the cases of every size; figures by size and case."""
    figures: dict[int, dict[str, dict[str, float]]] = {}
    for size in arguments.sizes:
        print(f"\n{f'{size} atoms':<60}{'median':>9} {'quartiles':>19} {'CPU (ms)':>9} {'peak (MiB)':>11}")
        figures[size] = {}
        for title, case in CASES.items():
            if case["who"] == "mlcolvar" and peer is None:
                continue
            full = case | {
                "size": size,
                "threads": arguments.threads,
                "cutoff": cutoff,
                "warm_up": arguments.warm_up,
                "repeats": arguments.repeats,
                "model": str(peer if case["who"] == "mlcolvar" else model),
            }
            worker = [sys.executable, str(HERE / "workers.py"), json.dumps(full)]
            found = json.loads(run(worker, arguments.threads))
            figures[size][title] = found
            spread = f"{found['low_ms']:.2f} - {found['high_ms']:.2f}"
            print(
                f"  {title:<58}{found['median_ms']:9.2f} {spread:>19} {found['cpu_ms']:9.2f} "
                f"{found['peak_mib']:11.0f}",
                flush=True,
            )
        titles = list(CASES)
        for what, theirs, ours in RATIOS if peer else ():
            wall, cpu = (
                figures[size][titles[theirs]][name] / figures[size][titles[ours]][name]
                for name in ("median_ms", "cpu_ms")
            )
            print(f"  {what}: mlcolvar / gnncv = {wall:.2f} (of CPU times {cpu:.2f})")
    return figures


if __name__ == "__main__":
    main()
