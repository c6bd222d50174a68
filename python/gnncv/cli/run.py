"""Run molecular dynamics, biased along a CV or plain, as a YAML file describes it.

An interrupted run goes on when the command is given again. COLVAR and HILLS are in PLUMED's formats.

With --rounds N the run is made N times. After each, frames that are new to the model, or about which the CV
and an independent order parameter disagree, are labeled by the latter and join the training data.

With --rounds N --learn-bias OUTPUTS the run is made N times at most, from the second time on with a static
bias of these outputs, learned from the free energy of all runs before.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

from gnncv.cli.output import print_facts
from gnncv.errors import InvalidArgument

if TYPE_CHECKING:
    from gnncv.engines import RunConfig

SUMMARY = "biased or plain molecular dynamics, and rounds of retraining"
EXAMPLE = """  gnncv run run.yaml
  gnncv run run.yaml                 # again: goes on where the run was interrupted
  gnncv run run.yaml --rounds 3 --train train.yaml
  gnncv run metadynamics.yaml --rounds 4 --learn-bias progress,deviation"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("config", type=Path, metavar="RUN.yaml", help="what to run")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="run, harvest, relabel and retrain (or learn a bias), N times"
    )
    parser.add_argument(
        "--train",
        type=Path,
        metavar="TRAIN.yaml",
        help="with --rounds: how to train (default: as the model file says it was trained)",
    )
    parser.add_argument(
        "--learn-bias", metavar="OUTPUTS", help="with --rounds: learn a bias of these outputs, by commas"
    )
    parser.add_argument(
        "--bias-factor",
        type=float,
        metavar="G",
        help="with --learn-bias: bias factor of the learned bias (default: infinite, a flat histogram)",
    )
    parser.add_argument(
        "--largest", type=float, metavar="KJ_MOL", help="with --learn-bias: bound of the bias"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the results of another run")
    parser.add_argument("--quiet", action="store_true", help="no progress display")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Check the configuration, run, and print the report."""
    if arguments.rounds is None and arguments.train is not None:
        raise InvalidArgument("--train goes with --rounds")
    if arguments.learn_bias is not None and (arguments.rounds is None or arguments.train is not None):
        raise InvalidArgument("--learn-bias goes with --rounds, and not with --train")
    if arguments.learn_bias is None and (arguments.bias_factor or arguments.largest):
        raise InvalidArgument("--bias-factor and --largest go with --learn-bias")
    if arguments.rounds is not None and arguments.rounds < 1:
        raise InvalidArgument(f"--rounds is {arguments.rounds}; at least 1 is needed")
    from gnncv.engines import RunConfig

    config = RunConfig.from_yaml(arguments.config)
    if arguments.learn_bias is not None:
        return _run_bias_rounds(config, arguments)
    if arguments.rounds is not None:
        return _run_rounds(config, arguments)
    from gnncv.engines import run as run_dynamics

    folder = run_dynamics(config, progress=not arguments.quiet, overwrite=arguments.overwrite)
    report = json.loads((folder / "run.json").read_text())
    print_facts({"output": str(folder), **report}, arguments.json)
    return 0


def _run_rounds(config: RunConfig, arguments: argparse.Namespace) -> int:
    """Run the rounds and print their table."""
    from gnncv.rounds import run_rounds
    from gnncv.training import TrainConfig

    train = None if arguments.train is None else TrainConfig.from_yaml(arguments.train)
    folder = run_rounds(
        config,
        arguments.rounds,
        train=train,
        progress=not arguments.quiet,
        overwrite=arguments.overwrite,
    )
    return _print_rounds(folder, "rounds.csv", arguments)


def _run_bias_rounds(config: RunConfig, arguments: argparse.Namespace) -> int:
    """Run the rounds of a learned bias and print their table."""
    from gnncv.rounds import BiasRoundsConfig, run_bias_rounds

    outputs = tuple(name for name in arguments.learn_bias.split(",") if name)
    factor = None if arguments.bias_factor == float("inf") else arguments.bias_factor
    settings = BiasRoundsConfig(outputs, factor, arguments.largest)
    folder = run_bias_rounds(
        config, arguments.rounds, settings, progress=not arguments.quiet, overwrite=arguments.overwrite
    )
    return _print_rounds(folder, "bias_rounds.csv", arguments)


def _print_rounds(folder: Path, table_name: str, arguments: argparse.Namespace) -> int:
    with open(folder / table_name, newline="") as table:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(table)]
    if arguments.json:
        print_facts({"output": str(folder), "rounds": rows}, as_json=True)
    else:
        print_facts({"output": folder, **{f"round {number}": row for number, row in enumerate(rows)}}, False)
    return 0
