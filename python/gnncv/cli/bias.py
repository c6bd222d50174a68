"""Learn a bias from an earlier biased run, and write it into a model file as the output `bias`, an energy.

SOURCE is the folder of a run of gnncv, HILLS file(s) (the hills are summed), or COLVAR file(s) (the samples
are reweighted). The bias is (1 - 1/G) (F_0 - F) of the outputs that are named, with the bias factor G and the
free energy F, and zero where F is F_0, its highest sampled value. Where there are no samples it is flat.

Use it with `bias: {kind: learned}` in gnncv run, or BIASVALUE ARG=cv.bias in PLUMED. Beside cv_biased.pt goes
cv_biased.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gnncv.cli.output import print_facts
from gnncv.cli.reweighting import add_reweighting

SUMMARY = "learn a bias from an earlier run, as an output of a model file"
EXAMPLE = """  gnncv bias cv.pt run/HILLS -o cv_biased.pt
  gnncv bias cv.pt run/ --outputs progress,deviation --temperature 82 -o cv_biased.pt
  gnncv bias cv.pt COLVAR --bias HILLS --outputs latent-1,latent-2 --temperature 82 -o cv_biased.pt"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", type=Path, metavar="CV.pt", help="a file that gnncv export wrote")
    parser.add_argument(
        "source", type=Path, nargs="+", metavar="SOURCE", help="a run's folder, HILLS or COLVAR files"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.pt", help="file to write")
    parser.add_argument(
        "--outputs", metavar="NAMES", help="outputs that the bias acts on, by commas (default: the hills')"
    )
    parser.add_argument(
        "--bias-factor",
        metavar="G",
        help="a number above 1, or inf for a flat histogram (default: that of the hills, else inf)",
    )
    parser.add_argument(
        "--largest", type=float, metavar="KJ_MOL", help="bound of the bias (default: what F asks for)"
    )
    add_reweighting(parser, bias="HILLS files to reweight COLVAR with")
    parser.add_argument("--seed", type=int, default=0, help="of the network's first weights (default: 0)")
    parser.add_argument("--no-picture", action="store_true", help="write the model file only")
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--json", action="store_true", help="print what was learned as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Learn the bias, write the model file and the picture, and print the facts."""
    gamma = _bias_factor(arguments.bias_factor)
    from gnncv.learned_bias import learn_bias

    learned = learn_bias(
        arguments.model,
        arguments.source,
        arguments.output,
        None if arguments.outputs is None else arguments.outputs.split(","),
        temperature_kelvin=arguments.temperature,
        bias_factor=None if gamma in (None, float("inf")) else gamma,
        infinite=gamma == float("inf"),
        largest_kj_mol=arguments.largest,
        bias=arguments.bias,
        bias_column=arguments.bias_column,
        weighting=arguments.weighting,
        discard=arguments.discard,
        seed=arguments.seed,
        overwrite=arguments.overwrite,
        picture=not arguments.no_picture,
    )
    facts = {"output": str(arguments.output), "unit": "eV", "inputs": learned.landscape.outputs}
    print_facts(facts | learned.facts, arguments.json)
    return 0


def _bias_factor(text: str | None) -> float | None:
    from gnncv.errors import InvalidArgument

    try:
        return None if text is None else float(text)
    except ValueError:
        raise InvalidArgument(f"--bias-factor is {text!r}; give a number above 1, or inf") from None
