"""On a GPU: each operator against its CPU kernel, the same bits every time, and a whole CV."""

import numpy as np
import pytest
import torch

import gnncv
from gnncv._native import load_operators
from gnncv.demo import fcc_crystal, shipped_model

pytestmark = pytest.mark.cuda
load_operators()
ops = torch.ops.gnncv
CUTOFF = 3.0
N_INTERVALS = 11
PRECISIONS = [torch.float64, torch.float32]


class Inputs:
    """Random sites with a full pair list, on the CPU; a quarter of them, far away, have no neighbors."""

    def __init__(self, n_sites, generator, dtype):
        self.generator, self.dtype, self.n_sites = generator, dtype, n_sites
        points = torch.from_numpy(generator.uniform(0.0, 1.2 * max(n_sites, 1) ** (1.0 / 3.0), (n_sites, 3)))
        points[: n_sites // 4] += 50.0 * torch.arange(1, n_sites // 4 + 1)[:, None]
        near = torch.cdist(points, points) < CUTOFF
        center, neighbor = (near & ~torch.eye(n_sites, dtype=torch.bool)).nonzero(as_tuple=True)
        self.vectors = (points[neighbor] - points[center]).to(dtype)
        self.distances = self.vectors.norm(dim=1)
        counts = torch.bincount(center, minlength=n_sites)
        self.neighbor = neighbor.to(torch.int32)
        self.row_ptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
        self.types = torch.from_numpy(generator.integers(0, 2, n_sites))

    def normal(self, *shape):
        return torch.from_numpy(self.generator.normal(size=shape)).to(self.dtype)

    def table(self, *shape):
        falling = 0.4 ** torch.arange(6.0, dtype=self.dtype)[:, None]
        table = self.normal(*shape[:-1], 6, shape[-1]) * falling
        table[..., 0, -1] = 1.0 + table[..., 0, -1].abs()
        return table

    def of(self, operator):
        """Arguments, and which of them are differentiated."""
        pairs = (self.neighbor, self.row_ptr)
        n = self.n_sites
        match operator:
            case "pair_distances" | "pair_geometry":
                return [self.vectors], [0]
            case "environment_densities":
                return [self.vectors, *pairs, self.types, self.table(N_INTERVALS, 6), CUTOFF, 2, 6], [0]
            case "averaged_densities":
                sites = (self.normal(n, 6, 49), self.normal(n, 1).abs())
                return [self.distances, *pairs, self.table(N_INTERVALS, 3), CUTOFF, *sites], [0, 5, 6]
            case "environment_features":
                sites = (self.normal(n, 4, 49), self.normal(n, 4, 49), self.normal(n, 1).abs())
                mean, scale = (self.normal(57).double().abs() + 0.5 for _ in range(2))
                return [*sites, mean, scale, 6, 1e-4], [0, 1, 2]
            case "table_messages":
                tables = self.table(4, N_INTERVALS, 24)
                return [self.distances, *pairs, self.types, tables, CUTOFF, self.normal(n, 24)], [0, 6]
            case "table_attention":
                nodes = (self.normal(n, 2), self.normal(n, 2), self.normal(n, 16))
                return (
                    [self.distances, *pairs, self.table(N_INTERVALS, 19), CUTOFF, *nodes, 0.5, 3.0],
                    [0, 5, 6, 7],
                )
        raise ValueError(operator)


OPERATORS = [
    "pair_distances",
    "pair_geometry",
    "environment_densities",
    "averaged_densities",
    "environment_features",
    "table_messages",
    "table_attention",
]


def evaluate(operator, arguments, differentiated, weights, device):
    """Outputs and the gradients of a weighted sum of them, on the CPU again."""
    moved = [each.to(device) if isinstance(each, torch.Tensor) else each for each in arguments]
    for position in differentiated:
        moved[position] = moved[position].detach().requires_grad_()
    outputs = getattr(ops, operator)(*moved)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    assert all(output.device.type == torch.device(device).type for output in outputs)
    total = sum((output * weight.to(device)).sum() for output, weight in zip(outputs, weights, strict=True))
    gradients = torch.autograd.grad(total, [moved[position] for position in differentiated])
    return [each.detach().cpu() for each in (*outputs, *gradients)]


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("n_sites", [0, 1, 2, 64, 500])
@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_gives_what_it_gives_on_the_cpu(operator, n_sites, dtype, generator):
    arguments, differentiated = Inputs(n_sites, generator, dtype).of(operator)
    plain = getattr(ops, operator)(*arguments)
    shapes = [each.shape for each in ([plain] if isinstance(plain, torch.Tensor) else plain)]
    weights = [torch.from_numpy(generator.normal(size=tuple(shape))).to(dtype) for shape in shapes]
    expected = evaluate(operator, arguments, differentiated, weights, "cpu")
    first, again = (evaluate(operator, arguments, differentiated, weights, "cuda") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True)), "not the same bits"
    tolerance = 1e-12 if dtype == torch.float64 else 2e-5
    for got, exact in zip(first, expected, strict=True):
        scale = max(1.0, float(exact.abs().max())) if exact.numel() else 1.0
        torch.testing.assert_close(got, exact, rtol=0, atol=tolerance * scale)


def test_work_goes_to_the_current_stream(generator):
    arguments, _ = Inputs(500, generator, torch.float32).of("table_messages")
    expected = ops.table_messages(*arguments)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        moved = [each.cuda() if isinstance(each, torch.Tensor) else each for each in arguments]
        got = ops.table_messages(*moved)
        stream.synchronize()
        torch.testing.assert_close(got.cpu(), expected, rtol=2e-5, atol=2e-5)


def test_tensors_on_two_devices(generator):
    arguments, _ = Inputs(8, generator, torch.float32).of("table_messages")
    moved = [each.cuda() if isinstance(each, torch.Tensor) else each for each in arguments]
    moved[1] = moved[1].cpu()
    with pytest.raises(ValueError, match="neighbor is on cpu, expected cuda:0"):
        ops.table_messages(*moved)


def test_a_cv_gives_what_it_gives_on_the_cpu(generator):
    atoms = fcc_crystal(4)
    atoms.positions += generator.normal(0.0, 0.2, atoms.positions.shape)
    on_cpu, on_gpu = (gnncv.CollectiveVariable(shipped_model(), device=name) for name in ("cpu", "cuda"))
    expected = on_cpu.compute(atoms)
    results = [on_gpu.compute(atoms) for _ in range(2)]
    for name in on_cpu.names:
        assert results[0][name] == pytest.approx(expected[name], rel=1e-5, abs=1e-6)
        assert results[0][name] == results[1][name]
    scale = np.abs(expected.gradients).max()
    np.testing.assert_allclose(results[0].gradients, expected.gradients, rtol=0, atol=1e-4 * scale)
    np.testing.assert_array_equal(results[0].gradients, results[1].gradients)
