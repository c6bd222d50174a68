"""Arguments of the commands that weigh the samples of biased runs."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_reweighting(parser: argparse.ArgumentParser, bias: str) -> None:
    """Declare what says how the samples of COLVAR are weighted; `bias` describes the files of `--bias`."""
    parser.add_argument(
        "--temperature", type=float, metavar="K", help="temperature in kelvin; needed with COLVAR"
    )
    parser.add_argument("--bias", type=Path, nargs="+", metavar="PATH", help=bias)
    parser.add_argument(
        "--bias-column", metavar="NAMES", help="COLVAR column(s) with the bias felt, in kJ/mol, by commas"
    )
    parser.add_argument(
        "--weighting",
        choices=("logged", "final", "tiwary-parrinello"),
        help="which bias the weights take (default: final with --bias or hills, logged without)",
    )
    parser.add_argument(
        "--discard", type=float, default=0.0, metavar="FRACTION", help="leave out samples at the start"
    )
