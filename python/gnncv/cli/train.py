"""Train a graph autoencoder on labeled (or unlabeled) trajectories, as a YAML file describes it.

The output folder holds checkpoints, the trained model, the losses as a table and a picture, and a picture of
the latent space colored by phase. `gnncv export` makes a CV file of it.

With --seeds N the same is trained N times, with the seed of the file and those that follow, into the folders
seed-S of the output: a committee, whose spread is an uncertainty. --resume leaves finished members alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gnncv.cli.output import print_facts

SUMMARY = "train a model on trajectories of known phases"
EXAMPLE = """  gnncv train train.yaml -o run/
  gnncv train train.yaml -o run/ --resume     # go on after an interruption
  gnncv train train.yaml -o runs/ --seeds 4   # a committee: runs/seed-0 to runs/seed-3"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("config", type=Path, metavar="CONFIG.yaml", help="what to train on, and how")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="RUN", help="folder to write")
    parser.add_argument(
        "--seeds", type=int, metavar="N", help="train a committee of N members, each with its own seed"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in the output folder"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a run in the output folder")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--json", action="store_true", help="print the summary of the training as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Check the configuration, train, and print the summary."""
    from gnncv.training import TrainConfig, TrainedRun, fit, fit_committee

    config = TrainConfig.from_yaml(arguments.config)
    options: dict[str, Any] = {
        "resume": arguments.resume,
        "overwrite": arguments.overwrite,
        "progress": not arguments.quiet,
    }
    runs: list[TrainedRun]
    if arguments.seeds is None:
        runs = [fit(config, arguments.output, **options)]
    else:
        runs = fit_committee(config, arguments.output, arguments.seeds, **options)
    every = [{"output": str(run.path), **run.summary} for run in runs]
    if arguments.json:
        facts = every[0] if arguments.seeds is None else {"output": str(arguments.output), "members": every}
        print_facts(facts, as_json=True)
        return 0
    for trained in runs:
        print_facts(_essentials(trained.path, trained.summary), as_json=False)
    return 0


def _essentials(path: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """The figures of the summary that say whether the training went well."""
    outputs = {
        name: phases for name, phases in summary["validation"].items() if not name.startswith("latent")
    }
    return {
        "output": str(path),
        "frames": f"{summary['n_training_frames']} training, {summary['n_validation_frames']} validation",
        "epochs": f"{summary['n_epochs']}, best: {summary['best_epoch']['epoch']:.0f}",
        "validation loss": summary["best_epoch"]["validation_loss"],
        "parameters": summary["n_parameters"],
        "validation frames, mean and deviation": {
            name: {phase: f"{mean:.4g} +- {deviation:.2g}" for phase, (mean, deviation) in phases.items()}
            for name, phases in outputs.items()
        },
    }
