"""From the files of a finished demonstration to its report."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read
from matplotlib import colormaps

from gnncv.analysis import FreeEnergy, compute_free_energy
from gnncv.cv import CollectiveVariable
from gnncv.data import load_frames
from gnncv.files import Colvar, read_colvar, read_hills

from .frames import demo_frames, shipped_order
from .pictures import (
    Array,
    RunSeries,
    draw_free_energy,
    draw_latent,
    draw_run,
    draw_sensitivity,
    draw_training,
)
from .report import Picture, Report, Section, Stage, duration
from .settings import ORDER_CUTOFF, thresholds
from .slab import ColoredFrame, draw_slabs
from .verdict import Verdict, judge


def verdict_of(run: Path) -> Verdict:
    """Judge a run folder by the averaged q6 and global Q6 that its COLVAR logged."""
    table = read_colvar(run / "COLVAR")
    averaged, overall = thresholds()
    return judge(table["time"], table["q6"], table["Q6"], averaged, overall)


def tell(folder: Path, stages: Sequence[Stage], threads: int) -> Report:
    """Compose the report of a demonstration from its folder.

    Parameters
    ----------
    folder
        What :func:`gnncv.demo.run_demo` wrote up to its last stage.
    stages
        What was done and how long it took.
    threads
        CPU threads of the run, for the table.
    """
    table = read_colvar(folder / "run" / "COLVAR")
    facts = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    cv = CollectiveVariable(str(folder / "cv.pt"), num_threads=threads)
    verdict = verdict_of(folder / "run")
    curve = compute_free_energy(folder / "run" / "HILLS", blocks=5)
    total = sum(stage.seconds for stage in stages)
    n_atoms = len(read(folder / "crystal.extxyz"))
    return Report(
        title="Argon, driven along a learned collective variable",
        lead=(
            "A graph autoencoder was trained on crystal and melt frames of Lennard-Jones argon, exported "
            f"to one TorchScript file, and used by the C++ core to bias a simulation of {n_atoms} atoms "
            "at 82 K and 1 bar that began in the crystal."
        ),
        verdict=verdict,
        warnings=_warnings(table, verdict),
        tiles={
            "steps per second": f"{facts['steps_per_second']:.0f}",
            "the CV's share of the run": f"{100.0 * facts['cv_share']:.0f} %",
            "simulated": f"{facts['time_ps']:.0f} ps",
            "hills": f"{len(read_hills(folder / 'run' / 'HILLS'))}",
            "total time": duration(total),
        },
        stages=stages,
        sections=[
            _run_section(table, n_atoms),
            _site_section(folder, table, verdict),
            _energy_section(folder, curve, verdict, table),
            _training_section(folder, table, cv),
        ],
        facts=_facts(folder, facts, cv, curve),
    )


def _warnings(table: Colvar, verdict: Verdict) -> list[str]:
    found = []
    novelty, time = table["novelty"], table["time"]
    if (novelty > 1.0).any():
        found.append(
            f"Novelty was above 1 in {100.0 * np.mean(novelty > 1.0):.1f} % of the samples (largest "
            f"{novelty.max():.2f} at {time[int(novelty.argmax())]:.0f} ps): there the collective variable "
            "speaks about configurations unlike those it was trained on, and its values are not to be "
            "trusted alone."
        )
    if not verdict.left and (table["progress"] < 0.25).any():
        found.append(
            "The collective variable reached values of the melt while q6 and Q6 did not: it was fooled. "
            "Rounds of harvesting and retraining are the remedy: gnncv run --rounds."
        )
    return found


def _series(table: Colvar, n_atoms: int) -> RunSeries:
    crystallinity = table["crystallinity"] if "crystallinity" in table.fields else None
    return RunSeries(
        table["time"], table["progress"], table["novelty"], crystallinity,
        table["time"], table["q6"], table["Q6"], table["volume"] / n_atoms,
    )  # fmt: skip


def _run_section(table: Colvar, n_atoms: int) -> Section:
    averaged, overall = thresholds()
    volumes = {phase: float(shipped_order(phase)["volume_per_atom"].mean()) for phase in ("crystal", "melt")}
    correlation = float(np.corrcoef(table["progress"], table["q6"])[0, 1])
    return Section(
        "The run",
        "Well-tempered metadynamics pushes along progress. Whether that moves the atoms from one phase "
        "to the other is for the order parameters to say, which the bias does not know; novelty says how "
        "far each configuration is from the training data. Over this run progress and q6 have a "
        f"correlation of {correlation:.2f}.",
        [[Picture(
            draw_run(_series(table, n_atoms), averaged, overall, volumes),
            "Learned CV, independent order parameters, novelty and density on one time axis. Shaded "
            "orange: melt by q6 and Q6. Shaded red: novelty above 1. Dashed: thresholds of q6 (above the "
            "upper one crystal, below the lower one melt), and the mean volumes of the unbiased phases.",
            "time series of the run",
        )]],
    )  # fmt: skip


def _moments(frames: Sequence[Atoms], table: Colvar, verdict: Verdict) -> list[tuple[str, int]]:
    """Choose frames to show: the first, one on the way, one after (or the least ordered one)."""
    times = np.array([float(atoms.info["time"]) for atoms in frames])
    order = np.interp(times, table["time"], table["q6"])
    averaged, _ = thresholds()
    if verdict.left_at_ps is None:
        return [("start", 0), ("least ordered", int(order.argmin())), ("end", len(frames) - 1)]
    middle = 0.5 * (averaged.melt_below + averaged.crystal_above)
    before = np.flatnonzero(times <= verdict.left_at_ps)
    crossing = int(before[np.argmin(np.abs(order[before] - middle))])
    after = int(np.argmin(np.abs(times - (verdict.left_at_ps + 5.0))))
    return [("start", 0), ("crossing", crossing), ("in the melt", after)]


def _site_section(folder: Path, table: Colvar, verdict: Verdict) -> Section:
    frames = read(folder / "per_site.extxyz", index=":")
    shown, novel = [], []
    for name, index in _moments(frames, table, verdict):
        atoms = frames[index]
        time = float(atoms.info["time"])
        q6 = float(np.interp(time, table["time"], table["q6"]))
        title = f"{name}, {time:.0f} ps, q6 {q6:.2f}"
        shown.append(ColoredFrame(atoms, atoms.get_array("crystallinity"), title))
        novel.append(ColoredFrame(atoms, atoms.get_array("novelty"), title))
    return Section(
        "Which atoms are crystalline",
        "The model gives every atom a probability of being crystalline and a novelty of its own.",
        [
            [Picture(
                draw_slabs(shown, "crystallinity"),
                "A slab through the box, seen along z; near atoms are drawn in full color. "
                "per_site.extxyz has these values for every stored frame, for OVITO or VMD.",
                "slabs of atoms colored by crystallinity",
            )],
            [Picture(
                draw_slabs(novel, "novelty", colormaps["magma_r"], (0.0, 2.0)),
                "The same slabs colored by per-atom novelty; 1 is the 99 % quantile of the training "
                "data's atoms.",
                "slabs of atoms colored by novelty",
            )],
        ],
    )  # fmt: skip


def _energy_section(folder: Path, curve: FreeEnergy, verdict: Verdict, table: Colvar) -> Section:
    frames = read(folder / "sensitivity.extxyz", index=":")
    scores, slabs = {}, []
    for name, index in _moments(frames, table, verdict):
        values = np.asarray(frames[index].get_array("sensitivities"), dtype=float)
        title = f"{name}, {float(frames[index].info['time']):.0f} ps"
        scores[title] = values
        slabs.append(ColoredFrame(frames[index], values, title))
    top = float(np.quantile(np.concatenate(list(scores.values())), 0.99))
    passage = "one passage out of the crystal" if verdict.left else "no passage"
    if verdict.returned_at_ps is not None:
        passage = "one passage out and one back"
    return Section(
        "Free energy, and which atoms the CV listens to",
        f"The free energy is that of the hills of a short, strongly pushed run with {passage}: it shows "
        "how the analysis works and is not converged. The error band compares parts of the run with each "
        "other and cannot know of places that were not visited.",
        [[
            Picture(
                draw_free_energy(curve.grid, curve.values, curve.errors),
                f"Free energy along progress ({curve.method}). Band: {curve.error_method}.",
                "free energy along progress",
            ),
            Picture(
                draw_sensitivity(scores),
                "How strongly progress listens to each of the atoms: the norm of its gradient, at three "
                "moments.",
                "histogram of per-atom sensitivities",
            ),
        ], [
            Picture(
                draw_slabs(slabs, "sensitivity (1/Å)", colormaps["viridis"], (0.0, top)),
                "Which atoms those are: slabs colored by sensitivity (sensitivity.extxyz has all frames).",
                "slabs of atoms colored by sensitivity",
            ),
        ]],
    )  # fmt: skip


def _curves(path: Path) -> dict[str, tuple[Array, Array]]:
    """Total losses by epoch from the training's CSV file."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    curves = {}
    for name in ("train_loss", "training_loss", "validation_loss"):
        kept = [row for row in rows if row.get(name)]
        if kept:
            values = np.array([float(row[name]) for row in kept])
            curves[name.partition("_")[0]] = (np.array([float(row["epoch"]) for row in kept]), values)
    return curves


