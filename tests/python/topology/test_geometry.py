"""Centers, axes and descriptors: against their definitions, and what motions do to them."""

import time

import numpy as np
import pytest
import torch

from gnncv.errors import InvalidArgument
from gnncv.topology import Axis, SiteGeometry, SiteLayout, Topology, site_geometry
from molecules import geometry, random_system, some_topology, template
from systems import random_rotation

COUNTS = (4, 5, 6, 3, 2)


@pytest.fixture
def system(generator) -> tuple[Topology, SiteLayout, np.ndarray]:
    topology = some_topology()
    atoms, whole = random_system(topology, COUNTS, 20 * np.eye(3), True, generator)
    return topology, topology.match(atoms.get_chemical_symbols()), whole


def evaluate(topology: Topology, layout: SiteLayout, positions: np.ndarray) -> SiteGeometry:
    return site_geometry(torch.from_numpy(positions), topology, layout)


def test_against_definitions_molecule_by_molecule(system):
    topology, layout, positions = system
    found = evaluate(topology, layout, positions)
    assert found.centers.dtype == torch.float64
    counted = [0] * len(topology.molecules)
    for site, (kind, first) in enumerate(zip(layout.kind, layout.first_atom, strict=True)):
        if kind >= len(topology.molecules):
            np.testing.assert_array_equal(found.centers[site], positions[first])
            assert not found.axes[site].any()
            continue
        molecule = topology.molecules[kind]
        own = positions[first : first + molecule.n_atoms]
        center = sum(w * r for w, r in zip(molecule.weights, own, strict=True))
        np.testing.assert_allclose(found.centers[site], center, rtol=0, atol=1e-12)
        for number in range(topology.n_axes):
            if number >= len(molecule.axes):
                assert not found.axes[site, number].any()
                continue
            axis = molecule.axes[number]
            if axis.ring:
                ring = own[list(axis.ring)] - own.mean(axis=0)
                vector = sum(np.cross(ring[k - 1], ring[k]) for k in range(len(ring)))
            else:
                vector = np.array(axis.weights) @ own
            np.testing.assert_allclose(found.axes[site, number], vector / np.linalg.norm(vector), atol=1e-12)
        descriptors = [np.linalg.norm(own[j] - own[i]) for i, j in molecule.distances]
        descriptors += [np.cos(dihedral(*own[list(atoms)])) for atoms in molecule.torsions]
        row = found.descriptors[kind][counted[kind]]
        np.testing.assert_allclose(row, descriptors, rtol=0, atol=1e-11)
        counted[kind] += 1
    assert counted == [len(rows) for rows in found.descriptors] == list(COUNTS[:3])


