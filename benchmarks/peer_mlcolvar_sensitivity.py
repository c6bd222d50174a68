"""Time mlcolvar's graph_node_sensitivity.

    python peer_mlcolvar_sensitivity.py SIZE CUTOFF CHANNELS REPEATS

One frame of liquid-like argon, its SchNet of peer_mlcolvar.py in float32, as a Python module. The graph is
made beforehand. Prints the shortest call, wall and CPU time in ms. Needs branch release/2.0 of
luigibonati/mlcolvar.
"""

import json
import logging
import sys
import warnings
from time import perf_counter, process_time

import numpy as np
import torch

from structures import liquid_like


def main(size: int, cutoff: float, channels: int, repeats: int) -> None:
    """Time the calls."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from mlcolvar.core.nn.graph.schnet import SchNetModel
    from mlcolvar.cvs import RegressionCV
    from mlcolvar.data.graph.atomic import AtomicNumberTable, Configuration
    from mlcolvar.data.graph.utils import create_dataset_from_configurations
    from mlcolvar.explain.graph_sensitivity import graph_node_sensitivity

    torch.manual_seed(0)
    atoms = liquid_like(size)
    configuration = Configuration(
        atomic_numbers=atoms.numbers,
        positions=atoms.positions,
        cell=atoms.cell.array.copy(),
        pbc=(True, True, True),
        node_labels=None,
        graph_labels=np.array([[0.0]]),
    )
    dataset = create_dataset_from_configurations(
        [configuration], AtomicNumberTable([18]), cutoff, show_progress=False
    )
    network = SchNetModel(
        n_out=1, cutoff=cutoff, atomic_numbers=[18], n_filters=channels, n_hidden_channels=channels
    )
    cv = RegressionCV(model=network)
    seconds = []
    for _ in range(repeats + 1):
        start, spent = perf_counter(), process_time()
        graph_node_sensitivity(cv, dataset, batch_size=0, show_progress=False)
        seconds.append((perf_counter() - start, process_time() - spent))
    print(json.dumps([1e3 * min(times) for times in zip(*seconds[1:], strict=True)]))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
