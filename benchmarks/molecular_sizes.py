"""Do intensive outputs of a model of molecules stay what they are in a larger box?

    python benchmarks/molecular_sizes.py MODEL --small CRYSTAL MELT --large CRYSTAL MELT

Frames of both boxes at the same conditions, both phases each.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from gnncv import CollectiveVariable
from gnncv.data import load_frames, rescaled_to
from gnncv.topology import Topology
from machine import print_facts
from molecular_models import PHASES
from phase_statistics import Array, mean_and_error

Frames = dict[str, list[Atoms]]


def outputs(cv: CollectiveVariable, frames: list[Atoms]) -> dict[str, Array]:
    """All outputs (T,) of frames, ncrystal per site, and the volume per site, cubic angstrom."""
    values = np.array([cv.compute(atoms, outputs=[]).values for atoms in frames])
    found = {name: values[:, k] for k, name in enumerate(cv.names)}
    n_sites = np.array([len(cv.per_site(frames[0])["crystallinity"])])
    found["ncrystal / N"] = found.pop("ncrystal") / n_sites
    return found | {"volume": np.array([atoms.get_volume() for atoms in frames]) / n_sites}


def print_sizes(cv: CollectiveVariable, small: Frames, large: Frames, topology: Topology) -> dict[str, Any]:
    """Means in both boxes and their difference, in units of the gap between the phases in the small one.

    The unit of a latent is the distance between the phases in latent space; deviation is in units of such a
    gap already, and novelty has its own, the limit of what is known. The last column has frames of the large
    box rescaled to the small box's mean volume: what is left where densities differ.
    """
    few = {phase: outputs(cv, frames) for phase, frames in small.items()}
    many = {phase: outputs(cv, frames) for phase, frames in large.items()}
    latents = [name for name in cv.names if name.startswith("latent")]
    gaps = {name: abs(few["crystal"][name].mean() - few["melt"][name].mean()) for name in few["melt"]}
    gaps |= {"deviation": 1.0, "novelty": 1.0}
    gaps |= dict.fromkeys(latents, float(np.linalg.norm([gaps[name] for name in latents])))
    print(
        f"\n{'':<24}{'small':>10}{'+-':>8}{'large':>10}{'+-':>8}{'gap':>9}"
        f"{'difference / gap, %':>21}{'+-':>6}{'at one volume, %':>18}"
    )
    figures: dict[str, Any] = {}
    for phase in PHASES:
        volume = float(few[phase]["volume"].mean())
        same = outputs(cv, [rescaled_to(atoms, volume, topology) for atoms in large[phase]])
        print(f"{phase}: {len(small[phase])} and {len(large[phase])} frames")
        for name, gap in gaps.items():
            (a, a_error), (b, b_error) = (
                mean_and_error(few[phase][name], 6),
                mean_and_error(many[phase][name]),
            )
            shift, error = (b - a) / gap, np.hypot(a_error, b_error) / gap
            left = (same[name].mean() - a) / gap
            print(
                f"  {name:<22}{a:>10.4f}{a_error:>8.4f}{b:>10.4f}{b_error:>8.4f}{gap:>9.4f}"
                f"{100 * shift:>21.2f}{100 * error:>6.2f}{100 * left:>18.2f}"
            )
            figures[f"{phase}, {name}"] = [a, a_error, b, b_error, gap, shift, error, left]
    return figures


def main() -> None:
    """Parse the arguments, evaluate, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="exported file")
    parser.add_argument("--small", type=Path, nargs=2, required=True, metavar=("CRYSTAL", "MELT"))
    parser.add_argument("--large", type=Path, nargs=2, required=True, metavar=("CRYSTAL", "MELT"))
    parser.add_argument("--every", type=int, default=1, help="use every so-manieth frame")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    print_facts(arguments.threads)
    small, large = (
        {
            "crystal": load_frames(crystal, "crystal", f"::{arguments.every}"),
            "melt": load_frames(melt, "melt", f"::{arguments.every}"),
        }
        for crystal, melt in (arguments.small, arguments.large)
    )
    cv = CollectiveVariable(arguments.model, num_threads=arguments.threads)
    print_sizes(cv, small, large, Topology.from_dict(cv.metadata["topology"]))


if __name__ == "__main__":
    main()
