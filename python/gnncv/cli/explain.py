"""Explain what a CV listens to, on one HTML page with its pictures inside.

RUN is a folder of gnncv run, or a model file with trajectories after it. The page says which species, which
shell of neighbors and which sites at the growing face the CV listens to, how that changes along progress,
and how far the scores can be trusted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gnncv.cli import trajectory
from gnncv.cli.evaluate import chosen_outputs
from gnncv.cli.output import print_facts
from gnncv.errors import InvalidArgument, ModelError
from gnncv.files import check_output

if TYPE_CHECKING:
    from gnncv import CollectiveVariable
    from gnncv.explain.report import AlongRun

SUMMARY = "what a CV listens to: a report on a run as one HTML page"
EXAMPLE = """  gnncv explain run/ --report
  gnncv explain run/ --report -o page.html --component ncrystal --index ::10
  gnncv explain cv.pt melt.xtc crystal.xtc --report -o page.html"""

PAGE = "explanation.html"
CONFIGURATION, TRAJECTORY, FACTS = "run-config.yaml", "trajectory.extxyz", "run.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_or_model", type=Path, metavar="RUN", help="folder of gnncv run, or a model file")
    parser.add_argument(
        "trajectory", type=Path, nargs="*", metavar="TRAJ", help="with a model file: trajectories ASE reads"
    )
    parser.add_argument("--report", action="store_true", help="write the page")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="PAGE.html",
        help=f"page to write (default: {PAGE} in the folder of the run)",
    )
    parser.add_argument(
        "--component",
        metavar="NAME",
        help="output of the CV (default: progress where there is one, else the first)",
    )
    parser.add_argument("--model", type=Path, metavar="CV.pt", help="the run's model, if it was moved")
    trajectory.add_reading_arguments(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace the page if it exists")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Go through the frames, write the page, and print its main numbers."""
    if not arguments.report:
        raise InvalidArgument("say what to write: --report")
    model, arguments.trajectory, page = _sources(arguments)
    check_output(page, arguments.overwrite)
    from tqdm import tqdm

    from gnncv import CollectiveVariable
    from gnncv.explain import write_run_report

    cv = CollectiveVariable(model, num_threads=arguments.threads)
    _check_model(cv, arguments.run_or_model)
    output = arguments.component or ("progress" if "progress" in cv.names else cv.names[0])
    chosen_outputs(cv, [output])
    frames = tqdm(
        trajectory.stream_frames(arguments),
        desc="explain",
        unit="frame",
        disable=not trajectory.show_progress(arguments),
    )
    source = {"model": model.name, "trajectory": ", ".join(path.name for path in arguments.trajectory)}
    result = write_run_report(cv, frames, page, output, source=source, overwrite=arguments.overwrite)
    print_facts({"written": str(page), **_summary(result)}, arguments.json)
    return 0


def _sources(arguments: argparse.Namespace) -> tuple[Path, list[Path], Path]:
    """Model file, trajectories and page."""
    given: Path = arguments.run_or_model
    if not given.is_dir():
        if not arguments.trajectory:
            raise InvalidArgument(f"{given} is no folder of a run: give trajectories after the model file")
        if arguments.model is not None:
            raise InvalidArgument("--model goes with the folder of a run")
        return given, arguments.trajectory, arguments.output or Path(PAGE)
    if arguments.trajectory:
        raise InvalidArgument(f"{given} is a folder, whose own trajectory is explained: give no other")
    if not (given / TRAJECTORY).is_file():
        raise InvalidArgument(f"{given} has no {TRAJECTORY}: it is no folder of gnncv run")
    model = arguments.model or _model_of(given)
    return model, [given / TRAJECTORY], arguments.output or given / PAGE


def _model_of(folder: Path) -> Path:
    """The model file of a run, as its configuration names it: from here, or from beside the folder."""
    import yaml

    file = folder / CONFIGURATION
    facts = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    name = facts.get("cv") if isinstance(facts, dict) else None
    if not name:
        raise InvalidArgument(f"{file} names no model; give --model CV.pt")
    for path in (Path(name), folder.parent / name):
        if path.is_file():
            return path
    raise InvalidArgument(f"the model {name} of the run {folder} is not there; give --model CV.pt")


def _check_model(cv: CollectiveVariable, folder: Path) -> None:
    """Refuse another model than the one that the run says it had."""
    file = folder / FACTS
    if not file.is_file():
        return
    expected = json.loads(file.read_text(encoding="utf-8")).get("model_hash")
    if expected and expected != cv.hash:
        raise ModelError(
            f"{cv.path} has the SHA-256 {cv.hash[:12]}, the run {folder} was made with {expected[:12]}: give "
            "that one as --model"
        )


def _summary(result: AlongRun) -> dict[str, Any]:
    """Frames, mean scores by layer (per angstrom) with their errors, and the frame shown."""
    from gnncv.explain.report.frame_view import LAYERS

    means, errors = result.layers()
    known = [k for k in range(len(LAYERS)) if means[k] == means[k]]
    return {
        "component": result.output,
        "frames": len(result),
        "sites": len(result.shown.scores),
        "frame_shown": result.rows[result.shown_row].number,
        "mean_score": {LAYERS[k]: float(means[k]) for k in known},
        "standard_error": {LAYERS[k]: float(errors[k]) for k in known if errors[k] == errors[k]},
    }
