// How the lanes of a group share channels and bonds where a row of channels is shorter than the group:
// several bonds at once, each by as many lanes as its row needs.
#pragma once

#include "kernels/lane_group.h"

#include <cstdint>

namespace gnncv::kernels {

template <typename G>
struct ChannelLanes {
    int width;   // lanes of one bond, a power of two
    int n_bonds; // at once
    int bond;    // which of them this lane is at
    int channel; // which of the lanes of that bond this is

    GNNCV_INLINE ChannelLanes(const G& group, std::int64_t n_channels)
        : width(lanes_for<G>(n_channels)), n_bonds(G::size / width), bond(group.lane() / width),
          channel(group.lane() % width) {}
};

} // namespace gnncv::kernels
