// Axes and descriptors of one molecule from the vectors of its atoms, and the slopes with respect to these.
#pragma once

#include "core/topology.h"

#include <optional>
#include <string>

namespace gnncv {

// offsets (n_atoms,3): vectors of the atoms from any point, the molecule in one piece, angstrom.
// axes (n_axes,3): unit vectors. descriptors: lengths of the template's distances, cosines of its torsions.
// Returns nothing, or what has no direction ("an axis"), where atoms are in one place or in one line.
[[nodiscard]] std::optional<std::string> describe_molecule(const MoleculeKind& kind, const double* offsets,
                                                           double* axes, double* descriptors);

// Added to gradient (n_atoms,3): the slope of a function of the axes, from its slopes with respect to them.
void pull_back_axes(const MoleculeKind& kind, const double* offsets, const double* axes, const double* slopes,
                    double* gradient);

// The same of descriptors.
void pull_back_descriptors(const MoleculeKind& kind, const double* offsets, const double* slopes,
                           double* gradient);

} // namespace gnncv
