// What table_attention needs of bonds beside their channels: places in the table, the functions of distance
// that are not filters, logits and exponentials.
#pragma once

#include "kernels/attention_heads.h"
#include "kernels/attention_lanes.h"
#include "kernels/lanes_exp.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>

namespace gnncv::kernels {

// The bonds of some centers, numbered from 0 on, and memory for what is known of each, kept from centers to
// centers.
template <typename T>
class BondScratch {
public:
    std::int32_t* offset; // of a bond's interval in the table
    T* t;                 // its place there, 0 to 1
    T *logits, *switching, *logit_slopes, *switching_slopes, *exponentials, *weights, *pulls, *stretches;

    // Each of the last eight with so many numbers a bond.
    explicit BondScratch(int n_numbers) : n_numbers_(n_numbers), enough_(numbers_in_cache / n_numbers) {}

    // Places in the table of the bonds worked on, of as many centers from `begin` on as fit.
    GNNCV_INLINE void fill(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                           std::int64_t begin) {
        const PairRows& pairs = input.pairs;
        start_ = pairs.begin(begin);
        end_ = begin;
        n_ = 0;
        do {
            n_ += pairs.end(end_) - pairs.begin(end_);
            ++end_;
        } while (end_ < pairs.n_centers && n_ + pairs.end(end_) - pairs.begin(end_) <= enough_);
        reserve();
        std::int64_t b = 0;
        for (std::int64_t i = begin; i < end_; ++i) {
            const std::int64_t first = pairs.begin(i), count = pairs.end(i) - first;
            const std::int64_t readable = pairs.end(pairs.n_centers - 1) - first;
            fill_row(input.table, static_cast<std::int32_t>(heads.row()), b, input.distances + first, count,
                     readable);
            b += count;
        }
    }
    [[nodiscard]] std::int64_t end_center() const { return end_; }
    [[nodiscard]] std::int64_t n() const { return n_; }
    [[nodiscard]] std::int64_t first_pair() const { return start_; } // all follow it where the list is full

private:
    static constexpr int width = LanesOf<T>::width;
    static constexpr int n_parts = 8;
    static constexpr std::int64_t numbers_in_cache = 1024; // a part

    // Whole registers as far as they can be read: what is too much the next center overwrites.
    GNNCV_INLINE void fill_row(const RadialTable<T>& table, std::int32_t row, std::int64_t b,
                               const T* distances, std::int64_t count, std::int64_t readable) const {
        using Ints __attribute__((vector_size(width * sizeof(std::int32_t)))) = std::int32_t;
        const auto last = static_cast<std::int32_t>(table.n_intervals) - 1;
        std::int64_t k = 0;
        for (; k < count && k + width <= readable; k += width) {
            const Lanes<T> x = load_lanes<T>(distances + k) * table.inverse_step;
            Ints interval = __builtin_convertvector(x, Ints);
            interval = interval < last ? interval : last;
            interval = interval > 0 ? interval : 0; // of what is no number: the first
            const Ints offsets = interval * row;
            std::memcpy(offset + b + k, &offsets, sizeof offsets);
            store_lanes<T>(t + b + k, x - __builtin_convertvector(interval, Lanes<T>));
        }
        for (; k < count; ++k) {
            const T x = distances[k] * table.inverse_step;
            const auto interval =
                std::clamp<std::int32_t>(static_cast<std::int32_t>(x), std::int32_t{0}, last);
            offset[b + k] = interval * row;
            t[b + k] = x - static_cast<T>(interval);
        }
    }

    // Zeros at first: what lies behind the bonds is worked on with them, by whole groups of registers.
    GNNCV_INLINE void reserve() {
        if (n_ <= capacity_) {
            return;
        }
        capacity_ = std::max(n_, enough_);
        const std::int64_t behind = eight * eight; // numbers
        const std::int64_t rows = (capacity_ + 2 * width - 1) / width,
                           part = (n_numbers_ * capacity_ + behind + width - 1) / width;
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

    int n_numbers_;
    std::int64_t enough_, capacity_ = -1, start_ = 0, end_ = 0, n_ = 0;
    std::unique_ptr<std::int32_t[]> offsets_;
    LaneBuffer<T> memory_;
};

// The extra functions of one bond, their terms at a. Even and odd terms are polynomials in t^2 of their own,
// side by side: half as many registers to load.
template <typename T>
struct TermPair {
    Eight<T> even, odd;
};
GNNCV_INLINE TermPair<float> halves(const Lanes<float>& x) {
    return {__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7),
            __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)};
}
GNNCV_INLINE Eight<float> extra_functions(const float* a, float t) {
    const float u = t * t;
    const TermPair<float> sum =
        halves(load_lanes<float>(a) + u * (load_lanes<float>(a + 16) + u * load_lanes<float>(a + 32)));
    return sum.even + t * sum.odd;
}
GNNCV_INLINE Eight<float> extra_functions(const float* a, float t, Eight<float>& slope) {
    const float u = t * t;
    const Lanes<float> last = load_lanes<float>(a + 32), inner = load_lanes<float>(a + 16) + u * last;
    const TermPair<float> sum = halves(load_lanes<float>(a) + u * inner), in_u = halves(inner + u * last);
    slope = sum.odd + (t + t) * (in_u.even + t * in_u.odd);
    return sum.even + t * sum.odd;
}
GNNCV_INLINE Eight<double> extra_functions(const double* a, double t) {
    return polynomial<Eight<double>>(
        t, [a](int k) __attribute__((always_inline)) { return load_as<Eight<double>>(a + 8 * k); });
}
GNNCV_INLINE Eight<double> extra_functions(const double* a, double t, Eight<double>& slope) {
    const auto both = polynomial_and_slope<Eight<double>>(
        t, [a](int k) __attribute__((always_inline)) { return load_as<Eight<double>>(a + 8 * k); });
    slope = both.slope;
    return both.value;
}

