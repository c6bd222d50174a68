"""Free energy of one variable from the files of a run, with block error bars: a table and a picture.

SOURCE is HILLS file(s) (the hills are summed), a folder of OpenMM bias files (the bias is summed), or COLVAR
file(s) (the samples are reweighted). The kind is recognized by its content. Beside fes.dat (in PLUMED's
table format) go fes.csv and fes.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gnncv.cli.output import print_facts
from gnncv.cli.reweighting import add_reweighting
from gnncv.files import check_output

SUMMARY = "free energy with error bars from HILLS, bias or COLVAR files"
EXAMPLE = """  gnncv fes run/HILLS -o fes.dat
  gnncv fes run/COLVAR -o fes.dat --bias run/HILLS --temperature 82
  gnncv fes run/COLVAR -o fes_q6.dat --bias run/HILLS --temperature 82 --reweight-on averaged_q6"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "source", type=Path, nargs="+", metavar="SOURCE", help="HILLS or COLVAR files, or a bias folder"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="fes.dat", help="table to write")
    parser.add_argument(
        "--cv", metavar="NAME", help="the biased variable (a column of COLVAR), where it is not clear"
    )
    parser.add_argument(
        "--reweight-on", metavar="NAME", help="column of COLVAR to draw the free energy of instead"
    )
    add_reweighting(parser, bias="HILLS files or bias folder to reweight with")
    parser.add_argument(
        "--blocks", type=int, default=5, metavar="N", help="blocks of the error bars (default: 5)"
    )
    parser.add_argument(
        "--bins", type=int, metavar="N", help="bins, or points of a sum of hills (default: 60, 200)"
    )
    parser.add_argument("--range", type=float, nargs=2, metavar=("LOW", "HIGH"), help="range of the curve")
    parser.add_argument(
        "--bias-range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="range of the variable, for a bias folder",
    )
    parser.add_argument("--bias-factor", type=float, metavar="G", help="bias factor, for a bias folder")
    parser.add_argument(
        "--gradnorm2",
        metavar="NAME",
        help="COLVAR column with the variable's squared gradient: draw the geometric free energy",
    )
    parser.add_argument("--no-picture", action="store_true", help="write the tables only")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Compute the free energy, write it, and print its summary."""
    check_output(arguments.output, arguments.overwrite)
    from gnncv.analysis import compute_free_energy

    curve = compute_free_energy(
        arguments.source,
        cv=arguments.cv,
        temperature_kelvin=arguments.temperature,
        bias_column=arguments.bias_column,
        bias=arguments.bias,
        weighting=arguments.weighting,
        reweight_on=arguments.reweight_on,
        blocks=arguments.blocks,
        bins=arguments.bins,
        value_range=None if arguments.range is None else tuple(arguments.range),
        discard=arguments.discard,
        bias_range=None if arguments.bias_range is None else tuple(arguments.bias_range),
        bias_factor=arguments.bias_factor,
        gradnorm2=arguments.gradnorm2,
    )
    written = curve.write(arguments.output, overwrite=arguments.overwrite, picture=not arguments.no_picture)
    print_facts({**curve.summary(), "written": [str(path) for path in written]}, arguments.json)
    return 0