def dihedral(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> float:
    """Angle between what of a-b and d-c is perpendicular to b-c."""
    axis = (c - b) / np.linalg.norm(c - b)
    left, right = (v - (v @ axis) * axis for v in (a - b, d - c))
    return float(np.arctan2(np.cross(axis, left) @ right, left @ right))


def test_motions(system, generator):
    topology, layout, positions = system
    before = evaluate(topology, layout, positions)
    rotation, shift = random_rotation(generator), generator.normal(0, 50, 3)
    after = evaluate(topology, layout, positions @ rotation.T + shift)
    np.testing.assert_allclose(after.centers, before.centers.numpy() @ rotation.T + shift, rtol=0, atol=1e-11)
    np.testing.assert_allclose(after.axes, before.axes.numpy() @ rotation.T, rtol=0, atol=1e-11)
    for new, old in zip(after.descriptors, before.descriptors, strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=1e-11)


def test_a_mirror_turns_vectors_but_not_normals(system):
    """Inversion: vectors change their sign, normals keep theirs, and no descriptor tells the hand."""
    topology, layout, positions = system
    before, after = evaluate(topology, layout, positions), evaluate(topology, layout, -positions)
    for kind, molecule in enumerate(topology.molecules):
        sites = layout.sites_of_kind(kind)
        for number, axis in enumerate(molecule.axes):
            sign = 1 if axis.ring else -1
            np.testing.assert_allclose(
                after.axes[sites, number], sign * before.axes[sites, number], rtol=0, atol=1e-12
            )
    for new, old in zip(after.descriptors, before.descriptors, strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=1e-12)


def test_exchange_of_identical_molecules(system, generator):
    topology, layout, positions = system
    before = evaluate(topology, layout, positions)
    exchanged = positions.copy()
    new_site = np.arange(layout.n_sites)
    for kind in range(len(topology.kinds)):
        sites = layout.sites_of_kind(kind)
        new_site[sites] = generator.permutation(sites)
    for site in range(layout.n_sites):
        own, other = (layout.site_of_atom == s for s in (site, new_site[site]))
        exchanged[own] = positions[other]
    after = evaluate(topology, layout, exchanged)
    np.testing.assert_array_equal(after.centers, before.centers[new_site])
    np.testing.assert_array_equal(after.axes, before.axes[new_site])
    for kind in range(len(topology.molecules)):
        sites = layout.sites_of_kind(kind)
        rows = np.searchsorted(sites, new_site[sites])
        np.testing.assert_array_equal(after.descriptors[kind], before.descriptors[kind][rows])


def test_far_from_the_origin_nothing_is_lost(system):
    topology, layout, positions = system
    # A shift that float64 adds without rounding.
    positions = np.round(positions * 2**20) / 2**20
    far = evaluate(topology, layout, positions + 2.0**20)
    near = evaluate(topology, layout, positions)
    np.testing.assert_array_equal(far.axes, near.axes)
    np.testing.assert_allclose(far.centers - 2.0**20, near.centers, rtol=0, atol=1e-9)
    for new, old in zip(far.descriptors, near.descriptors, strict=True):
        np.testing.assert_array_equal(new, old)


def test_derivatives(generator):
    topology = some_topology()
    atoms, whole = random_system(topology, (1, 2, 1, 1, 1), 20 * np.eye(3), True, generator)
    layout = topology.match(atoms.get_chemical_symbols())
    positions = torch.from_numpy(whole).requires_grad_()

    def values(moved: torch.Tensor) -> torch.Tensor:
        found = site_geometry(moved, topology, layout)
        rows = [found.centers, found.axes, *found.descriptors]
        weights = torch.linspace(-1, 1, sum(row.numel() for row in rows), dtype=torch.float64)
        flat = torch.cat([row.flatten() for row in rows])
        return torch.stack([(flat * weights).sum(), (flat * weights.cos()).sum(), flat.square().sum()])

    assert torch.autograd.gradcheck(values, positions)
    few = Topology(
        [template("C2H6", [Axis("n", ring=(0, 2, 3)), Axis("v", weights=(1.0, -1.0, *[0.0] * 6))])]
    )
    shape = torch.from_numpy(geometry("C2H6").positions + 0.1 * generator.normal(size=(8, 3)))
    layout = few.match(few.molecules[0].symbols)

    def curved(moved: torch.Tensor) -> torch.Tensor:
        found = site_geometry(moved, few, layout)
        return torch.cat([found.axes.flatten(), found.descriptors[0].flatten()[:4]])

    assert torch.autograd.gradgradcheck(curved, shape.requires_grad_())


def test_kinds_without_molecules_and_without_axes():
    topology = Topology([template("C6H6"), template("H2O")], ["Ar"])
    layout = topology.match(["Ar", "O", "H", "H"])
    positions = np.concatenate([[[5.0, 0, 0]], geometry("H2O").positions])
    found = evaluate(topology, layout, positions)
    assert found.axes.shape == (2, 0, 3)
    assert [tuple(rows.shape) for rows in found.descriptors] == [(0, 66), (1, 3)]
    empty = evaluate(topology, topology.match([]), np.zeros((0, 3)))
    assert empty.centers.shape == (0, 3)
    single = site_geometry(torch.from_numpy(positions).float(), topology, layout)
    assert single.centers.dtype == single.descriptors[1].dtype == torch.float32


def degenerate(change: str) -> tuple[Topology, np.ndarray]:
    """Two molecules, the second of them without a direction, with coinciding atoms, or straight."""
    middle = (0.5, 0.5, -1.0, *[0.0] * 6)
    ethanol = template("CH3CH2OH", [Axis("normal", ring=(0, 1, 2)), Axis("head", weights=middle)])
    molecule = ethanol.from_dict({**ethanol.as_dict(), "torsions": [[6, 0, 1, 2]]})
    shape = geometry("CH3CH2OH").positions
    other = shape.copy()
    if change == "area":
        other[2] = other[0] + 2 * (other[1] - other[0])
    elif change == "sum":
        other[2] = (other[0] + other[1]) / 2 + [0, 1e-5, 0]
        other[0] += [0, 0, 1e-6]
    elif change == "coincide":
        other[8] = other[5]
    else:
        other[6] = other[0] - (other[1] - other[0])
    return Topology([molecule]), np.concatenate([shape, other])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("area", r"axis 'normal' has no direction: the area of ring 0 \(C\), 1 \(C\), 2 \(O\) vanishes"),
        ("sum", r"axis '(normal|head)' has no direction: the (area|weighted sum)"),
        ("coincide", r"atoms 5 \(H\), 8 \(H\): the atoms of the distance coincide"),
        ("straight", r"atoms 6 \(H\), 0 \(C\), 1 \(C\), 2 \(O\): three neighboring atoms of the torsion"),
    ],
)
def test_degenerate_molecules_are_named(change, message):
    topology, positions = degenerate(change)
    with pytest.raises(InvalidArgument, match=r"molecule 1 \(CH3CH2OH, atoms 9 to 17\): " + message):
        evaluate(topology, topology.match(topology.molecules[0].symbols * 2), positions)


def test_a_number_of_positions_that_is_another():
    topology = Topology([template("H2O")])
    with pytest.raises(InvalidArgument, match=r"expected shape \(3, 3\), got \(4, 3\)"):
        evaluate(topology, topology.match(["O", "H", "H"]), np.zeros((4, 3)))


def test_a_large_system_takes_milliseconds(generator):
    topology = Topology([template("isobutane", [Axis("normal", ring=(1, 2, 3))])])
    atoms, whole = random_system(topology, [1200], 64 * np.eye(3), True, generator)
    layout = topology.match(atoms.get_chemical_symbols())
    positions = torch.from_numpy(whole).requires_grad_()
    times = []
    for _ in range(5):
        begin = time.process_time()
        found = site_geometry(positions, topology, layout)
        (found.centers.sum() + found.axes.sum() + found.descriptors[0].sum()).backward()
        times.append(time.process_time() - begin)
    assert min(times) < 0.5, times
