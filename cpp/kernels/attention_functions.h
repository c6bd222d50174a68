// What table_attention needs of bonds beside their channels: places in the table, the functions of distance
// that are not filters, and exponentials.
#pragma once

#include "kernels/attention_lanes.h"
#include "kernels/lanes_exp.h"
#include "kernels/radial_table.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace gnncv::kernels {

// Where distances lie in the table: offsets of their intervals, `row` numbers each, and the places there, 0
// to
// 1. Whole registers as far as they can be read, so that room for one more must be behind what is written.
template <int bytes, typename T>
GNNCV_INLINE void fill_places(const RadialTable<T>& table, std::int64_t row, const T* distances,
                              std::int64_t n, std::int64_t readable, std::int32_t* offsets, T* places) {
    constexpr int width = LanesOf<T, bytes>::width;
    using Ints __attribute__((vector_size(width * sizeof(std::int32_t)))) = std::int32_t;
    const auto last = static_cast<std::int32_t>(table.grid.n_intervals) - 1,
               step = static_cast<std::int32_t>(row);
    std::int64_t b = 0;
    for (; b < n && b + width <= readable; b += width) {
        const Lanes<T, bytes> some = load_lanes<T, bytes>(distances + b);
        Ints interval = __builtin_convertvector(some * table.grid.inverse_step, Ints);
        interval = interval < last ? interval : last;
        interval = interval > 0 ? interval : 0; // of what is no number: the first
        const Ints offset = interval * step;
        std::memcpy(offsets + b, &offset, sizeof offset);
        store_lanes<T>(places + b,
                       table.grid.place(some, __builtin_convertvector(interval, Lanes<T, bytes>)));
    }
    for (; b < n; ++b) {
        const auto whole = static_cast<std::int32_t>(distances[b] * table.grid.inverse_step);
        const auto interval = std::clamp<std::int32_t>(whole, std::int32_t{0}, last);
        offsets[b] = interval * step;
        places[b] = table.grid.place(distances[b], static_cast<T>(interval));
    }
}

// The extra functions of one bond, their terms at a. Of floats even and odd terms are polynomials in t^2 of
// their own, side by side: half as many registers to load.
template <int bytes, typename T>
GNNCV_INLINE Eight<T, bytes> extra_functions(const T* a, T t) {
    if constexpr (sizeof(T) == 4) {
        using B = Block<T, bytes>;
        const T u = t * t;
        const B sum = load_as<B>(a) + u * (load_as<B>(a + 16) + u * load_as<B>(a + 32));
        return lower_half<T, bytes>(sum) + t * upper_half<T, bytes>(sum);
    } else {
        using V = Eight<T, bytes>;
        return polynomial<V>(t,
                             [a](int k) __attribute__((always_inline)) { return load_as<V>(a + eight * k); });
    }
}
template <int bytes, typename T>
GNNCV_INLINE Eight<T, bytes> extra_functions(const T* a, T t, Eight<T, bytes>& slope) {
    if constexpr (sizeof(T) == 4) {
        using B = Block<T, bytes>;
        const T u = t * t;
        const B last = load_as<B>(a + 32), inner = load_as<B>(a + 16) + u * last;
        const B sum = load_as<B>(a) + u * inner, in_u = inner + u * last;
        const Eight<T, bytes> odd = upper_half<T, bytes>(sum);
        slope = odd + (t + t) * (lower_half<T, bytes>(in_u) + t * upper_half<T, bytes>(in_u));
        return lower_half<T, bytes>(sum) + t * odd;
    } else {
        using V = Eight<T, bytes>;
        const auto both = polynomial_and_slope<V>(
            t, [a](int k) __attribute__((always_inline)) { return load_as<V>(a + eight * k); });
        slope = both.slope;
        return both.value;
    }
}

// exp(b tanh(l / b)) by powers of two that cannot overflow: tanh is odd, and |l| beyond which it is one is
// cut.
template <typename T, int bytes>
struct Squash {
    using Ints __attribute__((vector_size(bytes))) =
        std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    using V = Lanes<T, bytes>;
    static constexpr int at_once = 4,
                         width = LanesOf<T, bytes>::width; // registers: they do not wait for each other
    T per_bound, bound;                                    // both with the logarithm of two
    T furthest;                                            // beyond it tanh is one

    explicit Squash(double b)
        : per_bound(static_cast<T>(-2.0 / (b * ln2))), bound(static_cast<T>(b / ln2)),
          furthest((sizeof(T) == 4 ? T(-40) : T(-100)) / per_bound) {}

    // Of `at_once` registers in memory: tanh(l / b) and the exponentials.
    GNNCV_INLINE void operator()(const T* logits, V* squashed, V* exponentials) const {
        const Ints most = as_ints(V{} + furthest); // positive numbers are in order as integers
        V* x = exponentials;
        for (int r = 0; r < at_once; ++r) {
            const Ints magnitude = as_ints(load_lanes<T, bytes>(logits + r * width)) & ~sign_bit;
            x[r] = per_bound * as_lanes(magnitude < most ? magnitude : most);
        }
        lanes_exp2<at_once, T, bytes>(x);
        for (int r = 0; r < at_once; ++r) {
            squashed[r] = (T(1) - x[r]) / (T(1) + x[r]);
        }
        for (int r = 0; r < at_once; ++r) {
            const Ints sign = as_ints(load_lanes<T, bytes>(logits + r * width)) & sign_bit;
            squashed[r] = as_lanes(as_ints(squashed[r]) | sign);
        }
        for (int r = 0; r < at_once; ++r) {
            x[r] = squashed[r] * bound;
        }
        lanes_exp2<at_once, T, bytes>(x);
    }

private:
    static constexpr double ln2 = 0.69314718055994530942;
    static constexpr auto sign_bit = std::numeric_limits<typename ExpConstants<T>::Int>::min();

    GNNCV_INLINE static Ints as_ints(const V& x) {
        Ints bits;
        std::memcpy(&bits, &x, sizeof bits);
        return bits;
    }
    GNNCV_INLINE static V as_lanes(const Ints& bits) {
        V x;
        std::memcpy(&x, &bits, sizeof x);
        return x;
    }
};

} // namespace gnncv::kernels
