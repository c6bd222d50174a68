// The bonds of some centers of a full list, for the table_attention_*.cpp.
#pragma once

#include "kernels/attention_functions.h"
#include "kernels/attention_heads.h"

#include <algorithm>
#include <cstdint>
#include <memory>

namespace gnncv::kernels {

// The bonds of some centers, numbered from 0 on, and memory for what is known of each, kept from centers to
// centers.
template <typename T, int bytes>
class BondScratch {
public:
    std::int32_t* offset; // of a bond's interval in the table
    T* t;                 // its place there, 0 to 1
    T *logits, *switching, *logit_slopes, *switching_slopes, *exponentials, *weights, *pulls, *stretches;

    // Places in the table of the bonds worked on, of as many centers from `begin` on as fit.
    GNNCV_INLINE void fill(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                           std::int64_t begin) {
        const PairRows& pairs = input.pairs;
        start_ = pairs.row_ptr[begin];
        end_ = begin;
        n_ = 0;
        do {
            n_ += pairs.row_ptr[end_ + 1] - pairs.row_ptr[end_];
            ++end_;
        } while (end_ < pairs.n_centers && n_ + pairs.row_ptr[end_ + 1] - pairs.row_ptr[end_] <= enough);
        reserve();
        fill_places<bytes>(input.table, heads.row(), input.distances + start_, n_,
                           pairs.row_ptr[pairs.n_centers] - start_, offset, t);
    }
    [[nodiscard]] std::int64_t end_center() const { return end_; }
    [[nodiscard]] std::int64_t n() const { return n_; }
    [[nodiscard]] std::int64_t first_pair() const { return start_; }

private:
    static constexpr int width = LanesOf<T>::width;
    static constexpr int n_parts = 8;
    static constexpr std::int64_t enough = 256; // bonds

    // Zeros at first: what lies behind the bonds is worked on with them, by whole groups of registers.
    GNNCV_INLINE void reserve() {
        if (n_ <= capacity_) {
            return;
        }
        capacity_ = std::max(n_, enough);
        const std::int64_t behind = Squash<T, 64>::at_once * width; // numbers
        const std::int64_t rows = (capacity_ + 2 * width - 1) / width,
                           part = (heads_at_once * capacity_ + behind + width - 1) / width;
        Lanes<T>* at = memory_.reserve(rows + n_parts * part);
        std::fill(at, at + rows + n_parts * part, Lanes<T>{});
        offsets_ = std::make_unique<std::int32_t[]>(rows * width);
        offset = offsets_.get();
        t = reinterpret_cast<T*>(at);
        at += rows;
        for (T** numbers : {&logits, &switching, &logit_slopes, &switching_slopes, &exponentials, &weights,
                            &pulls, &stretches}) {
            *numbers = reinterpret_cast<T*>(at);
            at += part;
        }
    }

    std::int64_t capacity_ = -1, start_ = 0, end_ = 0, n_ = 0;
    std::unique_ptr<std::int32_t[]> offsets_;
    LaneBuffer<T> memory_;
};

// From n logits and switching: s exp(l).
template <typename T, int bytes>
GNNCV_INLINE void fill_weights(const Squash<T, bytes>& squash, const BondScratch<T, bytes>& bonds,
                               std::int64_t n) {
    constexpr int width = LanesOf<T, bytes>::width, at_once = Squash<T, bytes>::at_once;
    for (std::int64_t k = 0; k < n; k += at_once * width) {
        Lanes<T, bytes> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            store_lanes<T>(bonds.weights + at, exponentials[r] * load_lanes<T, bytes>(bonds.switching + at));
        }
    }
}

// From n logits and switching: exp(l), s exp(l), and in place of the logit s exp(l) (1 - tanh^2).
template <typename T, int bytes>
GNNCV_INLINE void fill_exponentials(const Squash<T, bytes>& squash, const BondScratch<T, bytes>& bonds,
                                    std::int64_t n) {
    constexpr int width = LanesOf<T, bytes>::width, at_once = Squash<T, bytes>::at_once;
    for (std::int64_t k = 0; k < n; k += at_once * width) {
        Lanes<T, bytes> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            const Lanes<T, bytes> weight = exponentials[r] * load_lanes<T, bytes>(bonds.switching + at);
            store_lanes<T>(bonds.exponentials + at, exponentials[r]);
            store_lanes<T>(bonds.weights + at, weight);
            store_lanes<T>(bonds.logits + at, weight - weight * squashed[r] * squashed[r]);
        }
    }
}

} // namespace gnncv::kernels
