// Short vectors of table_attention: one number a head, eight numbers of a bond, and blocks of channels.
#pragma once

#include "kernels/attention_heads.h"
#include "kernels/joined_lanes.h"
#include "kernels/lane_sums.h"
#include "kernels/lanes.h"
#include "kernels/register_shuffles.h"

#include <type_traits>

namespace gnncv::kernels {

inline constexpr int eight = 2 * heads_at_once;

// In registers of that many bytes: one number a head; two numbers a head, of both directions of a bond, or of
// two functions; and what one number a channel lies in, 64 bytes.
template <typename T, int bytes = 64>
using Quad = Numbers<T, heads_at_once, bytes>;
template <typename T, int bytes = 64>
using Eight = Numbers<T, eight, bytes>;
template <typename T, int bytes = 64>
using Block = Numbers<T, LanesOf<T>::width, bytes>;

// Of eight numbers.
template <typename V>
GNNCV_INLINE auto first_quad(const V& x) {
    if constexpr (is_joined<V>) {
        return x.lower;
    } else {
        return __builtin_shufflevector(x, x, 0, 1, 2, 3);
    }
}
template <typename V>
GNNCV_INLINE auto second_quad(const V& x) {
    if constexpr (is_joined<V>) {
        return x.upper;
    } else {
        return __builtin_shufflevector(x, x, 4, 5, 6, 7);
    }
}
template <typename T, int bytes>
GNNCV_INLINE Eight<T, bytes> side_by_side(const Quad<T, bytes>& x, const Quad<T, bytes>& y) {
    if constexpr (is_joined<Eight<T, bytes>>) {
        return {x, y};
    } else {
        return __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7);
    }
}
template <typename V>
GNNCV_INLINE V first_twice(const V& x) {
    if constexpr (is_joined<V>) {
        return {x.lower, x.lower};
    } else {
        return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3);
    }
}
template <typename V>
GNNCV_INLINE V second_twice(const V& x) {
    if constexpr (is_joined<V>) {
        return {x.upper, x.upper};
    } else {
        return __builtin_shufflevector(x, x, 4, 5, 6, 7, 4, 5, 6, 7);
    }
}
template <typename V>
GNNCV_INLINE V exchanged(const V& x) {
    if constexpr (is_joined<V>) {
        return {x.upper, x.lower};
    } else {
        return __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
    }
}

// Four numbers again and again, from eight in a register: gcc goes through memory to repeat sixteen bytes.
template <typename T, int bytes>
GNNCV_INLINE Block<T, bytes> repeat_first(const Eight<T, bytes>& x) {
    if constexpr (sizeof(T) == 8) {
        return first_twice(x);
    } else if constexpr (is_joined<Block<T, bytes>>) {
        const Eight<T, bytes> twice = first_twice(x);
        return {twice, twice};
    } else {
        return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
    }
}
template <typename T, int bytes>
GNNCV_INLINE Block<T, bytes> repeat_second(const Eight<T, bytes>& x) {
    if constexpr (sizeof(T) == 8) {
        return second_twice(x);
    } else if constexpr (is_joined<Block<T, bytes>>) {
        const Eight<T, bytes> twice = second_twice(x);
        return {twice, twice};
    } else {
        return __builtin_shufflevector(x, x, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
    }
}
// The four numbers there again and again; reads 32 bytes.
template <typename T, int bytes>
GNNCV_INLINE Block<T, bytes> repeat_quad(const T* quad) {
    if constexpr (sizeof(T) == 4) {
        return repeat_first<T, bytes>(load_as<Eight<T, bytes>>(quad));
    } else {
        const Quad<T, bytes> x = load_as<Quad<T, bytes>>(quad);
        if constexpr (is_joined<Block<T, bytes>>) {
            return {x, x};
        } else {
            return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3);
        }
    }
}

// A block's lower half and its upper half.
template <typename T, int bytes>
using HalfBlock = Numbers<T, LanesOf<T>::width / 2, bytes>;
template <typename T, int bytes>
GNNCV_INLINE HalfBlock<T, bytes> lower_half(const Block<T, bytes>& x) {
    if constexpr (is_joined<Block<T, bytes>>) {
        return x.lower;
    } else if constexpr (sizeof(T) == 4) {
        return __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7);
    } else {
        return __builtin_shufflevector(x, x, 0, 1, 2, 3);
    }
}
template <typename T, int bytes>
GNNCV_INLINE HalfBlock<T, bytes> upper_half(const Block<T, bytes>& x) {
    if constexpr (is_joined<Block<T, bytes>>) {
        return x.upper;
    } else if constexpr (sizeof(T) == 4) {
        return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    } else {
        return __builtin_shufflevector(x, x, 4, 5, 6, 7);
    }
}

