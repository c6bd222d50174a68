// Checks of what a caller hands in, before anything is computed.
#pragma once

#include "core/box.h"

#include <cstdint>
#include <span>

namespace gnncv {

// Throws InvalidArgument unless positions hold n_atoms finite points of a size that still leaves distances
// precise.
void check_positions(std::span<const double> positions, std::size_t n_atoms);

// Throws InvalidArgument if a cutoff sphere would hold so many periodic images that memory runs out.
void check_number_of_pairs(const Box& box, std::size_t n_atoms, double cutoff);

} // namespace gnncv
