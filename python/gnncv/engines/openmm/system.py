"""OpenMM systems from the configuration of a run."""

from __future__ import annotations

import numpy as np
import openmm
from ase import Atoms
from ase.cell import Cell
from ase.data import atomic_masses, atomic_numbers
from openmm.app.internal.unitcell import reducePeriodicBoxVectors

from gnncv.engines.config import LennardJonesSystem, OpenmmXmlSystem, RunConfig
from gnncv.engines.lennard_jones import check_species
from gnncv.errors import InvalidArgument


def to_openmm_frame(atoms: Atoms) -> Atoms:
    """The same configuration turned so that its box is one OpenMM accepts: lower triangular and reduced.

    Raises
    ------
    InvalidArgument
        A box that is periodic in one or two directions only, or flat.
    """
    if not atoms.pbc.any():
        return atoms.copy()
    if not atoms.pbc.all():
        raise InvalidArgument(
            "OpenMM boxes are periodic in all three directions or in none, "
            f"this structure has pbc {atoms.pbc.tolist()}; use engine: ase"
        )
    if abs(atoms.cell.volume) < 1e-6:
        raise InvalidArgument(f"the box of the structure has no volume: {atoms.cell.array.tolist()}")
    turned = atoms.copy()
    cell = (
        atoms.cell if atoms.cell.handedness > 0 else Cell(-atoms.cell.array)
    )  # the same lattice, right-handed
    standard, rotation = cell.standard_form()
    turned.set_cell(standard, scale_atoms=False)
    turned.positions = atoms.positions @ rotation.T
    if atoms.has("momenta"):
        turned.set_momenta(atoms.get_momenta() @ rotation.T)
    reduced = reducePeriodicBoxVectors([openmm.Vec3(*row) for row in standard.array / 10.0])
    turned.set_cell(np.array([[row.x, row.y, row.z] for row in reduced._value]) * 10.0, scale_atoms=False)
    return turned


def build_system(config: RunConfig, atoms: Atoms) -> openmm.System:
    """The system without bias, thermostat and barostat.

    Raises
    ------
    InvalidArgument
        A structure that does not fit the system: species, number of atoms, a box below twice the cutoff.
    """
    if isinstance(config.system, LennardJonesSystem):
        return _lennard_jones(config.system, atoms)
    if isinstance(config.system, OpenmmXmlSystem):
        return _from_xml(config.system, atoms)
    raise InvalidArgument("system calculator needs engine ase")


def _lennard_jones(parameters: LennardJonesSystem, atoms: Atoms) -> openmm.System:
    symbols = atoms.get_chemical_symbols()
    check_species(parameters.species, symbols)
    system = openmm.System()
    force = openmm.NonbondedForce()  # without charges it is the fastest Lennard-Jones of the CPU platform
    for symbol in symbols:
        species = parameters.species[symbol]
        system.addParticle(species.mass_dalton or atomic_masses[atomic_numbers[symbol]])
        force.addParticle(0.0, species.sigma_angstrom / 10.0, species.epsilon_kj_mol)
    periodic = bool(atoms.pbc.all())
    if periodic:
        box = atoms.cell.array / 10.0
        shortest = min(np.diag(box))
        if parameters.cutoff_angstrom / 10.0 > 0.5 * shortest:
            raise InvalidArgument(
                f"system.cutoff_angstrom {parameters.cutoff_angstrom} is above half of the box's shortest "
                f"height ({5.0 * shortest:.3f}); take a larger box or engine: ase"
            )
        system.setDefaultPeriodicBoxVectors(*box)
    force.setNonbondedMethod(force.CutoffPeriodic if periodic else force.CutoffNonPeriodic)
    force.setCutoffDistance(parameters.cutoff_angstrom / 10.0)
    force.setUseDispersionCorrection(periodic and parameters.tail_correction)
    if parameters.switch_angstrom is not None:
        force.setUseSwitchingFunction(True)
        force.setSwitchingDistance(parameters.switch_angstrom / 10.0)
    system.addForce(force)
    return system


def _from_xml(parameters: OpenmmXmlSystem, atoms: Atoms) -> openmm.System:
    try:
        system = openmm.XmlSerializer.deserialize(parameters.file.read_text())
    except OSError as error:
        raise InvalidArgument(f"cannot read system.file {parameters.file}: {error.strerror}") from None
    except Exception as error:
        raise InvalidArgument(f"{parameters.file} is not an OpenMM system: {error}") from None
    if not isinstance(system, openmm.System):
        raise InvalidArgument(f"{parameters.file} holds a {type(system).__name__}, not an OpenMM System")
    if system.getNumParticles() != len(atoms):
        raise InvalidArgument(
            f"{parameters.file} has {system.getNumParticles()} particles, the structure {len(atoms)} atoms"
        )
    if system.usesPeriodicBoundaryConditions() != bool(atoms.pbc.all()):
        raise InvalidArgument(f"{parameters.file} and the structure do not agree whether the box is periodic")
    if atoms.pbc.all():
        system.setDefaultPeriodicBoxVectors(*(atoms.cell.array / 10.0))
    return system
