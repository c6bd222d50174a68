"""What the biased run taught: its new frames, and a model that has learned from them.

    python next_round.py --element copper

Takes frames of ELEMENT_biased.extxyz that novelty or averaged q6 call new, labels those that q6 is sure of,
trains on them and on what train_ELEMENT.yaml names, and exports. Writes train_ELEMENT_1/ and ELEMENT_1.pt.
"""

import argparse

import numpy as np
from ase.io import read
from judge_run import NEIGHBORS

from gnncv.export import export
from gnncv.rounds import harvest_run
from gnncv.training import TrainConfig, fit


def main() -> None:
    """Harvest, train, export, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--element", default="copper", choices=sorted(NEIGHBORS))
    element = parser.parse_args().element
    training = TrainConfig.from_yaml(f"train_{element}.yaml")
    frames = read(f"{element}_biased.extxyz", ":")
    found = harvest_run(f"{element}.pt", frames, training, NEIGHBORS[element], source="biased")
    novelty = found.judged.novelty
    mean, above = np.mean(novelty), np.sum(novelty > 1.0)
    print(f"{len(frames)} frames, novelty {mean:.2f} on the mean, above 1 in {above}")
    for phase in ("crystal", "melt"):
        print(f"{phase}: called otherwise in {100 * found.judged.fooled(phase):.1f} % of its frames")
    labels = [frame.info.get("phase") for frame in found.frames]
    print(f"taken: {len(labels)}, of these with a label {sum(label is not None for label in labels)}")
    run = fit(training, f"train_{element}_1", frames=found.training_frames)
    export(run, f"{element}_1.pt")


if __name__ == "__main__":
    main()
