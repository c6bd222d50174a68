"""Names and meaning of the outputs for none, two and three phases."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from gnncv.data import build_graph
from gnncv.models import CollectiveVariables, GraphAutoencoder, ModelConfig
from gnncv.models.collective_variables import output_names, site_names


def random_model(
    phases: list[str], latent: int = 3, pooling: str = "mean", seed: int = 0
) -> GraphAutoencoder:
    torch.manual_seed(seed)
    config = ModelConfig(cutoff=5.0, latent=latent, pooling=pooling)
    model = GraphAutoencoder(config, ["Ar", "Kr"], phases).double().eval()
    model.centroids.copy_(torch.randn(len(phases), latent, dtype=torch.float64))
    return model


def outputs(model: GraphAutoencoder, atoms: Atoms) -> dict[str, float]:
    graph = build_graph(atoms, 5.0, model.species)
    arguments = (graph.vectors, graph.center, graph.neighbor, graph.row_ptr, graph.types)
    with torch.no_grad():
        values = CollectiveVariables(model)(*arguments)
    names = output_names(model.config.latent, model.phases, model.config.pooling)
    return dict(zip(names, values.tolist(), strict=True))


def frame(generator: np.random.Generator) -> Atoms:
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True).repeat((2, 2, 2))
    atoms.symbols[generator.permutation(32)[:16]] = "Kr"
    atoms.positions += generator.normal(0, 0.2, (32, 3))
    return atoms


def test_names() -> None:
    two = list(output_names(2, ["melt", "crystal"]))
    assert two == ["latent-1", "latent-2", "crystallinity", "ncrystal", "progress", "deviation", "novelty"]
    assert list(output_names(1, [])) == ["latent-1", "novelty"]
    assert "deviation" not in output_names(1, ["melt", "crystal"])
    three = output_names(2, ["melt", "fcc", "bcc"])
    for phase in ("fcc", "bcc"):
        for kind in ("crystallinity", "ncrystal", "progress", "deviation"):
            assert f"{kind}-{phase}" in three
    assert site_names(1, ["melt", "fcc", "bcc"]) == [
        "latent-1",
        "crystallinity-fcc",
        "crystallinity-bcc",
        "novelty",
    ]


@pytest.mark.parametrize("phases", [[], ["melt", "crystal"], ["melt", "fcc", "bcc"]])
@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_replication(phases: list[str], pooling: str, generator: np.random.Generator) -> None:
    """Intensive outputs stay, extensive ones grow with the number of sites."""
    model = random_model(phases, pooling=pooling)
    atoms = frame(generator)
    one, two = outputs(model, atoms), outputs(model, atoms.repeat((2, 1, 1)))
    for name, kind in output_names(3, phases, pooling).items():
        factor = 2.0 if kind == "extensive" else 1.0
        assert two[name] == pytest.approx(factor * one[name], rel=1e-10, abs=1e-12), name


def test_the_centroids_are_zero_and_one_on_the_line(generator: np.random.Generator) -> None:
    model = random_model(["melt", "crystal"])
    head = CollectiveVariables(model).head
    names = list(output_names(3, model.phases))
    for fraction in generator.uniform(-0.5, 1.5, 5):
        latent = model.centroids[0] + fraction * (model.centroids[1] - model.centroids[0])
        sums = torch.cat([10 * latent, torch.tensor([4.0, 10.0, 10.0])])
        values = dict(zip(names, head(sums).tolist(), strict=True))
        assert values["progress"] == pytest.approx(fraction, abs=1e-12)
        assert values["deviation"] == pytest.approx(0.0, abs=1e-12)
        assert values["ncrystal"] == pytest.approx(4.0)
        assert values["crystallinity"] == pytest.approx(0.4)
        assert values["novelty"] == pytest.approx(1.0)


def test_a_local_oddity_shows_in_novelty() -> None:
    """One site in a hundred that is ten times as strange raises the p-mean by more than the mean."""
    head = CollectiveVariables(random_model(["melt", "crystal"]))
    site = torch.zeros((100, 5), dtype=torch.float64)
    site[:, -1] = 0.5
    calm = head.head(head.sums(site))[-1]
    site[0, -1] = 10.0
    odd = head.head(head.sums(site))[-1]
    assert calm == pytest.approx(0.5)
    assert odd > 3.0


def test_isolated_atoms_and_one_atom_have_finite_outputs() -> None:
    model = random_model(["melt", "crystal"])
    for atoms in (Atoms("Ar"), Atoms("ArKr", positions=[[0, 0, 0], [0, 0, 50]])):
        assert all(np.isfinite(list(outputs(model, atoms).values())))
