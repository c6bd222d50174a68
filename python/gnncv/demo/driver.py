"""The main job: train, export, run, analyze, report. Called again, it goes on where it was interrupted."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from ase import Atoms
from ase.io import read, write

from gnncv.analysis import compute_free_energy
from gnncv.cv import CollectiveVariable
from gnncv.engines.loop import run
from gnncv.errors import ModelError, OutputExists
from gnncv.explain import graph_node_sensitivity, write_per_site
from gnncv.export import export_widened
from gnncv.files import write_atomic
from gnncv.training import TrainConfig, fit, load_run

from .frames import fcc_crystal
from .report import Stage, duration, write_report
from .settings import STEPS, equilibration_config, run_config, training_config
from .story import tell, verdict_of

SETTINGS = "demo.json"
REPORT = "report.html"
STAGES = "stages.json"
OURS = (
    "train", "cv.pt", "lattice.extxyz", "equilibration", "crystal.extxyz", "run", "fes.dat", "fes.png",
    "fes.csv", "sensitivity.extxyz", "per_site.extxyz", STAGES, REPORT, SETTINGS,
)  # fmt: skip
THREADS = 1


class Journal:
    """Announces stages and keeps what each did and how long it took, also over interruptions.

    Parameters
    ----------
    path
        JSON file of the finished stages.
    progress
        Print a line when a stage begins and ends, on standard error.
    total
        Number of stages, for the lines.
    """

    def __init__(self, path: Path, progress: bool, total: int) -> None:
        self.path, self.progress, self.total = path, progress, total
        text = path.read_text(encoding="utf-8") if path.exists() else "[]"
        self.stages = [Stage(**stage) for stage in json.loads(text)]
        self.begun = 0

    def stage(self, name: str, what: str, work: Callable[[], None]) -> None:
        """Do a stage, unless the journal says that it was done."""
        self.begun += 1
        head = f"[{self.begun}/{self.total}] {name}: {what}"
        if any(stage.name == name for stage in self.stages):
            self._say(f"{head} (done before)")
            return
        self._say(head)
        start = perf_counter()
        work()
        seconds = perf_counter() - start
        self.stages.append(Stage(name, what, seconds))
        with write_atomic(self.path, overwrite=True) as temporary:
            temporary.write_text(
                json.dumps([asdict(stage) for stage in self.stages], indent=1), encoding="utf-8"
            )
        self._say(f"      {duration(seconds)}")

    def _say(self, text: str) -> None:
        if self.progress:
            print(text, file=sys.stderr, flush=True)


def run_demo(
    output: str | Path,
    seed: int = 0,
    overwrite: bool = False,
    progress: bool = True,
    steps: int = STEPS,
    train: TrainConfig | None = None,
    precision: str = "float32",
) -> Path:
    """Run the main job on the shipped argon frames.

    Parameters
    ----------
    output
        Folder for everything; one that was interrupted is gone on with.
    seed
        Of training and dynamics.
    overwrite
        Replace the demonstration in ``output``, finished or not.
    progress
        Show stages and progress bars on standard error, and the verdict on standard output.
    steps
        Most steps of the biased run; it ends earlier when the melt has lasted.
    train
        How to train; the default model by default.
    precision
        Of the exported model, "float32" or "float64".

    Returns
    -------
    Path
        The report, ``report.html``. Beside it: ``train/``, ``cv.pt``, ``run/`` (COLVAR, HILLS, trajectory),
        ``fes.dat``, ``sensitivity.extxyz`` and ``per_site.extxyz``.

    Raises
    ------
    OutputExists
        The folder holds a demonstration with other settings and ``overwrite`` is false.
    """
    folder = Path(output)
    settings = train if train is not None else training_config(seed)
    plan = {"seed": seed, "steps": steps, "precision": precision, "train": settings.model_dump(mode="json")}
    _begin(folder, plan, overwrite)
    journal = Journal(folder / STAGES, progress, total=6)
    model, start = folder / "cv.pt", folder / "crystal.extxyz"
    dynamics = run_config(model, start, folder / "run", seed, steps)

    def training() -> None:
        try:
            load_run(folder / "train")
        except ModelError:
            resume = (folder / "train" / "config.yaml").exists()
            fit(settings, folder / "train", resume=resume, progress=progress)

    def exporting() -> None:
        def say(text: str) -> None:
            print(f"      {text}", flush=True)

        export_widened(load_run(folder / "train"), model, precision, say, overwrite=True)

    def equilibrating() -> None:
        lattice = folder / "lattice.extxyz"
        with write_atomic(lattice, overwrite=True) as temporary:
            write(temporary, fcc_crystal(), format="extxyz")
        run(equilibration_config(lattice, folder / "equilibration", seed), progress=progress)
        last = read(folder / "equilibration" / "trajectory.extxyz", index=-1)
        with write_atomic(start, overwrite=True) as temporary:
            write(temporary, Atoms(last.symbols, last.positions, cell=last.cell, pbc=True), format="extxyz")

    def running() -> None:
        run(dynamics, progress=progress)

    def analyzing() -> None:
        _analyze(folder, progress)

    def reporting() -> None:
        write_report(tell(folder, journal.stages, THREADS), folder / REPORT, overwrite=True)

    journal.stage("Train", "a graph autoencoder on crystal and melt frames of argon", training)
    journal.stage("Export", "to one TorchScript file, checked against the PyTorch model", exporting)
    journal.stage("Equilibrate", "a crystal of 256 atoms at 82 K and 1 bar, without bias", equilibrating)
    journal.stage("Run", "256 atoms from the crystal, biased along progress", running)
    journal.stage("Analyze", "free energy, sensitivities, per-site values", analyzing)
    journal.stage("Report", "one page", reporting)
    if progress:
        print(verdict_of(folder / "run").sentence)
        print(f"report: {folder / REPORT}")
    return folder / REPORT


def _begin(folder: Path, settings: dict[str, Any], overwrite: bool) -> None:
    """Make the folder, or check that what it holds is this demonstration."""
    text = json.dumps(settings, indent=1, sort_keys=True)
    stored = folder / SETTINGS
    if overwrite:
        for name in OURS:
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    elif stored.exists() and stored.read_text(encoding="utf-8") != text:
        raise OutputExists(
            f"{folder} holds a demonstration with other settings; overwrite it or choose another folder"
        )
    elif not stored.exists() and (found := [name for name in OURS if (folder / name).exists()]):
        raise OutputExists(
            f"{folder / found[0]} exists and is not of this demonstration; choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not stored.exists():
        with write_atomic(stored) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _analyze(folder: Path, progress: bool) -> None:
    """Free energy from the hills, sensitivities and per-site values of all frames."""
    hills, trajectory = folder / "run" / "HILLS", folder / "run" / "trajectory.extxyz"
    compute_free_energy(hills, blocks=5).write(folder / "fes.dat", overwrite=True)
    cv = CollectiveVariable(str(folder / "cv.pt"), num_threads=THREADS)
    frames = read(trajectory, index=":")
    graph_node_sensitivity(
        cv,
        frames,
        component="progress",
        show_progress=progress,
        extxyz_filename=folder / "sensitivity.extxyz",
        overwrite=True,
    )
    write_per_site(cv, frames, folder / "per_site.extxyz", overwrite=True, show_progress=progress)
