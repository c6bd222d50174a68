"""Explain what a CV listens to, on one HTML page (--report) or as scores by one method (--method).

RUN is a folder of gnncv run, or a model file with trajectories after it. The page says which species, which
shell of neighbors and which sites at the growing face the CV listens to, how that changes along progress,
and how far the scores can be trusted. A method writes every frame with its scores, for OVITO and VMD, and
beside it the average over the frames as a table (.csv) and a picture (.png).
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
    from collections.abc import Callable, Iterable

    from ase import Atoms

    from gnncv import CollectiveVariable
    from gnncv.explain import Explanation
    from gnncv.explain.report import AlongRun

SUMMARY = "what a CV listens to: a report on a run, or scores by a method"
EXAMPLE = """  gnncv explain run/ --report
  gnncv explain run/ --report -o page.html --component ncrystal --index ::10
  gnncv explain cv.pt melt.extxyz crystal.extxyz --report -o page.html
  gnncv explain cv.pt run.extxyz --method integrated_gradients -o scores.extxyz --index ::10"""

PAGE = "explanation.html"
METHODS = ("saliency", "integrated_gradients", "perturbation")
CONFIGURATION, TRAJECTORY, FACTS = "run-config.yaml", "trajectory.extxyz", "run.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_or_model", type=Path, metavar="RUN", help="folder of gnncv run, or a model file")
    parser.add_argument(
        "trajectory", type=Path, nargs="*", metavar="TRAJ", help="with a model file: trajectories ASE reads"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--report", action="store_true", help="write the page")
    what.add_argument("--method", choices=METHODS, help="write the frames with scores by this method")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=f"page (default: {PAGE} in the folder of the run), or extended XYZ of a method",
    )
    parser.add_argument(
        "--component",
        metavar="NAME",
        help="output of the CV (default: progress where there is one, else the first)",
    )
    parser.add_argument("--model", type=Path, metavar="CV.pt", help="the run's model, if it was moved")
    trajectory.add_reading_arguments(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Go through the frames, write the page or the scores, and print the main numbers."""
    if arguments.method is not None and arguments.output is None:
        raise InvalidArgument("--method needs a file to write: -o scores.extxyz")
    model, arguments.trajectory, target = _sources(arguments)
    check_output(target, arguments.overwrite)
    from tqdm import tqdm

    from gnncv import CollectiveVariable

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
    if arguments.method is not None:
        return _by_method(cv, frames, output, target, arguments)
    from gnncv.explain import write_run_report

    source = {"model": model.name, "trajectory": ", ".join(path.name for path in arguments.trajectory)}
    result = write_run_report(cv, frames, target, output, source=source, overwrite=arguments.overwrite)
    print_facts({"written": str(target), **_summary(result)}, arguments.json)
    return 0


def _by_method(
    cv: CollectiveVariable, frames: Iterable[Atoms], output: str, target: Path, arguments: argparse.Namespace
) -> int:
    """Scores by one method: every frame, and the average over them."""
    from gnncv.explain import explain_frames, integrated_gradients, perturbation, saliency

    methods: dict[str, Callable[[Atoms], Explanation]] = {
        "saliency": lambda atoms: saliency(cv, atoms, "nodes", output),
        "integrated_gradients": lambda atoms: integrated_gradients(
            cv, atoms, "edges", output, show_progress=False
        ),
        "perturbation": lambda atoms: perturbation(cv, atoms, "atom", output, show_progress=False),
    }
    species = sorted(_elements(cv))
    average = explain_frames(
        methods[arguments.method], frames, target, species, overwrite=arguments.overwrite
    )
    highest = sorted(range(len(average.scores)), key=lambda k: -abs(average.scores[k]))[:10]
    written = [str(target), *(str(target.with_suffix(suffix)) for suffix in (".csv", ".png"))]
    facts = {
        "component": output,
        "method": average.method,
        "frames": average.n_frames,
        "units": average.units,
        "highest": {average.node_labels[k]: float(average.scores[k]) for k in highest},
        "written": written,
    }
    print_facts(facts, arguments.json)
    return 0


def _elements(cv: CollectiveVariable) -> set[str]:
    """Elements of the atoms that a model takes."""
    from gnncv.topology import Topology

    facts = cv.metadata.get("topology")
    if not facts:
        return set(cv.species)
    topology = Topology.from_dict(facts)
    return {symbol for molecule in topology.molecules for symbol in molecule.symbols} | set(topology.atoms)


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
