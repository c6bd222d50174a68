"""Time the node sensitivity of a frame beside one CV step, and beside mlcolvar's graph_node_sensitivity.

    python benchmarks/sensitivity.py                          # gnncv alone
    python benchmarks/sensitivity.py --peer-python PYTHON     # with mlcolvar, importable by that interpreter

A step is `CollectiveVariable.compute` with the gradient of one output, on the same frames: liquid-like argon
whose atoms move on by 4 fs at every frame. Step and sensitivities go through all frames by turns,
``--rounds`` times; the fastest round counts, as other work on the machine only ever adds. CPU time is the
better figure there. The peer's function is timed in processes of its own between the models, on one frame
whose graph is made beforehand.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from ase import Atoms

from evaluate import HERE, run
from machine import print_facts
from models import MODELS, cutoff_of, write_model
from structures import liquid_like, moving


def frames_of(size: int, count: int) -> list[Atoms]:
    """Frames one after the other."""
    atoms = liquid_like(size)
    frames = []
    for positions in moving(atoms, count):
        frames.append(atoms.copy())
        frames[-1].positions = positions
    return frames


Cases = dict[str, Callable[[], object]]


def cases_of(path: Path, frames: list[Atoms], folder: Path, threads: int) -> Cases:
    """What is timed, each over all frames, each with a model of its own."""
    import gnncv
    from gnncv.explain import SensitivitySummary, graph_node_sensitivity, node_sensitivity

    def loaded() -> gnncv.CollectiveVariable:
        return gnncv.CollectiveVariable(path, num_threads=threads)

    quiet: dict[str, Any] = {"show_progress": False}
    streams = quiet | {"keep_frames": False, "overwrite": True}
    models = [loaded() for _ in range(7)]
    return {
        "one step of the CV": lambda: [models[0].compute(a, outputs=["progress"]) for a in frames],
        "node_sensitivity": lambda: node_sensitivity(models[1], frames, "progress", **quiet),
        "node_sensitivity, frames one by one": lambda: [
            node_sensitivity(models[6], atoms, "progress", **quiet) for atoms in frames
        ],
        "graph_node_sensitivity": lambda: graph_node_sensitivity(models[2], frames, "progress", **quiet),
        "with system and environment": lambda: node_sensitivity(
            models[3], frames, "progress", system=range(100), environment_within=8.0, **quiet
        ),
        "with summary (gnncv sensitivity)": lambda: graph_node_sensitivity(
            models[4], frames, "progress", on_frame=SensitivitySummary().add, **streams
        ),
        "with the frames to a file": lambda: graph_node_sensitivity(
            models[5], frames, "progress", extxyz_filename=folder / "S.extxyz", **streams
        ),
    }


def measure(arguments: argparse.Namespace, name: str, folder: Path) -> dict[str, list[float]]:
    """Shortest wall and CPU time of a frame, ms, of each case of one model."""
    path = write_model(name, folder, arguments.precision, arguments.neighbors)
    cases = cases_of(path, frames_of(arguments.size, arguments.frames), folder, arguments.threads)
    best = {title: [float("inf")] * 2 for title in cases}
    for case in cases.values():
        case()
    for _ in range(arguments.rounds):
        for title, case in cases.items():
            start, spent = perf_counter(), process_time()
            case()
            spans = perf_counter() - start, process_time() - spent
            best[title] = [
                min(known, 1e3 * span / arguments.frames)
                for known, span in zip(best[title], spans, strict=True)
            ]
    return best


def peer(arguments: argparse.Namespace) -> list[float]:
    """Shortest wall and CPU time of mlcolvar's function on one frame, ms."""
    words = [arguments.size, repr(cutoff_of(arguments.neighbors)), arguments.peer_channels, arguments.repeats]
    script = str(HERE / "peer_mlcolvar_sensitivity.py")
    text = run([arguments.peer_python, script, *map(str, words)], arguments.threads)
    times: list[float] = json.loads(text.splitlines()[-1])
    return times


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["default", "filter-2x16"], choices=list(MODELS))
    parser.add_argument("--peer-python", help="an interpreter that can import mlcolvar (release/2.0)")
    parser.add_argument("--peer-channels", type=int, default=16)
    parser.add_argument("--precision", default="float32", choices=("float32", "float64"))
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--neighbors", type=float, default=41.0, help="of an atom, on average")
    parser.add_argument("--frames", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5, help="calls of the peer in a process")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(arguments.threads))
    print_facts(arguments.threads)
    figures: dict[str, Any] = {}
    theirs = [peer(arguments)] if arguments.peer_python else []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            figures[name] = measure(arguments, name, Path(folder))
            theirs += [peer(arguments)] if arguments.peer_python else []
    for name, best in figures.items():
        print(
            f"\n{f'{name}, {arguments.size} atoms':<37}{'ms a frame':>11} {'CPU':>8} {'of a step':>10} "
            f"{'CPU':>6}"
        )
        step = best["one step of the CV"]
        if theirs:
            best["mlcolvar graph_node_sensitivity"] = [min(times) for times in zip(*theirs, strict=True)]
        for title, (wall, cpu) in best.items():
            print(f"  {title:<35}{wall:11.2f} {cpu:8.2f} {wall / step[0]:10.2f} {cpu / step[1]:6.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