// exp(b tanh(l / b)) by powers of two that cannot overflow: tanh is odd, and |l| beyond which it is one is
// cut.
template <typename T>
struct Squash {
    using Ints __attribute__((vector_size(64))) =
        std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    static constexpr int at_once = 4, width = LanesOf<T>::width; // registers: they do not wait for each other
    T per_bound, bound;                                          // both with the logarithm of two

    explicit Squash(double b) : per_bound(static_cast<T>(-2.0 / (b * ln2))), bound(static_cast<T>(b / ln2)) {}

    // Of `at_once` registers in memory: tanh(l / b) and the exponentials.
    GNNCV_INLINE void operator()(const T* logits, Lanes<T>* squashed, Lanes<T>* exponentials) const {
        constexpr T least = sizeof(T) == 4 ? T(-40) : T(-100);
        Lanes<T>* x = exponentials;
        for (int r = 0; r < at_once; ++r) {
            x[r] = per_bound * as_lanes(as_ints(load_lanes<T>(logits + r * width)) & ~sign_bit);
        }
        for (int r = 0; r < at_once; ++r) {
            x[r] = x[r] > least ? x[r] : Lanes<T>{} + least;
        }
        lanes_exp2<at_once, T>(x);
        for (int r = 0; r < at_once; ++r) {
            squashed[r] = (T(1) - x[r]) / (T(1) + x[r]);
        }
        for (int r = 0; r < at_once; ++r) {
            const Ints sign = as_ints(load_lanes<T>(logits + r * width)) & sign_bit;
            squashed[r] = as_lanes(as_ints(squashed[r]) | sign);
        }
        for (int r = 0; r < at_once; ++r) {
            x[r] = squashed[r] * bound;
        }
        lanes_exp2<at_once, T>(x);
    }

private:
    static constexpr double ln2 = 0.69314718055994530942;
    static constexpr auto sign_bit = std::numeric_limits<typename ExpConstants<T>::Int>::min();

    GNNCV_INLINE static Ints as_ints(const Lanes<T>& x) {
        Ints bits;
        std::memcpy(&bits, &x, sizeof bits);
        return bits;
    }
    GNNCV_INLINE static Lanes<T> as_lanes(const Ints& bits) {
        Lanes<T> x;
        std::memcpy(&x, &bits, sizeof x);
        return x;
    }
};

// From n logits and switching: s exp(l).
template <typename T>
GNNCV_INLINE void fill_weights(const Squash<T>& squash, const BondScratch<T>& bonds, std::int64_t n) {
    constexpr int width = LanesOf<T>::width, at_once = Squash<T>::at_once;
    for (std::int64_t k = 0; k < n; k += at_once * width) {
        Lanes<T> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            store_lanes<T>(bonds.weights + at, exponentials[r] * load_lanes<T>(bonds.switching + at));
        }
    }
}

// From n logits and switching: exp(l), s exp(l), and in place of the logit s exp(l) (1 - tanh^2).
template <typename T>
GNNCV_INLINE void fill_exponentials(const Squash<T>& squash, const BondScratch<T>& bonds, std::int64_t n) {
    constexpr int width = LanesOf<T>::width, at_once = Squash<T>::at_once;
    for (std::int64_t k = 0; k < n; k += at_once * width) {
        Lanes<T> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            const Lanes<T> weight = exponentials[r] * load_lanes<T>(bonds.switching + at);
            store_lanes<T>(bonds.exponentials + at, exponentials[r]);
            store_lanes<T>(bonds.weights + at, weight);
            store_lanes<T>(bonds.logits + at, weight - weight * squashed[r] * squashed[r]);
        }
    }
}

} // namespace gnncv::kernels
