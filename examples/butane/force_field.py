"""n-Butane in the gas phase with the all-atom OPLS force field, as an OpenMM system.

Jorgensen, Maxwell, Tirado-Rives, J. Am. Chem. Soc. 118, 11225 (1996), doi:10.1021/ja9621760, in the numbers
that GROMACS ships (oplsaa.ff: types opls_135, opls_136, opls_140; bonds, angles and torsions of CT and HC).
Bonds and angles are harmonic, k/2 (x - x0)^2; torsions V1/2 (1 + cos) + V2/2 (1 - cos 2) + V3/2 (1 + cos 3);
Lennard-Jones and Coulomb act between atoms three bonds apart, halved, and farther apart; combination is
geometric.
"""

import itertools
import math
from collections.abc import Iterator

import openmm
from openmm import unit

SYMBOLS = ("C", "H", "H", "H", "C", "H", "H", "C", "H", "H", "C", "H", "H", "H")
BONDS = (
    *((0, 1), (0, 2), (0, 3), (0, 4), (4, 5), (4, 6), (4, 7), (7, 8), (7, 9), (7, 10)),
    *((10, 11), (10, 12), (10, 13)),
)
BACKBONE = (0, 4, 7, 10)
CHARGES = tuple(0.06 if s == "H" else -0.18 if k in (0, 10) else -0.12 for k, s in enumerate(SYMBOLS))

# nm, kJ/mol/nm^2; degrees, kJ/mol/rad^2; kJ/mol; nm, kJ/mol. Keyed by the elements, in either direction.
BOND = {"CC": (0.1529, 224262.4), "CH": (0.1090, 284512.0)}
ANGLE = {"CCC": (112.7, 488.273), "CCH": (110.7, 313.800), "HCH": (107.8, 276.144)}
TORSION = {"CCCC": (5.4392, -0.2092, 0.8368), "CCCH": (0.0, 0.0, 1.2552), "HCCH": (0.0, 0.0, 1.2552)}
LENNARD_JONES = {"C": (0.350, 0.276144), "H": (0.250, 0.125520)}
MASS = {"C": 12.011, "H": 1.008}
COULOMB = 138.935458  # kJ/mol nm/e^2
NONBONDED = "scale*(4*epsilon*((sigma/r)^12-(sigma/r)^6)+coulomb/r)"


def butane_system(n_molecules: int) -> openmm.System:
    """Butane molecules that do not see each other: as many independent trajectories at once."""
    system = openmm.System()
    bonds, angles = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    torsions, nonbonded = openmm.PeriodicTorsionForce(), openmm.CustomBondForce(NONBONDED)
    for name in ("scale", "sigma", "epsilon", "coulomb"):
        nonbonded.addPerBondParameter(name)
    for molecule in range(n_molecules):
        first = molecule * len(SYMBOLS)
        for symbol in SYMBOLS:
            system.addParticle(MASS[symbol])
        for i, j in BONDS:
            bonds.addBond(first + i, first + j, *BOND[_key(i, j)])
        for atoms in paths(3):
            degrees, k = ANGLE[_key(*atoms)]
            angles.addAngle(*(first + a for a in atoms), math.radians(degrees), k)
        for atoms in paths(4):
            for n, v in enumerate(TORSION[_key(*atoms)], start=1):
                if v == 0.0:
                    continue
                torsions.addTorsion(*(first + a for a in atoms), n, math.pi * (n == 2), v / 2)
        for i, j, scale in _nonbonded_pairs():
            (sigma_i, epsilon_i), (sigma_j, epsilon_j) = (LENNARD_JONES[SYMBOLS[a]] for a in (i, j))
            sigma, epsilon = math.sqrt(sigma_i * sigma_j), math.sqrt(epsilon_i * epsilon_j)
            coulomb = COULOMB * CHARGES[i] * CHARGES[j]
            nonbonded.addBond(first + i, first + j, [scale, sigma, epsilon, coulomb])
    for force in (bonds, angles, torsions, nonbonded):
        system.addForce(force)
    return system


def paths(n_atoms: int) -> list[tuple[int, ...]]:
    """Chains of so many atoms along bonds, each in one direction: 3 for angles, 4 for torsions."""
    found = list(_paths_from(n_atoms))
    return [path for path in found if path[0] < path[-1]]


def anti_positions() -> list[openmm.Vec3]:
    """A butane with all four carbons in a plane, nm: ideal tetrahedra."""
    half, c, h = math.radians(109.47) / 2, 0.153, 0.109
    along, across = c * math.sin(half), c * math.cos(half)
    carbons = [openmm.Vec3(k * along, across * (k % 2), 0.0) for k in range(4)]
    out, up = h * math.sin(half), h * math.cos(half)
    positions = []
    for k, carbon in enumerate(carbons):
        side = 1 if k % 2 else -1
        positions.append(carbon)
        if k in (0, 3):  # the hydrogen that goes on with the zigzag
            step = -1 if k == 0 else 1
            positions.append(carbon + openmm.Vec3(step * out, -side * up, 0.0))
        positions += [carbon + openmm.Vec3(0.0, side * up, z) for z in (out, -out)]
    return positions


def sample(
    n_molecules: int, n_frames: int, interval_ps: float, temperature: float, seed: int
) -> Iterator[list[list[float]]]:
    """Positions (angstrom) of all molecules every ``interval_ps``, in Langevin dynamics."""
    step_fs = 1.0
    integrator = openmm.LangevinMiddleIntegrator(temperature, 5.0, step_fs * 1e-3)
    integrator.setRandomNumberSeed(seed)
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(butane_system(n_molecules), integrator, platform, {"Threads": "1"})
    context.setPositions(list(itertools.chain.from_iterable([anti_positions()] * n_molecules)))
    context.setVelocitiesToTemperature(temperature, seed)
    steps = round(interval_ps * 1e3 / step_fs)
    integrator.step(10 * steps)
    for _ in range(n_frames):
        integrator.step(steps)
        state = context.getState(positions=True)
        yield state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)


def _key(*atoms: int) -> str:
    symbols = "".join(SYMBOLS[a] for a in atoms)
    return min(symbols, symbols[::-1])


def _bonded(atom: int) -> list[int]:
    return [j if i == atom else i for i, j in BONDS if atom in (i, j)]


def _paths_from(n_atoms: int) -> Iterator[tuple[int, ...]]:
    if n_atoms == 1:
        yield from ((a,) for a in range(len(SYMBOLS)))
        return
    for path in _paths_from(n_atoms - 1):
        yield from ((*path, a) for a in _bonded(path[-1]) if a not in path)


def _nonbonded_pairs() -> Iterator[tuple[int, int, float]]:
    near = {frozenset((p[0], p[-1])) for n in (2, 3) for p in paths(n)}
    third = {frozenset((p[0], p[-1])) for p in paths(4)}
    for i, j in itertools.combinations(range(len(SYMBOLS)), 2):
        if frozenset((i, j)) not in near:
            yield i, j, 0.5 if frozenset((i, j)) in third else 1.0