def _training_section(folder: Path, table: Colvar, cv: CollectiveVariable) -> Section:
    names = [name for name in cv.names if name.startswith("latent")]
    latents: dict[str, Array] = {}
    for phase, path in demo_frames().items():
        results = [cv.compute(atoms, outputs=[]) for atoms in load_frames(path, phase, "::5")]
        latents[phase] = np.array([[float(result[name]) for name in names] for result in results])
    track = np.stack([table[name] for name in names], axis=1)
    track = track[:: max(1, len(track) // 400)]
    return Section(
        "Training",
        "Training frames are strained, rescaled in density and shaken at random each time they are "
        "drawn, so that neither density nor strain can stand for order.",
        [[
            Picture(
                draw_training(_curves(folder / "train" / "metrics.csv")),
                "Total loss of training and validation frames.",
                "training curves",
            ),
            Picture(
                draw_latent(latents, track),
                "Latent space: shipped frames of both phases, and the path of the biased run.",
                "latent space by phase",
            ),
        ]],
    )  # fmt: skip


def _facts(
    folder: Path, run: dict[str, Any], cv: CollectiveVariable, curve: FreeEnergy
) -> dict[str, dict[str, str]]:
    about, check = cv.metadata, cv.metadata["self_check"]
    averaged, overall = thresholds()
    size = (folder / "cv.pt").stat().st_size
    return {
        "Run": {
            "steps": f"{run['steps']} of 4 fs, CV every 4th",
            "ended because": str(run["ended"]),
            "steps per second": f"{run['steps_per_second']:.0f}",
            "ns per day": f"{run['ns_per_day']:.0f}",
            "CV's share": f"{100.0 * run['cv_share']:.1f} %",
            "CV evaluations": f"{run['n_evaluations']}",
            "time per evaluation": f"{1e3 * run['seconds_cv'] / max(run['n_evaluations'], 1):.2f} ms",
            "threads": str(run["threads"]),
            "seed": str(run["seed"]),
            "hills outside the grid": str(run.get("n_hills_outside", 0)),
        },
        "Order parameters (the judge)": {
            "library": f"freud {version('freud-analysis')}",
            "neighbors": f"within {ORDER_CUTOFF:.4g} Å",
            "melt": f"averaged q6 < {averaged.melt_below:.3f}, Q6 < {overall.melt_below:.3f}",
            "crystal": f"averaged q6 > {averaged.crystal_above:.3f}, Q6 > {overall.crystal_above:.3f}",
        },
        "Model": {
            "file": f"cv.pt, {size / 1024:.0f} kB, {about['precision']}",
            "outputs": ", ".join(cv.names),
            "cutoff": f"{cv.cutoff:g} Å",
            "parameters": str(about["n_parameters"]),
            "training frames": f"{about['training']['n_training_frames']}",
            "validation frames": f"{about['training']['n_validation_frames']}",
            "epochs": str(about["training"]["n_epochs"]),
        },
        "Self-check of the export": {
            "values": f"{check['value_error']:.1e}",
            "gradients": f"{check['gradient_error']:.1e}",
            "strain gradients": f"{check['strain_gradient_error']:.1e}",
            "allowed": f"{check['tolerance']:.1e}",
        },
        "Free energy": {name.replace("_", " "): f"{value:g}" for name, value in curve.facts.items()},
        "SHA-256": {
            "model": cv.hash,
            "training data": str(about["data_hash"]),
            "report's COLVAR": hashlib.sha256((folder / "run" / "COLVAR").read_bytes()).hexdigest(),
        },
        "Versions": {name: version(name) for name in ("gnncv", "torch", "openmm", "ase", "vesin", "numpy")},
    }
