"""The pressure that fix plumed gives LAMMPS for a static bias, against what the energy of the bias says.

    LD_LIBRARY_PATH=.../lib python check_pressure.py [./fix_plumed.so]

The crystal is shaken and its box made triclinic. Each of the six entries of the box matrix h is changed a
little, both ways, with the atoms; the slope of the bias energy must be that of its
pressure, dU/dh = -V p h^-T.
"""

import sys
from pathlib import Path

import numpy as np
from lammps import lammps

CHANGE = 3e-4  # angstrom
ATM = 1.458397e-05  # kcal/mol in one atm angstrom^3
WORDS = ("xx", "yy", "zz", "xy", "xz", "yz")
PLACES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def start(plugin: str | None) -> lammps:
    """Return LAMMPS with shaken argon in a triclinic box, and the bias as its only fix."""
    bias = Path("plumed_restraint.dat").read_text()
    Path("plumed_pressure.dat").write_text(bias[: bias.index("EFFECTIVE_ENERGY_DRIFT")])
    engine = lammps(cmdargs=["-log", "none", "-screen", "none"])
    if plugin is not None:
        engine.command(f"plugin load {plugin}")
    engine.commands_string("""
        include argon.settings
        pair_style lj/smooth/linear 9.1935
        pair_coeff 1 1 0.238066 3.405
        change_box all triclinic
        change_box all xy delta 1.7 xz delta -0.9 yz delta 1.1 remap units box
        displace_atoms all random 0.2 0.2 0.2 2026
        fix bias all plumed plumedfile plumed_pressure.dat outfile plumed.log
        compute bias all pressure NULL fix
        thermo_style custom step c_bias[*]
        """)
    return engine


def evaluate(engine: lammps) -> tuple[float, np.ndarray]:
    """Energy of the bias (kcal/mol) and its pressure (atm) where the atoms are now."""
    engine.command("run 0")  # twice: fix plumed reports the energy that the bias had at its previous call
    engine.command("run 0")
    pressure = np.zeros((3, 3))
    for (row, column), value in zip(PLACES, engine.numpy.extract_compute("bias", 0, 1), strict=True):
        pressure[row, column] = pressure[column, row] = value
    return float(engine.extract_fix("bias", 0, 0)), pressure


def box(engine: lammps) -> np.ndarray:
    """Box matrix of LAMMPS: its columns are the edges."""
    low, high, xy, yz, xz, _, _ = engine.extract_box()
    lengths = np.subtract(high, low)
    return np.array([[lengths[0], xy, xz], [0.0, lengths[1], yz], [0.0, 0.0, lengths[2]]])


def change(engine: lammps, entry: str, by: float) -> None:
    """Change one entry of the box matrix, and the atoms with it."""
    if entry[0] == entry[1]:
        engine.command(f"change_box all {entry[0]} delta 0 {by:.15g} remap units box")
    else:
        engine.command(f"change_box all {entry} delta {by:.15g} remap units box")


def main() -> None:
    """Print both slopes for the six entries, and fail if they differ."""
    engine = start(sys.argv[1] if len(sys.argv) > 1 else None)
    _, pressure = evaluate(engine)
    matrix = box(engine)
    from_pressure = -ATM * np.linalg.det(matrix) * pressure @ np.linalg.inv(matrix).T
    print(f"pressure of the bias, atm: {np.array2string(pressure, precision=1, suppress_small=True)}")
    print("entry  from the pressure  from the energy   kcal/mol/A")
    errors = []
    for entry, (row, column) in zip(WORDS, PLACES, strict=True):
        change(engine, entry, CHANGE)
        above, _ = evaluate(engine)
        change(engine, entry, -2 * CHANGE)
        below, _ = evaluate(engine)
        change(engine, entry, CHANGE)
        slope = (above - below) / (2 * CHANGE)
        errors.append(slope - from_pressure[row, column])
        print(f"{entry:>5} {from_pressure[row, column]:18.8f} {slope:16.8f}")
    worst = np.abs(errors).max() / np.abs(from_pressure).max()
    print(f"largest difference, of the largest slope: {worst:.1e}")
    if not worst < 1e-5:
        sys.exit("the pressure is not that of the bias energy")


if __name__ == "__main__":
    main()
