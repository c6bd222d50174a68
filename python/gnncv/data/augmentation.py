"""Random strain, density and thermal noise on training frames.

A CV biased in a simulation is driven where it has not been trained: strained, compressed and hotter
configurations than the two basins hold. Showing it such frames during training, with the label of the frame
they were made from, keeps it from taking density or strain for a change of phase.
"""

import numpy as np
from ase import Atoms
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial.transform import Rotation

from gnncv.topology import Topology

from .deformation import Vectors, deform, whole_molecules


class Augmentation(BaseModel):
    """What is done to a frame each time it is drawn.

    A drawn frame stays as it is with probability ``keep``. Otherwise its volume is scaled, its cell
    sheared and strained, and its sites are shaken, each by its own random amount. Molecules are moved and
    turned as wholes.
    """

    model_config = ConfigDict(extra="forbid")

    enabled: bool = Field(default=True, description="Augment training and validation frames.")
    keep: float = Field(default=0.34, ge=0, le=1, description="Probability that a frame stays as it is.")
    volume: float = Field(
        default=0.08,
        ge=0,
        lt=1,
        description="Margin: volumes per atom are drawn from the data's smallest to its largest, "
        "widened by this fraction at both ends.",
    )
    strain: float = Field(
        default=0.06, ge=0, lt=0.5, description="Largest component of the random traceless strain."
    )
    noise: float = Field(
        default=0.04,
        ge=0,
        lt=1,
        description="Largest standard deviation of the shaking, in units of volume per site to 1/3.",
    )
    turn: float = Field(
        default=0.2, ge=0, le=3, description="Largest standard deviation, radians, by which molecules turn."
    )

    def volume_range(self, frames: list[Atoms]) -> tuple[float, float] | None:
        """Smallest and largest volume per atom (cubic angstrom) to draw; ``None`` without periodic frames."""
        volumes = [atoms.get_volume() / len(atoms) for atoms in frames if atoms.pbc.all()]
        if not volumes:
            return None
        return min(volumes) * (1 - self.volume), max(volumes) * (1 + self.volume)

    def apply(
        self,
        atoms: Atoms,
        volume_range: tuple[float, float] | None,
        generator: np.random.Generator,
        topology: Topology | None = None,
    ) -> Atoms:
        """An augmented copy; open directions of the cell are strained but not rescaled to a volume."""
        if not self.enabled or generator.random() < self.keep:
            return atoms
        strain = generator.uniform(-self.strain, self.strain, (3, 3)) * generator.random()
        strain = 0.5 * (strain + strain.T)
        strain -= np.trace(strain) / 3.0 * np.eye(3)
        deformation = np.eye(3) + strain
        layout = None if topology is None else topology.match(atoms.get_chemical_symbols())
        n_sites = len(atoms) if layout is None else layout.n_sites
        if atoms.pbc.all() and volume_range is not None:
            target = generator.uniform(*volume_range) * len(atoms)
            deformation *= (target / (atoms.get_volume() * np.linalg.det(deformation))) ** (1.0 / 3.0)
            length = (target / n_sites) ** (1.0 / 3.0)
        else:
            length = _typical_spacing(atoms, n_sites)
        changed = deform(atoms, deformation, topology)
        amplitude = generator.uniform(0.0, self.noise) * length
        moved = generator.normal(0.0, amplitude, (n_sites, 3))
        if topology is None or layout is None:
            changed.positions += moved
            return changed
        angle = generator.uniform(0.0, self.turn)
        return _shaken(changed, topology, moved, generator.normal(0.0, angle, (n_sites, 3)))


def _shaken(atoms: Atoms, topology: Topology, moved: Vectors, turned: Vectors) -> Atoms:
    """Move each site, and turn it about its center by a rotation vector, radians: ``(M, 3)`` both."""
    layout = topology.match(atoms.get_chemical_symbols())
    whole, centers = whole_molecules(atoms, topology, layout)
    site = layout.site_of_atom
    matrices = Rotation.from_rotvec(turned).as_matrix()
    offsets = np.einsum("nab,nb->na", matrices[site], whole - centers[site])
    atoms.positions = (centers + moved)[site] + offsets
    return atoms


def _typical_spacing(atoms: Atoms, n_sites: int) -> float:
    """Cube root of the volume that each site has in the box that encloses all, angstrom."""
    extent = np.maximum(np.ptp(atoms.positions, axis=0), 1.0)
    return float((extent.prod() / n_sites) ** (1.0 / 3.0))
