// The simulation box as a caller gives it.
#pragma once

#include <array>

namespace gnncv {

struct Cell {
    // Lattice vectors as rows, in angstrom: vectors[3*a + b] is component b of lattice vector a. Vectors of
    // directions that are not periodic are ignored.
    std::array<double, 9> vectors{};
    std::array<bool, 3> periodic{};
};

} // namespace gnncv
