// PLUMED's units, as numbers of the core's: angstrom and electronvolt.
#pragma once

#include "gnncv/cell.h"

#include "tools/Tensor.h"
#include "tools/Units.h"
#include "tools/Vector.h"

#include <string>
#include <vector>

namespace gnncv_plumed {

struct UnitScales {
    double angstrom = 1.0;         // in one of PLUMED's units of length
    double energy_per_eV = 1.0;    // electronvolt, in PLUMED's units of energy
    bool natural = false;          // numbers are passed as they are
    std::string length = "length"; // what PLUMED calls its unit

    // What one unit of an output is in PLUMED: an energy for `bias`, a pure number for all others.
    [[nodiscard]] double of_output(const std::string& name) const {
        return name == "bias" ? energy_per_eV : 1.0;
    }
};

// natural: UNITS NATURAL, lengths and energies of no particular unit.
UnitScales unit_scales(const PLMD::Units& units, bool natural);

// The box in angstrom. Lattice vectors of length zero are directions that are not periodic, and so are all
// of them without_pbc.
gnncv::Cell cell_in_angstrom(const PLMD::Tensor& box, const UnitScales& scales, bool without_pbc);

// Why these lengths can hardly be meant, as a sentence; empty if they may be.
std::string doubt_about_lengths(const std::vector<PLMD::Vector>& positions, const gnncv::Cell& cell,
                                const UnitScales& scales);

// The same for atoms none of which has another within the cutoff, which is in PLUMED's unit of length.
std::string doubt_about_isolation(double cutoff, const UnitScales& scales);

} // namespace gnncv_plumed
