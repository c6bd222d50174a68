"""Write benzene.xml, the OpenMM system of run.yaml, from the GROMACS topology."""

import openmm
from openmm import app, unit


def main() -> None:
    """GAFF with particle mesh Ewald, bonds of hydrogen fixed, hydrogen made three times as heavy."""
    box = [openmm.Vec3(2.25, 0.0, 0.0), openmm.Vec3(0.0, 1.93, 0.0), openmm.Vec3(0.0, 0.0, 2.1)]
    topology = app.GromacsTopFile("topol.top", periodicBoxVectors=box * unit.nanometer)
    system = topology.createSystem(
        nonbondedMethod=app.PME,
        nonbondedCutoff=0.9 * unit.nanometer,
        constraints=app.HBonds,
        hydrogenMass=3.0 * unit.dalton,
    )
    with open("benzene.xml", "w") as file:
        file.write(openmm.XmlSerializer.serialize(system))


if __name__ == "__main__":
    main()
