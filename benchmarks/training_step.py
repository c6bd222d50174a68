"""Time a training step (forward, backward, optimizer) beside the same model written with torch_geometric.

    python benchmarks/training_step.py --peer-python PYTHON   # one that can import torch_geometric and torch

A batch of liquid-like argon, 41 neighbors on average, the whole loss of the autoencoder, AdamW, float32.
Both start from the same weights and see the same noise; loss and gradients of the first step must agree.
Every case runs in fresh processes with pinned threads, by turns; printed are medians over rounds of each
round's fastest step.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

HERE = Path(__file__).parent
CASES = ("filter-2x16", "filter-2x32", "attention-2x16", "attention-2x32")
TOLERANCE = 1e-5


def write_case(name: str, n_atoms: int, n_frames: int, path: Path) -> None:
    """Write configuration, weights and one batch of a model."""
    import torch

    from gnncv.data import build_graph, collate
    from gnncv.models import GraphAutoencoder, ModelConfig
    from gnncv.training.config import LossConfig
    from models import MODELS, cutoff_of
    from structures import liquid_like

    settings = MODELS["attention-2x16"] | {"width": 32} if name == "attention-2x32" else MODELS[name]
    config = ModelConfig(cutoff=cutoff_of(41.0), **settings)
    torch.manual_seed(0)
    model = GraphAutoencoder(config, ["Ar"], ["melt", "crystal"])
    graphs = [
        build_graph(liquid_like(n_atoms, seed), config.cutoff, ["Ar"], seed % 2) for seed in range(n_frames)
    ]
    batch = collate(graphs)
    with torch.no_grad():
        raw = model.double().encode(batch).invariants
        model.encoder.feature_mean.copy_(raw.mean(dim=0))
        model.encoder.feature_scale.copy_(raw.std(dim=0) + 0.01)
    torch.save(
        {
            "config": config.model_dump() | {"onset": config.switching_onset},
            "weights": LossConfig().model_dump(),
            "state": {
                name: x.float() if x.requires_grad else x
                for name, x in model.state_dict(keep_vars=True).items()
            },
            "raw": raw,
            "invariants": ((raw - raw.mean(dim=0)) / (raw.std(dim=0) + 0.01)).float(),
            "batch": vars(batch),
        },
        path,
    )


def ours(case: dict[str, Any]) -> tuple[Any, Any]:
    """gnncv's model and a function that computes its loss."""
    import torch

    from gnncv.data import GraphBatch
    from gnncv.models import GraphAutoencoder, ModelConfig
    from gnncv.training.config import LossConfig
    from gnncv.training.losses import autoencoder_loss

    model = GraphAutoencoder(ModelConfig(**case["config"]), ["Ar"], ["melt", "crystal"])
    model.load_state_dict(case["state"])
    model.train_through_tables()
    batch = GraphBatch(**case["batch"] | {"invariants": case["raw"]}).to("cpu", torch.float32)
    weights = LossConfig(**case["weights"])
    return model, lambda: autoencoder_loss(model, batch, model.encode(batch)).total(weights)


def theirs(case: dict[str, Any]) -> tuple[Any, Any]:
    """The peer's model and a function that computes its loss."""
    import torch

    from peer_torch_geometric import Autoencoder, renamed

    n_features = case["invariants"].shape[1]
    model = Autoencoder(case["config"], 1, 2, n_features)
    model.load_state_dict(renamed(case["state"]), strict=False)
    given = case["batch"]
    batch = {
        "edge_index": torch.stack([given["neighbor"], given["center"]]),
        "edge_vectors": given["vectors"].float(),
        "invariants": case["invariants"],
        **{name: given[name] for name in ("types", "phase", "frame")},
    }
    shape = (len(given["types"]), case["config"]["latent"])
    return model, lambda: model(batch, torch.randn(shape), case["weights"])


def work(who: str, path: str, seconds: float, out: str) -> None:
    """Run training steps in this process; write the first loss and gradients, and the times of the rest."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model, loss_of = (ours if who == "gnncv" else theirs)(torch.load(path, weights_only=True))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    torch.manual_seed(1)
    loss = loss_of()
    loss.backward()
    found = {
        name.removeprefix("encoder.").replace(".update_.", ".update."): p.grad.clone()
        for name, p in model.named_parameters()
        if p.grad is not None
    }
    times = []
    end = perf_counter() + seconds
    while len(times) < 5 or perf_counter() < end:
        start = perf_counter()
        optimizer.zero_grad()
        loss_of().backward()
        optimizer.step()
        times.append(perf_counter() - start)
    torch.save({"loss": loss.detach(), "gradients": found, "ms": 1e3 * min(times)}, out)


def difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Largest difference of loss and gradients, relative to the loss and to the largest gradient."""
    gradients, expected = one["gradients"], other["gradients"]
    if gradients.keys() != expected.keys():
        sys.exit(f"parameters differ: {sorted(gradients.keys() ^ expected.keys())}")
    scale = max(float(x.abs().max()) for x in expected.values())
    worst = max(float((gradients[name] - expected[name]).abs().max()) for name in expected) / scale
    return max(worst, abs(float(one["loss"] - other["loss"])) / abs(float(other["loss"])))


def main() -> None:
    """Run all cases and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", help="an interpreter that can import torch_geometric")
    parser.add_argument("--models", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--atoms", type=int, default=500, choices=(256, 500, 1000, 4000))
    parser.add_argument("--frames", type=int, default=8, help="of a batch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each process")
    parser.add_argument("--worker", nargs=3, metavar=("WHO", "CASE", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        who, case, out = arguments.worker
        work(who, case, arguments.seconds, out)
        return
    from machine import print_facts

    print_facts(max(arguments.threads))
    print(f"\n{arguments.frames} frames of {arguments.atoms} atoms; milliseconds a training step")
    print(f"{'model':<16}{'threads':>8}{'gnncv':>9}{'torch_geometric':>17}{'ratio':>7}{'difference':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.models:
            case = Path(folder) / f"{name}.pt"
            write_case(name, arguments.atoms, arguments.frames, case)
            for threads in arguments.threads:
                compare(name, case, threads, arguments)


def compare(name: str, case: Path, threads: int, arguments: argparse.Namespace) -> None:
    """Run both by turns and print a line; gnncv alone where no interpreter is given."""
    import torch

    from evaluate import run

    interpreters = {"gnncv": sys.executable}
    if arguments.peer_python:
        interpreters["peer"] = arguments.peer_python
    times: dict[str, list[float]] = {who: [] for who in interpreters}
    found: dict[str, Any] = {}
    for _ in range(arguments.rounds):
        for who, python in interpreters.items():
            out = case.with_suffix(f".{who}")
            seconds = ["--seconds", str(arguments.seconds)]
            run([python, __file__, "--worker", who, str(case), str(out), *seconds], threads)
            found[who] = torch.load(out, weights_only=True)
            times[who].append(found[who]["ms"])
    mine = median(times["gnncv"])
    print(f"{name:<16}{threads:>8}{mine:9.2f}", end="")
    if "peer" not in found:
        print(flush=True)
        return
    error, peer = difference(found["gnncv"], found["peer"]), median(times["peer"])
    print(f"{peer:17.2f}{peer / mine:7.2f}{error:12.1e}", flush=True)
    if not error <= TOLERANCE:
        sys.exit(f"{name}: loss or gradients differ by {error:.1e}, more than {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
