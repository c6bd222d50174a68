// The pairs within the cutoff, exactly, as a model sees them.
#pragma once

#include "core/box.h"
#include "core/neighbors.h"

#include <cstdint>
#include <span>
#include <vector>

namespace gnncv {

// Full list: both (i,j) and (j,i), sorted by (center, neighbor, shift).
struct PairList {
    std::vector<double> vectors;        // (P,3): r_j - r_i + S . cell, angstrom
    std::vector<std::int64_t> center;   // (P)
    std::vector<std::int64_t> neighbor; // (P)
    std::vector<std::int64_t> row_ptr;  // (N+1)

    [[nodiscard]] std::size_t n_pairs() const { return center.size(); }
    [[nodiscard]] std::size_t n_atoms() const { return row_ptr.size() - 1; }
};

// Fill `pairs` with the candidates closer than the cutoff. Memory is kept from call to call.
// Throws InvalidArgument if two atoms coincide (closer than 1e-6 angstrom).
void select_pairs(const NeighborList& neighbors, const Box& box, double cutoff, PairList& pairs);

} // namespace gnncv
