"""A small random model that keeps the contract of gnncv's model files, with two species and four outputs.

It uses every operator, so that the core is tested on something that no training shaped. `write_core_model` is
also a recipe for the smallest model file the core accepts.
"""

import json
import warnings
from pathlib import Path

import torch
from torch import Tensor

from gnncv._native import load_operators

load_operators()

CUTOFF = 3.4
SPECIES = ["Cu", "Zr"]
INTENSIVE = ["mean-1", "mean-2", "mixed"]
EXTENSIVE = ["total"]


class CoreModel(torch.nn.Module):
    """Densities, attention and filtered messages between random linear maps, pooled by mean and sum."""

    format_version: int
    cutoff: float
    species: list[str]
    output_names: list[str]
    site_names: list[str]
    precision: str

    def __init__(self, precision: str) -> None:
        super().__init__()
        self.format_version = 1
        self.cutoff = CUTOFF
        self.species = SPECIES
        self.output_names = INTENSIVE + EXTENSIVE
        self.site_names = ["first", "second"]
        self.precision = precision
        self.hops = 3  # densities, attention over what they make, messages of what that makes
        self.l_max = 6
        n_radial, n_features, n_heads = 4, 8, 2
        invariants = n_radial * (self.l_max + 1)
        self.embedding = torch.nn.Parameter(torch.randn(len(SPECIES), n_features))
        self.charge = torch.nn.Parameter(1.0 + torch.rand(len(SPECIES)))
        self.centers = torch.nn.Parameter(torch.linspace(0.5, CUTOFF - 0.5, n_radial))
        self.describe = torch.nn.Linear(invariants, n_features)
        self.attend = torch.nn.Linear(n_radial, n_heads)
        self.filter = torch.nn.Linear(n_radial, n_features)
        self.update = torch.nn.Linear(2 * n_features + 1, n_features)

    @torch.jit.export
    def site_part(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        distances, _directions = torch.ops.gnncv.pair_geometry(vectors)
        x = (distances / self.cutoff).clamp(max=1.0)
        switching = (1.0 - x) ** 3 * (1.0 + x * (3.0 + 6.0 * x))
        basis = torch.exp(-2.0 * (distances.unsqueeze(1) - self.centers) ** 2) * switching.unsqueeze(1)
        weighted = basis * self.charge[types[neighbor]].unsqueeze(1)
        densities = torch.ops.gnncv.bond_densities(vectors, weighted, row_ptr, self.l_max)
        invariants = torch.ops.gnncv.density_invariants(densities, self.l_max)
        features = torch.tanh(self.describe(torch.log1p(invariants.flatten(1)))) + self.embedding[types]
        messages = torch.ops.gnncv.attention_message_passing(
            self.attend(basis), switching, torch.tanh(self.filter(basis)), features, neighbor, row_ptr, 0.5
        )
        plain = torch.ops.gnncv.message_passing(switching.unsqueeze(1), messages, neighbor, row_ptr)
        count = torch.ops.gnncv.segment_sum(switching.unsqueeze(1), row_ptr)
        return torch.tanh(self.update(torch.cat([features, 0.2 * plain, 0.1 * count], 1)))

    @torch.jit.export
    def sums(self, site: Tensor) -> Tensor:
        site = site.to(torch.float64)
        number = torch.full([1], site.size(0), dtype=torch.float64)
        return torch.cat([number, site.sum(0), torch.sigmoid(4.0 * site[:, :1]).sum(0)])

    @torch.jit.export
    def head(self, sums: Tensor) -> Tensor:
        mean = sums[1:-1] / sums[0]
        mixed = torch.sin(3.0 * mean[2]) + mean[3] * mean[4]
        return torch.stack([mean[0], mean[1], mixed, sums[-1]])

    def forward(
        self, vectors: Tensor, center: Tensor, neighbor: Tensor, row_ptr: Tensor, types: Tensor
    ) -> Tensor:
        return self.head(self.sums(self.site_part(vectors, center, neighbor, row_ptr, types)))

    @torch.jit.export
    def site_values(self, site: Tensor) -> Tensor:
        return site[:, :2].to(torch.float64)


def make_core_model(precision: str, seed: int = 0) -> torch.jit.ScriptModule:
    """Script the model with the same random weights in both precisions."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CoreModel(precision).to(getattr(torch, precision)).eval()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        return torch.jit.script(model)


def save_script(module: torch.jit.ScriptModule, path: Path, extra: dict[str, str]) -> None:
    """Save a scripted module with extra files, without torch's notice that TorchScript is deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        module.save(str(path), _extra_files=extra)


def write_core_model(path: Path, precision: str = "float64", seed: int = 0) -> Path:
    """Write the model file and return its path."""
    metadata = {
        "format_version": 1,
        "cutoff": CUTOFF,
        "species": SPECIES,
        "precision": precision,
        "outputs": [{"name": name, "kind": "intensive"} for name in INTENSIVE]
        + [{"name": name, "kind": "extensive"} for name in EXTENSIVE],
    }
    extra = {"gnncv.json": json.dumps(metadata), "gnncv_format": "1"}
    save_script(make_core_model(precision, seed), path, extra)
    return path
