#include "units.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

namespace gnncv_plumed {
namespace {

constexpr double KJ_PER_MOL_IN_EV = 96.48530749925792; // as in PLUMED's tools/Units.cpp

// More atoms in a cubic angstrom than any matter has: diamond has 0.18.
constexpr double HIGHEST_DENSITY = 1.0;

double determinant(const std::array<double, 9>& v) {
    return v[0] * (v[4] * v[8] - v[5] * v[7]) - v[1] * (v[3] * v[8] - v[5] * v[6]) +
           v[2] * (v[3] * v[7] - v[4] * v[6]);
}

// Of the box, or, where it is not periodic, of the atoms' bounding box and an angstrom around it.
double occupied_volume(const std::vector<PLMD::Vector>& positions, const gnncv::Cell& cell, double angstrom) {
    if (cell.periodic[0] && cell.periodic[1] && cell.periodic[2]) {
        return std::abs(determinant(cell.vectors));
    }
    double volume = 1.0;
    for (unsigned k = 0; k < 3; ++k) {
        const auto [low, high] =
            std::minmax_element(positions.begin(), positions.end(),
                                [k](const PLMD::Vector& a, const PLMD::Vector& b) { return a[k] < b[k]; });
        volume *= ((*high)[k] - (*low)[k]) * angstrom + 2.0;
    }
    return volume;
}

std::string way_out(const UnitScales& scales) {
    return ". PLUMED takes its lengths to be in " + scales.length +
           "; say what they are in with UNITS LENGTH=, or tell the engine (driver: --length-units)";
}

} // namespace

UnitScales unit_scales(const PLMD::Units& units, bool natural) {
    UnitScales scales;
    scales.natural = natural;
    scales.length = units.getLengthString();
    if (!natural) {
        scales.angstrom = 10.0 * units.getLength();
        scales.energy_per_eV = KJ_PER_MOL_IN_EV / units.getEnergy();
    }
    return scales;
}

gnncv::Cell cell_in_angstrom(const PLMD::Tensor& box, const UnitScales& scales, bool without_pbc) {
    gnncv::Cell cell;
    if (without_pbc) {
        return cell;
    }
    for (unsigned a = 0; a < 3; ++a) {
        double squared = 0.0;
        for (unsigned b = 0; b < 3; ++b) {
            cell.vectors[3 * a + b] = scales.angstrom * box(a, b);
            squared += cell.vectors[3 * a + b] * cell.vectors[3 * a + b];
        }
        cell.periodic[a] = squared > 0.0;
    }
    return cell;
}

std::string doubt_about_lengths(const std::vector<PLMD::Vector>& positions, const gnncv::Cell& cell,
                                const UnitScales& scales) {
    const double density =
        static_cast<double>(positions.size()) / occupied_volume(positions, cell, scales.angstrom);
    if (scales.natural || density <= HIGHEST_DENSITY) {
        return "";
    }
    std::ostringstream text;
    text << "there are " << density
         << " atoms in a cubic angstrom, more than in any matter: the unit of length must "
         << "be wrong" << way_out(scales);
    return text.str();
}

std::string doubt_about_isolation(double cutoff, const UnitScales& scales) {
    std::ostringstream text;
    text << "no atom has another within the cutoff, " << cutoff << " (" << scales.length
         << "): the unit of length may be wrong" << way_out(scales)
         << ". If the atoms are that far apart at the start, add the flag DILUTE";
    return text.str();
}

} // namespace gnncv_plumed
