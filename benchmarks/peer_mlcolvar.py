"""Export mlcolvar's SchNet as TorchScript: ``python peer_mlcolvar.py CUTOFF PATH [CHANNELS]``.

With its own exporter. Its default size: 2 layers, 16 filters, 16 Gaussians, 16 hidden channels, one output,
mean pooling, float32; CHANNELS replaces the 16 filters and hidden channels.
The weights are random, which changes no time. Needs branch release/2.0 of luigibonati/mlcolvar.
"""

import logging
import sys
import warnings

import torch


def main(cutoff: float, path: str, channels: int = 16) -> None:
    """Write the model to ``path``."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    from mlcolvar.core.nn.graph.schnet import SchNetModel
    from mlcolvar.cvs import RegressionCV
    from mlcolvar.data.graph.utils import create_graph_tracing_example

    torch.manual_seed(0)
    network = SchNetModel(
        n_out=1, cutoff=cutoff, atomic_numbers=[18], n_filters=channels, n_hidden_channels=channels
    )
    cv = RegressionCV(model=network)
    cv.to_torchscript(path, method="trace", example_inputs=create_graph_tracing_example(1))


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
