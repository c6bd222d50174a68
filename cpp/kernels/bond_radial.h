// The radial functions of the bonds of one center.
#pragma once

#include "kernels/bond_blocks.h"
#include "kernels/table_registers.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gnncv::kernels {

// values of lanes beyond count become zero
template <typename V>
GNNCV_INLINE void clear_beyond(int count, int n, V* values) {
    using T = decltype(V{}[0] + 0);
    T ones[lanes_in<V>];
    for (int w = 0; w < lanes_in<V>; ++w) {
        ones[w] = w < count ? T(1) : T(0);
    }
    const V mask = load_lanes<T, sizeof(V)>(ones);
    for (int c = 0; c < n; ++c) {
        values[c] *= mask;
    }
}

// The table at the bonds of a center, in two steps, so that offsets have come to memory when they are wanted.
template <typename T, int bytes>
class BondRadial {
    static constexpr int width = LanesOf<T, bytes>::width;

public:
    explicit BondRadial(const RadialTable<T>& table) : table_(table) {}

    GNNCV_INLINE void of_center(const BondBlocks<T, bytes>& blocks) {
        const std::size_t n = blocks.list().size();
        offsets_.resize(std::max(offsets_.size(), n * width));
        places_ = reinterpret_cast<T*>(buffer_.reserve(2 * n));
        squares_ = places_ + n * width;
        for (std::size_t b = 0; b < n; ++b) {
            const std::size_t at = b * width;
            const Directions<Lanes<T, bytes>> d = blocks.directions(b);
            table_.place(d.length, d.rest, offsets_.data() + at, places_ + at, squares_ + at);
        }
    }
    // Of block b: values of all channels and, if wanted, their slopes.
    template <bool with_slopes>
    GNNCV_INLINE void evaluate(std::size_t b, Lanes<T, bytes>* values, Lanes<T, bytes>* slopes) const {
        const std::size_t at = b * width;
        table_.template evaluate<with_slopes>(offsets_.data() + at, places_ + at, squares_ + at, values,
                                              slopes);
    }

private:
    TableRegisters<T, bytes> table_;
    std::vector<std::int32_t> offsets_;
    LaneBuffer<T> buffer_;
    T *places_ = nullptr, *squares_ = nullptr;
};

} // namespace gnncv::kernels
