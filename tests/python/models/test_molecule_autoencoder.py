"""The molecule autoencoder: equivalent atoms, derivatives, standardization, what it knows of a molecule."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.models import MoleculeAutoencoder, MoleculeConfig
from gnncv.models.molecular_symmetry import (
    descriptor_classes,
    descriptor_permutations,
    equivalent_atoms,
)
from gnncv.models.molecule_comparison import MoleculeComparison
from gnncv.topology import Molecule, Topology, site_geometry
from molecules import geometry, template

TORSIONS = {"C6H6": ((0, 1, 2, 3), (6, 0, 1, 7)), "CH3CH2OH": ((0, 1, 2, 3), (6, 0, 1, 2))}


def positions(name: str, n_molecules: int, generator: np.random.Generator) -> np.ndarray:
    """Distorted molecules (B, A, 3)."""
    shape = geometry(name).positions
    return shape + generator.normal(0, 0.08, (n_molecules, *shape.shape))


def descriptors(molecule: Molecule, places: np.ndarray) -> Tensor:
    topology = Topology([molecule])
    layout = topology.match(molecule.symbols * len(places))
    return site_geometry(torch.from_numpy(places.reshape(-1, 3)), topology, layout).descriptors[0]


def with_all_torsions(name: str) -> Molecule:
    """All distances and every torsion about a bond."""
    molecule = template(name)
    found = [
        (i, j, k, m)
        for j, k in molecule.bonds
        for i in molecule.neighbors[j]
        for m in molecule.neighbors[k]
        if len({i, j, k, m}) == 4
    ]
    return replace(molecule, torsions=tuple(found))


def autoencoder(molecule: Molecule, values: Tensor, seed: int = 0, **config: object) -> MoleculeAutoencoder:
    torch.manual_seed(seed)
    model = MoleculeAutoencoder(molecule, MoleculeConfig.model_validate(config))
    model.standardize_descriptors(values)
    model.encoder.standardize_pooled(values)
    return model.double().eval().requires_grad_(False)


def exchanges(name: str) -> list[list[int]]:
    """Equivalent atoms in other places, as permutations of the atoms."""
    if name == "C6H6":  # turned by a sixth, and turned over
        return [[(i + 1) % 6 + 6 * (i >= 6) for i in range(12)], [-i % 6 + 6 * (i >= 6) for i in range(12)]]
    molecule = template(name)
    methyl = [
        [a for a in molecule.neighbors[c] if molecule.symbols[a] == "H"]
        for c in range(molecule.n_atoms)
        if molecule.symbols[c] == "C"
    ]
    group = next(hydrogens for hydrogens in methyl if len(hydrogens) == 3)
    turned, swapped = list(range(molecule.n_atoms)), list(range(molecule.n_atoms))
    for source, target in zip(group, group[1:] + group[:1], strict=True):
        turned[source] = target
    swapped[group[0]], swapped[group[1]] = group[1], group[0]
    return [turned, swapped]


@pytest.mark.parametrize("pooling", ["attention", "mean"])
@pytest.mark.parametrize("name", ["C6H6", "trans-butane", "CH3CH2OH"])
def test_equivalent_atoms_may_change_places(name: str, pooling: str, generator: np.random.Generator) -> None:
    molecule = with_all_torsions(name)
    places = positions(name, 20, generator)
    model = autoencoder(molecule, descriptors(molecule, places), pooling=pooling)
    before = model.encoder(descriptors(molecule, places))
    for exchange in exchanges(name):
        after = model.encoder(descriptors(molecule, places[:, exchange]))
        torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-10)
    other = list(range(molecule.n_atoms))
    other[0], other[-1] = other[-1], other[0]  # a carbon and a hydrogen
    changed = model.encoder(descriptors(molecule, places[:, other]))
    assert float((changed - before).abs().max()) > 1e-2


def test_mirror_images_are_one(generator: np.random.Generator) -> None:
    molecule = with_all_torsions("CH3CH2OH")
    places = positions("CH3CH2OH", 5, generator)
    model = autoencoder(molecule, descriptors(molecule, places))
    mirrored = descriptors(molecule, places * [1.0, 1.0, -1.0])
    torch.testing.assert_close(
        model.encoder(mirrored), model.encoder(descriptors(molecule, places)), rtol=1e-9, atol=1e-10
    )


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_the_scripted_encoder_has_the_values_and_gradients_of_the_module(
    generator: np.random.Generator,
) -> None:
    molecule = replace(template("CH3CH2OH"), torsions=TORSIONS["CH3CH2OH"])
    values = descriptors(molecule, positions("CH3CH2OH", 8, generator))
    model = autoencoder(molecule, values)
    scripted = torch.jit.script(model.encoder)
    assert torch.equal(scripted(values), model.encoder(values))
    assert scripted(values[:0]).shape == (0, 8)
    torch.autograd.gradcheck(scripted, values[:2].clone().requires_grad_(True), eps=1e-5, atol=1e-6)
    narrow = model.float().encoder(values)
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow.double(), scripted.double()(values), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("charges", (0.0, 0.0, -0.4, 0.4, *[0.0] * 5)),
        ("bond_orders", (1.0, 2.0, *[1.0] * 6)),
        ("bond_lengths", (1.9, *[1.1] * 7)),
        ("symbols", ("C", "C", "S", "H", "H", "H", "H", "H", "H")),
    ],
)
def test_atoms_and_bonds_are_known(part: str, changed: tuple, generator: np.random.Generator) -> None:
    """Type with radius and mass, charge, bond type and length: each changes the embedding."""
    molecule = template("CH3CH2OH")
    values = descriptors(molecule, positions("CH3CH2OH", 10, generator))
    plain = autoencoder(molecule, values).encoder(values)
    other = autoencoder(replace(molecule, **{part: changed}), values)
    other.encoder.pooled_mean.copy_(autoencoder(molecule, values).encoder.pooled_mean)
    other.encoder.pooled_scale.copy_(autoencoder(molecule, values).encoder.pooled_scale)
    difference = (other.encoder(values) - plain).abs().max()
    assert float(difference) > 1e-3


def test_symmetries_of_known_molecules() -> None:
    benzene, butane = template("C6H6"), template("trans-butane")
    assert len(descriptor_permutations(benzene, 500)) == 12
    assert len(descriptor_permutations(butane, 500)) == 2 * 6 * 6 * 2 * 2
    assert descriptor_permutations(butane, 100) is None
    assert len(set(equivalent_atoms(benzene))) == 2
    assert len(set(equivalent_atoms(butane))) == 4
    charged = replace(benzene, charges=(0.1, *[0.0] * 11))
    assert len(descriptor_permutations(charged, 500)) == 2
    # Half of the ring's bonds as descriptors: what takes them to the other half is no symmetry any more.
    halved = replace(benzene, distances=((0, 1), (2, 3), (4, 5)))
    assert len(descriptor_permutations(halved, 500)) == 6  # of three things


def test_classes_hold_whole_orbits() -> None:
    molecule = with_all_torsions("trans-butane")
    classes = descriptor_classes(molecule)
    found = descriptor_permutations(molecule, 500)
    assert found is not None
    assert (classes[found] == classes).all()


@pytest.mark.parametrize("most", [500, 1])
def test_a_renamed_molecule_is_recognized(most: int, generator: np.random.Generator) -> None:
    """One by one as the renaming that was made; sorted at least as close."""
    molecule = template("C6H6")
    values = descriptors(molecule, positions("C6H6", 30, generator))
    renamings = descriptor_permutations(molecule, 500)
    assert renamings is not None
    chosen = torch.from_numpy(renamings[generator.integers(0, len(renamings), 30)])
    rebuilt = values.gather(1, chosen)
    rebuilt = rebuilt + torch.from_numpy(generator.normal(0, 1e-3, values.shape))
    renamed = MoleculeComparison(molecule, most).renamed(values, rebuilt, torch.ones(66, dtype=torch.float64))
    assert (renamed.sort(1).values == values.sort(1).values).all()
    error, best = (renamed - rebuilt).square().sum(1), (values.gather(1, chosen) - rebuilt).square().sum(1)
    if most == 500:
        assert torch.equal(renamed, values.gather(1, chosen))
    else:
        assert (error <= best + 1e-12).all()


def test_the_mean_has_an_error_of_one_and_stiff_bonds_stay_small(generator: np.random.Generator) -> None:
    molecule = template("CH3CH2OH")
    values = descriptors(molecule, positions("CH3CH2OH", 200, generator))
    stiff = molecule.distances.index((0, 1))
    values[:, stiff] = 1.5 + 1e-4 * torch.randn(200, dtype=torch.float64)
    model = autoencoder(molecule, values)
    standardized = model.encoder.standardized(values)
    error = model.reconstruction_error(standardized, torch.zeros_like(standardized))
    assert float(error.mean()) == pytest.approx(1.0, rel=1e-3)  # but for the stiff bond's floor
    assert float(standardized[:, stiff].abs().max()) < 0.1
    assert float(standardized.abs().max()) < 10.0


def test_standardizing_the_embedding_changes_nothing_else(generator: np.random.Generator) -> None:
    molecule = template("CH3CH2OH")
    values = descriptors(molecule, positions("CH3CH2OH", 50, generator))
    model = autoencoder(molecule, values)
    before = model(values)
    model.standardize_embedding(before.mean.mean(0).detach(), before.mean.std(0, correction=0).detach())
    after = model(values)
    torch.testing.assert_close(after.rebuilt, before.rebuilt)
    torch.testing.assert_close(after.mean.mean(0), torch.zeros(8, dtype=torch.float64))
    torch.testing.assert_close(after.mean.std(0, correction=0), torch.ones(8, dtype=torch.float64))
    spread = torch.exp(0.5 * (before.log_variance - after.log_variance))
    torch.testing.assert_close(spread[0], before.mean.std(0, correction=0))


def test_the_slope_is_that_of_all_directions_of_the_embedding(generator: np.random.Generator) -> None:
    """Of an embedding linear in two distances it is known, however mixed; none for a batch of one."""
    molecule = template("CH3CH2OH")
    values = descriptors(molecule, positions("CH3CH2OH", 4000, generator))
    model = autoencoder(molecule, values, embedding=2)

    class TwoDistances(torch.nn.Module):
        def __init__(self, scale: Tensor, mixed: Tensor) -> None:
            super().__init__()
            self.descriptor_scale = scale
            self.mixed = mixed

        def forward(self, given: Tensor) -> Tensor:
            return (given / self.descriptor_scale)[:, [4, 20]] @ self.mixed

    scale = model.encoder.descriptor_scale
    covariance = torch.cov((values / scale)[:, [4, 20]].T)
    expected = float(torch.linalg.inv(covariance).trace()) / 2
    for mixed in ([[2.0, 0.0], [0.0, 1.0]], [[1.0, 0.9], [0.0, 0.9]]):
        model.encoder = TwoDistances(scale, torch.tensor(mixed, dtype=torch.float64))
        mean = model.encoder(values)
        assert float(model.slope(values, mean)) == pytest.approx(expected, rel=0.15)
    assert float(model.slope(values[:1], mean[:1])) == 0.0


def test_a_molecule_without_descriptors_is_refused() -> None:
    bare = replace(template("H2O"), distances=())
    with pytest.raises(InvalidArgument, match="'H2O' has no distances and no torsions"):
        MoleculeAutoencoder(bare, MoleculeConfig())


def test_bonds_carry_messages_without_being_descriptors(generator: np.random.Generator) -> None:
    """With torsions alone the bonds still tell where in the molecule a torsion is."""
    molecule = replace(template("CH3CH2OH"), distances=(), torsions=TORSIONS["CH3CH2OH"])
    values = descriptors(molecule, positions("CH3CH2OH", 10, generator))
    model = autoencoder(molecule, values, n_layers=1)
    before = model.encoder(values)
    model.encoder.layers[0].pair_filter.out[1].weight.mul_(2.0)
    assert float((model.encoder(values) - before).abs().max()) > 1e-3
