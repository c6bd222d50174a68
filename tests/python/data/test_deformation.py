"""Affine maps and augmentation move molecules as wholes."""

import numpy as np
import pytest

from gnncv.data import Augmentation, GraphBatch, build_graph, deform, rescaled_to
from gnncv.data.deformation import whole_molecules
from molecule_models import CUTOFF, molecular_system
from molecules import some_topology

TOPOLOGY = some_topology()


@pytest.mark.parametrize("box", ["cubic", "triclinic"])
def test_centers_follow_the_map_and_molecules_stay_as_they_are(box, generator):
    atoms, site = molecular_system(box, 12, generator)
    layout = TOPOLOGY.match(atoms.get_chemical_symbols())
    matrix = np.eye(3) + 0.1 * generator.normal(size=(3, 3))
    whole, centers = whole_molecules(atoms, TOPOLOGY, layout)
    changed = deform(atoms, matrix, TOPOLOGY)
    after, moved = whole_molecules(changed, TOPOLOGY, layout)
    np.testing.assert_allclose(moved, centers @ matrix, atol=1e-10)
    np.testing.assert_allclose(after - moved[site], whole - centers[site], atol=1e-10)
    np.testing.assert_allclose(changed.cell.array, atoms.cell.array @ matrix)


def test_a_frame_is_rescaled_to_a_density(generator):
    atoms, _ = molecular_system("triclinic", 12, generator)
    changed = rescaled_to(atoms, 150.0, TOPOLOGY)
    assert changed.get_volume() / 12 == pytest.approx(150.0)
    angles = [frame.cell.cellpar()[3:] for frame in (atoms, changed)]
    np.testing.assert_allclose(*angles)


def test_augmented_molecules_keep_their_shapes(generator):
    atoms, _ = molecular_system("cubic", 12, generator)
    augmentation = Augmentation(keep=0.0)
    volumes = augmentation.volume_range([atoms])
    graph = build_graph(atoms, CUTOFF, TOPOLOGY.kinds, topology=TOPOLOGY)
    turned = 0
    for _ in range(5):
        drawn = augmentation.apply(atoms, volumes, generator, TOPOLOGY)
        other = build_graph(drawn, CUTOFF, TOPOLOGY.kinds, topology=TOPOLOGY)
        for before, after in zip(graph.descriptors, other.descriptors, strict=True):
            np.testing.assert_allclose(after, before, atol=1e-9)
        assert drawn.get_volume() != pytest.approx(atoms.get_volume(), rel=1e-6)
        turned += not np.allclose(other.axes, graph.axes, atol=1e-3)
    assert turned == 5


def test_descriptors_of_a_batch_are_kind_after_kind(generator):
    frames = [molecular_system("cubic", n, generator)[0] for n in (5, 9, 3)]
    graphs = [build_graph(atoms, CUTOFF, TOPOLOGY.kinds, topology=TOPOLOGY) for atoms in frames]
    batch = GraphBatch.from_graphs(graphs)
    begin = 0
    for kind, molecule in enumerate(TOPOLOGY.molecules):
        own = np.flatnonzero(batch.types == kind)
        end = begin + len(own) * molecule.n_descriptors
        expected = np.concatenate([graph.descriptors[kind] for graph in graphs])
        np.testing.assert_array_equal(batch.descriptors[begin:end].reshape(expected.shape), expected)
        begin = end
    assert begin == len(batch.descriptors)
    assert batch.axes.shape == (17, TOPOLOGY.n_axes, 3)
