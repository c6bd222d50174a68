// Sums over lanes, transposes and triples of numbers, for registers of any size: shuffles of two registers
// whose patterns are computed here.
#pragma once

#include "kernels/lanes.h"

#include <utility>

namespace gnncv::kernels {

template <typename V>
inline constexpr int lanes_in = static_cast<int>(sizeof(V) / sizeof(V{}[0]));
template <typename V>
using LanesIn = std::make_integer_sequence<int, lanes_in<V>>;

// Lanes whose number has the bit `half` are of b, the others of a, each the sum of two lanes that are half
// lanes apart: one shuffle and one blend.
template <int half, typename V, int... i>
GNNCV_INLINE V fold_registers(const V& a, const V& b, std::integer_sequence<int, i...>) {
    constexpr int n = sizeof...(i);
    return __builtin_shufflevector(a, b, ((i & half) != 0 ? n + i : i)...) +
           __builtin_shufflevector(a, b, ((i & half) != 0 ? n + i - half : i + half)...);
}
// Lane i: the sum over the lanes of x[i], for as many registers as there are lanes.
template <int n = 1, typename V>
GNNCV_INLINE V sums_of_registers(const V* x) {
    if constexpr (n == lanes_in<V>) {
        return *x;
    } else {
        return fold_registers<n>(sums_of_registers<2 * n>(x), sums_of_registers<2 * n>(x + n), LanesIn<V>{});
    }
}

// In every lane the sum over the lanes of one register.
template <int half, typename V, int... i>
GNNCV_INLINE V sum_in_every_lane(const V& x, std::integer_sequence<int, i...> lanes) {
    const V sum = x + __builtin_shufflevector(x, x, (i ^ half)...);
    if constexpr (half == 1) {
        return sum;
    } else {
        return sum_in_every_lane<half / 2>(sum, lanes);
    }
}
template <typename V>
GNNCV_INLINE auto sum_of_register(const V& x) {
    return sum_in_every_lane<lanes_in<V> / 2>(x, LanesIn<V>{})[0];
}

// Within parts of 16 bytes, numbers of a and b by turns: of the lower halves in a, of the upper ones in b.
template <typename V, int... i>
GNNCV_INLINE void interleave(V& a, V& b, std::integer_sequence<int, i...>) {
    constexpr int n = sizeof...(i), part = 16 / static_cast<int>(sizeof(V{}[0]));
    const V lower = __builtin_shufflevector(a, b, ((i % 2) * n + i / part * part + (i % part) / 2)...);
    b = __builtin_shufflevector(a, b, ((i % 2) * n + i / part * part + (i % part + part) / 2)...);
    a = lower;
}
// Of blocks of `half` registers and lanes, those beside the diagonal change places.
template <int half, typename V, int... i>
GNNCV_INLINE void swap_blocks(V& a, V& b, std::integer_sequence<int, i...>) {
    constexpr int n = sizeof...(i);
    const V first = __builtin_shufflevector(a, b, ((i & half) != 0 ? n + i - half : i)...);
    b = __builtin_shufflevector(a, b, ((i & half) != 0 ? n + i : i + half)...);
    a = first;
}
template <int half, typename V>
GNNCV_INLINE void transpose_blocks(V* x) {
    if constexpr (half < lanes_in<V>) {
#pragma GCC unroll 16
        for (int i = 0; i < lanes_in<V>; ++i) {
            if ((i & half) == 0) {
                swap_blocks<half>(x[i], x[i + half], LanesIn<V>{});
            }
        }
        transpose_blocks<2 * half>(x);
    }
}
// x[i][j] becomes x[j][i], as many registers as there are lanes: within 16 bytes by the cheapest shuffles.
template <typename V>
GNNCV_INLINE void transpose_registers(V* x) {
    constexpr int part = 16 / static_cast<int>(sizeof(V{}[0]));
#pragma GCC unroll 16
    for (int i = 0; i < lanes_in<V>; i += part) {
        if constexpr (part == 4) {
            interleave(x[i], x[i + 2], LanesIn<V>{});
            interleave(x[i + 1], x[i + 3], LanesIn<V>{});
            interleave(x[i], x[i + 1], LanesIn<V>{});
            interleave(x[i + 2], x[i + 3], LanesIn<V>{});
        } else {
            interleave(x[i], x[i + 1], LanesIn<V>{});
        }
    }
    transpose_blocks<part>(x);
}

// Coordinate k of triples x y z x y z ... in three registers.
template <int k, typename V, int... i>
GNNCV_INLINE V coordinate_of_triples(const V* triples, std::integer_sequence<int, i...>) {
    constexpr int n = sizeof...(i);
    const V first = __builtin_shufflevector(triples[0], triples[1], (3 * i + k < 2 * n ? 3 * i + k : 0)...);
    return __builtin_shufflevector(first, triples[2], (3 * i + k < 2 * n ? i : 3 * i + k - n)...);
}
// The r-th of the three registers.
template <int r, typename V, int... i>
GNNCV_INLINE V register_of_triples(const V& x, const V& y, const V& z, std::integer_sequence<int, i...>) {
    constexpr int n = sizeof...(i);
    const V first =
        __builtin_shufflevector(x, y, ((r * n + i) % 3 == 1 ? n + (r * n + i) / 3 : (r * n + i) / 3)...);
    return __builtin_shufflevector(first, z, ((r * n + i) % 3 == 2 ? n + (r * n + i) / 3 : i)...);
}
template <int bytes, typename T>
GNNCV_INLINE void load_triples(const T* triples, Lanes<T, bytes>& x, Lanes<T, bytes>& y, Lanes<T, bytes>& z) {
    using V = Lanes<T, bytes>;
    V rows[3];
    for (int r = 0; r < 3; ++r) {
        rows[r] = load_lanes<T, bytes>(triples + r * lanes_in<V>);
    }
    x = coordinate_of_triples<0>(rows, LanesIn<V>{});
    y = coordinate_of_triples<1>(rows, LanesIn<V>{});
    z = coordinate_of_triples<2>(rows, LanesIn<V>{});
}
template <typename T, typename V>
GNNCV_INLINE void store_triples(T* triples, const V& x, const V& y, const V& z) {
    store_lanes<T>(triples, register_of_triples<0>(x, y, z, LanesIn<V>{}));
    store_lanes<T>(triples + lanes_in<V>, register_of_triples<1>(x, y, z, LanesIn<V>{}));
    store_lanes<T>(triples + 2 * lanes_in<V>, register_of_triples<2>(x, y, z, LanesIn<V>{}));
}

// Numbers first .. first + n - 1 of a register.
template <int first, typename V, int... i>
GNNCV_INLINE auto part_of_register(const V& x, std::integer_sequence<int, i...>) {
    return __builtin_shufflevector(x, x, (first + i)...);
}

} // namespace gnncv::kernels
