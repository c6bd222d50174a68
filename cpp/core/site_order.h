// An order of sites in which those near in space are near in memory: what a site reads of its neighbors is in
// the cache then, whatever order the engine's atoms are in.
#pragma once

#include "core/box.h"

#include <cstdint>
#include <span>
#include <vector>

namespace gnncv {

// The atoms of these positions (N,3), each inside the cell along periodic directions, along a curve through
// cells of about `edge` angstrom that goes through all of a block before it comes to the next, and so for
// blocks of blocks (G. M. Morton, IBM technical report, 1966). Equal cells: in the atoms' own order.
[[nodiscard]] std::vector<std::int64_t> order_in_space(std::span<const double> positions, const Box& box,
                                                       double edge);

} // namespace gnncv
