#include "core/validation.h"

#include "gnncv/error.h"

#include <cmath>
#include <sstream>

namespace gnncv {
namespace {

// Beyond this double precision leaves less than 1e-7 angstrom.
constexpr double largest_coordinate = 1e9;
constexpr double most_pairs = 4e8;

} // namespace

void check_positions(std::span<const double> positions, std::size_t n_atoms) {
    if (positions.size() != 3 * n_atoms) {
        throw InvalidArgument("positions hold " + std::to_string(positions.size()) + " numbers, expected " +
                              std::to_string(3 * n_atoms) + " (3 for each of the " + std::to_string(n_atoms) +
                              " atoms bound)");
    }
    for (std::size_t x = 0; x < positions.size(); ++x) {
        if (!(std::abs(positions[x]) <= largest_coordinate)) {
            std::ostringstream message;
            message << "the position of atom " << x / 3 << " (counted from 0) is not usable: " << "xyz"[x % 3]
                    << " = " << positions[x] << " angstrom; "
                    << (std::isfinite(positions[x]) ? "is the unit right?"
                                                    : "the simulation has probably blown up");
            throw InvalidArgument(message.str());
        }
    }
}

void check_number_of_pairs(const Box& box, std::size_t n_atoms, double cutoff) {
    const double pi = 3.14159265358979323846;
    const double reach[] = {0.0, 2.0 * cutoff, pi * cutoff * cutoff,
                            4.0 / 3.0 * pi * cutoff * cutoff * cutoff};
    const double images = reach[box.n_periodic()] / box.periodic_volume();
    // In a fully periodic box every atom sees the images of all; in others the images of itself are what is
    // certain.
    const double n = static_cast<double>(n_atoms);
    const double pairs = n * images * (box.n_periodic() == 3 ? n : 1.0);
    if (box.n_periodic() > 0 && pairs > most_pairs) {
        std::ostringstream message;
        message << "the cell is so small that about " << pairs << " pairs of atoms and images are within "
                << cutoff << " angstrom (at most " << most_pairs << " can be held): is the cell in angstrom?";
        throw InvalidArgument(message.str());
    }
}

} // namespace gnncv