// Each head's sum of x, then that of y, whose lane 4 q + h belongs to head h.
template <typename T, int bytes>
GNNCV_INLINE Eight<T, bytes> sums_of_heads(const Block<T, bytes>& x, const Block<T, bytes>& y) {
    const HalfBlock<T, bytes> a = lower_half<T, bytes>(x) + upper_half<T, bytes>(x),
                              b = lower_half<T, bytes>(y) + upper_half<T, bytes>(y);
    if constexpr (sizeof(T) == 8) {
        return side_by_side<T, bytes>(a, b);
    } else if constexpr (is_joined<Eight<T, bytes>>) {
        return {a.lower + a.upper, b.lower + b.upper};
    } else {
        return fold_halves(a, b);
    }
}
// Eight numbers with the same sum.
template <typename T, int bytes>
GNNCV_INLINE Eight<T, bytes> eight_of(const Block<T, bytes>& x) {
    if constexpr (sizeof(T) == 8) {
        return x;
    } else {
        return lower_half<T, bytes>(x) + upper_half<T, bytes>(x);
    }
}

// Two registers' worth of numbers become one with the same sum, until they are one register.
template <typename V>
GNNCV_INLINE auto one_register(const V& x) {
    if constexpr (is_joined<V>) {
        return one_register(x.lower + x.upper);
    } else {
        return x;
    }
}
// The sums of as many times n numbers in a row in memory as the result V has.
template <typename V, int n, int bytes, typename T>
GNNCV_INLINE V sums_of_each(const T* numbers) {
    if constexpr (is_joined<V>) {
        using H = decltype(V::lower);
        constexpr int behind = n * sizeof(H) / sizeof(T);
        return {sums_of_each<H, n, bytes>(numbers), sums_of_each<H, n, bytes>(numbers + behind)};
    } else {
        V x[lanes_in<V>];
#pragma GCC unroll 16
        for (int r = 0; r < lanes_in<V>; ++r) {
            x[r] = one_register(load_as<Numbers<T, n, bytes>>(numbers + n * r));
        }
        return sums_of_registers(x);
    }
}
// Of eight times eight numbers in a row in memory.
template <int bytes>
GNNCV_INLINE Eight<float, bytes> sums_of_eights(const float* numbers) {
    if constexpr (bytes == 16) {
        return sums_of_each<Eight<float, bytes>, eight, bytes>(numbers);
    } else {
        const auto row = [numbers](int k) __attribute__((always_inline)) {
            return load_half_lanes<float>(numbers + 8 * k);
        };
        return fold_halves(fold_quarters(fold_quarters(row(0), row(2)), fold_quarters(row(1), row(3))),
                           fold_quarters(fold_quarters(row(4), row(6)), fold_quarters(row(5), row(7))));
    }
}
template <int bytes>
GNNCV_INLINE Eight<double, bytes> sums_of_eights(const double* numbers) {
    if constexpr (bytes < 64) {
        return sums_of_each<Eight<double, bytes>, eight, bytes>(numbers);
    } else {
        double sums[8];
        sum_registers(numbers, sums);
        sum_registers(numbers + 32, sums + 4);
        return load_as<Eight<double>>(sums);
    }
}

// Of as many times four numbers as half a block has.
template <int bytes, typename T>
GNNCV_INLINE HalfBlock<T, bytes> sums_of_quads(const T* numbers) {
    if constexpr (bytes == 16) {
        return sums_of_each<HalfBlock<T, bytes>, heads_at_once, bytes>(numbers);
    } else {
        return sums_of_fours(numbers);
    }
}

template <typename V>
GNNCV_INLINE V inverse_or_zero(const V& x) {
    if constexpr (is_joined<V>) {
        return {inverse_or_zero(x.lower), inverse_or_zero(x.upper)};
    } else {
        using T = std::remove_cvref_t<decltype(x[0])>;
        return x > T(0) ? T(1) / x : V{};
    }
}

// rows[i][j] becomes rows[j][i].
template <typename T>
GNNCV_INLINE void transpose_quads(Quad<T>* rows) {
    const Quad<T> a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5),
                  b = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5),
                  c = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7),
                  d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
    rows[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    rows[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    rows[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    rows[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

} // namespace gnncv::kernels
