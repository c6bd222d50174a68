"""The sparse chain rule: Jacobians of descriptors with respect to positions, and products with them.

`SparseJacobian.of` computes one, from an analytic descriptor or from any differentiable function of
positions; `SmartDerivatives` uses it behind mlcolvar's interface.
"""

from gnncv.jacobian.angles import Angles, Torsions
from gnncv.jacobian.centers import CentersOfMass
from gnncv.jacobian.combined import CombinedDescriptors
from gnncv.jacobian.coordination import CoordinationNumbers
from gnncv.jacobian.dependencies import find_pattern
from gnncv.jacobian.descriptor import Descriptor
from gnncv.jacobian.distances import PairDistances
from gnncv.jacobian.eigenvalues import AdjacencyEigenvalues
from gnncv.jacobian.pattern import SparsityPattern
from gnncv.jacobian.smart_derivatives import SmartDerivatives
from gnncv.jacobian.sparse_jacobian import SparseJacobian
from gnncv.jacobian.switching import RationalSwitching

__all__ = [
    "AdjacencyEigenvalues",
    "Angles",
    "CentersOfMass",
    "CombinedDescriptors",
    "CoordinationNumbers",
    "Descriptor",
    "PairDistances",
    "RationalSwitching",
    "SmartDerivatives",
    "SparseJacobian",
    "SparsityPattern",
    "Torsions",
    "find_pattern",
]
