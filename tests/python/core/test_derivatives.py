"""Gradients and strain gradients: central differences, conservation laws, and both precisions."""

import numpy as np
import pytest

import gnncv
from finite_differences import gradient_error, strain_error
from gnncv.export.self_check import derivative_scales
from systems import BOXES, SIZES


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
def test_gradient_is_the_derivative_of_the_value(model, box, n_atoms, generator):
    atoms = model.structure(box, n_atoms, generator)
    errors = gradient_error(model.cv(), atoms, generator)
    assert errors.max() < 1e-6, errors


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
def test_strain_gradient_is_the_derivative_of_the_value(model, box, n_atoms, generator):
    atoms = model.structure(box, n_atoms, generator)
    errors = strain_error(model.cv(), atoms)
    assert errors.max() < 1e-6, errors


@pytest.mark.parametrize("box", BOXES)
def test_some_gradient_is_not_small(model, box, generator):
    """The tests above would pass for a model that is constant."""
    result = model.cv().compute(model.structure(box, 64, generator))
    for gradients in (result.gradients, result.strain_gradient):
        largest = np.abs(gradients).reshape(len(result.outputs), -1).max(axis=1)
        assert largest.max() > 1e-2
        assert largest.min() > 0.0  # tiny where a trained classifier saturates


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
def test_gradients_sum_to_zero(model, box, n_atoms, generator):
    result = model.cv().compute(model.structure(box, n_atoms, generator))
    scale = max(np.abs(result.gradients).max(), 1.0)
    np.testing.assert_allclose(result.gradients.sum(axis=1), 0.0, atol=1e-10 * scale)


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
def test_torque_is_zero(model, box, n_atoms, generator):
    """Rotations change nothing: the strain gradient is symmetric; in an open box, sum r x g = 0."""
    atoms = model.structure(box, n_atoms, generator)
    result = model.cv().compute(atoms)
    scale = max(np.abs(result.strain_gradient).max(), 1.0)
    np.testing.assert_allclose(
        result.strain_gradient, np.swapaxes(result.strain_gradient, 1, 2), atol=1e-10 * scale
    )
    if box == "open":
        torque = np.cross(atoms.positions, result.gradients).sum(axis=1)
        np.testing.assert_allclose(torque, 0.0, atol=1e-10 * scale)
        virial = np.einsum("kna,nb->kab", result.gradients, atoms.positions)
        np.testing.assert_allclose(result.strain_gradient, virial, atol=1e-10 * scale)


@pytest.mark.parametrize("n_atoms", SIZES)
@pytest.mark.parametrize("box", BOXES)
def test_single_precision_agrees_with_double(model, box, n_atoms, generator):
    if model.float32 is None:
        pytest.skip("the model has no file in single precision")
    atoms = model.structure(box, n_atoms, generator)
    single = gnncv.CollectiveVariable(model.float32, num_threads=1).compute(atoms)
    double = model.cv().compute(atoms)
    np.testing.assert_allclose(single.values, double.values, rtol=2e-5, atol=2e-5)
    for of_single, of_double in (
        (single.gradients, double.gradients),
        (single.strain_gradient, double.strain_gradient),
    ):
        scales = np.maximum(derivative_scales(of_double, double.outputs), 1e-3)
        for name, ours, exact, scale in zip(double.outputs, of_single, of_double, scales, strict=True):
            np.testing.assert_allclose(ours, exact, rtol=0, atol=2e-5 * scale, err_msg=name)


def test_an_output_asked_for_alone_has_the_same_gradient(model, generator):
    atoms = model.structure("triclinic", 7, generator)
    cv = model.cv()
    together = cv.compute(atoms)
    for name in cv.names:
        alone = cv.compute(atoms, outputs=[name])
        np.testing.assert_array_equal(alone.values, together.values)
        np.testing.assert_array_equal(alone.gradient(name), together.gradient(name))
        np.testing.assert_array_equal(alone.strain(name), together.strain(name))
