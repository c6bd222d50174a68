// What table_attention needs of bonds beside their channels, four heads of several bonds in a register: the
// functions of distance that are not filters, logits and exponentials.
#pragma once

#include "kernels/attention_heads.h"
#include "kernels/lane_sums.h"
#include "kernels/lanes_exp.h"
#include "kernels/table_places.h"

#include <algorithm>
#include <limits>
#include <type_traits>

namespace gnncv::kernels {

template <typename T>
struct ExtraOf {
    using type __attribute__((vector_size(8 * sizeof(T)))) = T;
};
// Eight functions of a bond: four heads' and four times switching.
template <typename T>
using Extra = typename ExtraOf<T>::type;
template <typename T>
struct QuadOf {
    using type __attribute__((vector_size(4 * sizeof(T)))) = T;
};
// One number a head.
template <typename T>
using Quad = typename QuadOf<T>::type;

template <typename V, typename T>
GNNCV_INLINE V load_as(const T* numbers) {
    V v;
    std::memcpy(&v, numbers, sizeof v);
    return v;
}
template <typename V, typename T>
GNNCV_INLINE void store_as(T* numbers, const V& v) {
    std::memcpy(numbers, &v, sizeof v);
}
template <typename T>
GNNCV_INLINE Quad<T> first_quad(const Extra<T>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3);
}
template <typename T>
GNNCV_INLINE Quad<T> second_quad(const Extra<T>& x) {
    return __builtin_shufflevector(x, x, 4, 5, 6, 7);
}
// The four numbers there again and again; reads half lanes.
GNNCV_INLINE Lanes<float> repeat_quad(const float* quad) {
    const HalfLanes<float> x = load_half_lanes<float>(quad);
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}
GNNCV_INLINE Lanes<double> repeat_quad(const double* quad) {
    const HalfLanes<double> x = load_half_lanes<double>(quad);
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3);
}

// What bonds of some centers need, four numbers each, one a head: kept from center to center.
template <typename T>
class BondScratch {
public:
    T *logits, *switching, *logit_slopes, *switching_slopes, *exponentials, *weights, *pulls, *stretches;

    // Places in the table of the bonds of the centers from `begin` on, and room for the rest.
    GNNCV_INLINE void fill(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                           std::int64_t begin) {
        places_.fill({heads.table(), input.table.n_intervals, 0, input.table.inverse_step}, heads.row(),
                     input.distances, input.pairs, begin);
        end_ = places_.end_center();
        start_ = input.pairs.row_ptr[begin];
        n_ = input.pairs.row_ptr[end_] - start_;
        reserve();
    }
    [[nodiscard]] std::int64_t end_center() const { return end_; }
    [[nodiscard]] std::int64_t n() const { return n_; }
    [[nodiscard]] std::int64_t first_pair() const { return start_; }
    [[nodiscard]] const std::int32_t* offset() const { return places_.offset(start_); }
    [[nodiscard]] const T* t() const { return places_.t(start_); }

private:
    // With zeros behind the bonds, up to whole registers and one more.
    GNNCV_INLINE void reserve() {
        constexpr int width = LanesOf<T>::width;
        const std::int64_t n_lanes = (heads_at_once * n_ + 2 * width - 1) / width;
        Lanes<T>* at = memory_.reserve(8 * n_lanes);
        for (T** part : {&logits, &switching, &logit_slopes, &switching_slopes, &exponentials, &weights,
                         &pulls, &stretches}) {
            *part = reinterpret_cast<T*>(at);
            for (std::int64_t k = std::max<std::int64_t>(0, n_lanes - 2); k < n_lanes; ++k) {
                at[k] = Lanes<T>{};
            }
            at += n_lanes;
        }
    }

    TablePlaces<T> places_;
    LaneBuffer<T> memory_;
    std::int64_t end_ = 0, start_ = 0, n_ = 0;
};

// The extra functions of one bond, their terms at a. Even and odd terms are polynomials in t^2 of their own,
// side by side: half as many registers to load.
template <typename T>
struct TermPair {
    Extra<T> even, odd;
};
GNNCV_INLINE TermPair<float> halves(const Lanes<float>& x) {
    return {__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7),
            __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15)};
}
GNNCV_INLINE Extra<float> extra_functions(const float* a, float t) {
    const float u = t * t;
    const TermPair<float> sum =
        halves(load_lanes<float>(a) + u * (load_lanes<float>(a + 16) + u * load_lanes<float>(a + 32)));
    return sum.even + t * sum.odd;
}
GNNCV_INLINE Extra<float> extra_functions(const float* a, float t, Extra<float>& slope) {
    const float u = t * t;
    const Lanes<float> last = load_lanes<float>(a + 32), inner = load_lanes<float>(a + 16) + u * last;
    const TermPair<float> sum = halves(load_lanes<float>(a) + u * inner), in_u = halves(inner + u * last);
    slope = sum.odd + (t + t) * (in_u.even + t * in_u.odd);
    return sum.even + t * sum.odd;
}
GNNCV_INLINE Extra<double> extra_functions(const double* a, double t) {
    return polynomial<Extra<double>>(
        t, [a](int k) __attribute__((always_inline)) { return load_as<Extra<double>>(a + 8 * k); });
}
GNNCV_INLINE Extra<double> extra_functions(const double* a, double t, Extra<double>& slope) {
    const auto both = polynomial_and_slope<Extra<double>>(
        t, [a](int k) __attribute__((always_inline)) { return load_as<Extra<double>>(a + 8 * k); });
    slope = both.slope;
    return both.value;
}

// exp(b tanh(l / b)) by powers of two that cannot overflow: tanh is odd, and |l| beyond which it is one is
// cut.
template <typename T>
struct Squash {
    using Ints __attribute__((vector_size(64))) =
        std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    T per_bound, bound; // both with the logarithm of two

    explicit Squash(double b) : per_bound(static_cast<T>(-2.0 / (b * ln2))), bound(static_cast<T>(b / ln2)) {}

    GNNCV_INLINE Lanes<T> operator()(const Lanes<T>& logits, Lanes<T>& squashed) const {
        constexpr T least = sizeof(T) == 4 ? T(-40) : T(-100);
        Ints sign, bits;
        std::memcpy(&bits, &logits, sizeof bits);
        sign = bits & std::numeric_limits<typename std::remove_reference<decltype(bits[0])>::type>::min();
        bits ^= sign;
        Lanes<T> x;
        std::memcpy(&x, &bits, sizeof x);
        x *= per_bound;
        x = x > least ? x : Lanes<T>{} + least;
        const Lanes<T> power = lanes_exp2<T>(x);
        squashed = (T(1) - power) / (T(1) + power);
        std::memcpy(&bits, &squashed, sizeof bits);
        bits |= sign;
        std::memcpy(&squashed, &bits, sizeof bits);
        return lanes_exp2<T>(squashed * bound);
    }

private:
    static constexpr double ln2 = 0.69314718055994530942;
};

} // namespace gnncv::kernels
