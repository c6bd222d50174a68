// Lanes that work on one center together: on the GPU those of a warp.
//
// What a kernel does at a center is written once, as a function of a group G with
//   G::size                 the number of lanes, a power of two
//   group.lane()            0 .. size-1: which of them this is
//   group.across(x, d)      the x of lane() ^ d
//   group.sync()            after it every lane sees what the others wrote to the scratch
// All lanes must call the last two the same number of times. Tests run the same functions on the CPU, with a
// single lane and with lanes that take turns.
#pragma once

#include "kernels/host_device.h"

#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

#if defined(__CUDACC__)
class Warp {
public:
    static constexpr int size = 32;
    GNNCV_INLINE int lane() const {
#if defined(__CUDA_ARCH__)
        return static_cast<int>(threadIdx.x % 32);
#else
        return 0;
#endif
    }
    template <typename T>
    GNNCV_INLINE T across(T x, int distance) const {
#if defined(__CUDA_ARCH__)
        return __shfl_xor_sync(0xffffffffU, x, distance);
#else
        return distance == 0 ? x : T{};
#endif
    }
    GNNCV_INLINE void sync() const {
#if defined(__CUDA_ARCH__)
        __syncwarp();
#endif
    }
};
#endif

class SingleLane {
public:
    static constexpr int size = 1;
    GNNCV_INLINE int lane() const { return 0; }
    template <typename T>
    GNNCV_INLINE T across(T x, int) const {
        return x;
    }
    GNNCV_INLINE void sync() const {}
};

// The least power of two that holds n, at most the group.
template <typename G>
GNNCV_INLINE int lanes_for(std::int64_t n) {
    int width = 1;
    while (width < n && width < G::size) {
        width *= 2;
    }
    return width;
}

// Sum over lanes first .. first+width-1 that this lane is one of, first a multiple of width: the same bits in
// all of them, every time.
template <typename G, typename T>
GNNCV_INLINE T sum_within(const G& group, T x, int width) {
    for (int distance = 1; distance < width; distance *= 2) {
        x += group.across(x, distance);
    }
    return x;
}

// Sum over the lanes lane() + k width.
template <typename G, typename T>
GNNCV_INLINE T sum_beyond(const G& group, T x, int width) {
    for (int distance = width; distance < G::size; distance *= 2) {
        x += group.across(x, distance);
    }
    return x;
}

template <typename G, typename T>
GNNCV_INLINE T sum_of_group(const G& group, T x) {
    return sum_within(group, x, G::size);
}

} // namespace gnncv::kernels
