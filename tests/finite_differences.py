"""Gradients and strain gradients of a collective variable against five-point central differences.

    errors = gradient_error(cv, atoms, generator)      # one number an output
    errors = strain_error(cv, atoms)

An error is the largest difference over the components looked at, relative to the largest component of the
analytic gradient. A gradient below 1e-4 per angstrom, far below any signal, is compared with that instead.
"""

from collections.abc import Callable

import numpy as np
from ase import Atoms

# The stencil's own error is h^4/30 of a fifth derivative. Switching functions have a jump in the third
# derivative at the cutoff, where it is h^2; 2e-4 keeps that below 1e-6 and the rounding near 1e-12.
STEP = 2e-4
FLOOR = 1e-4


def central_difference(function: Callable[[float], np.ndarray], step: float = STEP) -> np.ndarray:
    """Derivative at 0 of a function of one number, from values at -2h, -h, h, 2h."""
    near = function(step) - function(-step)
    far = function(2 * step) - function(-2 * step)
    return (8 * near - far) / (12 * step)


def _relative(difference: np.ndarray, analytic: np.ndarray) -> np.ndarray:
    scale = np.maximum(np.abs(analytic).reshape(len(analytic), -1).max(axis=1), FLOOR)
    return np.abs(difference).reshape(len(difference), -1).max(axis=1) / scale


def gradient_error(cv, atoms: Atoms, generator: np.random.Generator, n_components: int = 6) -> np.ndarray:
    """Relative error (K,) over some random components and along some random directions of all atoms."""
    analytic = cv.compute(atoms).gradients
    n_atoms = len(atoms)
    directions = generator.normal(size=(2, n_atoms, 3)) / np.sqrt(n_atoms)
    for index in generator.choice(3 * n_atoms, min(n_components, 3 * n_atoms), replace=False):
        unit = np.zeros((1, n_atoms, 3))
        unit[0].flat[index] = 1.0
        directions = np.concatenate([directions, unit])

    def values(x: float, direction: np.ndarray) -> np.ndarray:
        moved = atoms.copy()
        moved.positions += x * direction
        return cv.compute(moved, outputs=[]).values

    numeric = np.array([central_difference(lambda x, d=d: values(x, d)) for d in directions])
    projected = np.einsum("kna,dna->dk", analytic, directions)
    scale = np.maximum(np.abs(analytic).reshape(len(analytic), -1).max(axis=1), FLOOR)
    return np.abs(numeric - projected).max(axis=0) / scale


def strain_error(cv, atoms: Atoms, step: float = STEP) -> np.ndarray:
    """Relative error (K,) of the strain gradient over its nine components."""
    analytic = cv.compute(atoms).strain_gradient

    def values(x: float, a: int, b: int) -> np.ndarray:
        strain = np.eye(3)
        strain[a, b] += x
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array @ strain.T)
        strained.positions = atoms.positions @ strain.T
        return cv.compute(strained, outputs=[]).values

    components = [(a, b) for a in range(3) for b in range(3)]
    numeric = np.array([central_difference(lambda x, a=a, b=b: values(x, a, b), step) for a, b in components])
    return _relative(numeric.T.reshape(-1, 3, 3) - analytic, analytic)
