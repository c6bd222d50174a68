// Sums over the lanes of many registers at once: shuffles of 32 bytes, which every instruction set has (a
// compiler that splits 64 bytes shuffles them number by number).
#pragma once

#include "kernels/lanes.h"

#include <cstdint>

namespace gnncv::kernels {

// Half of the lanes: 8 floats or 4 doubles.
template <typename T>
struct HalfLanesOf {
    using type __attribute__((vector_size(32))) = T;
    static constexpr int width = 32 / sizeof(T);
};
template <typename T>
using HalfLanes = typename HalfLanesOf<T>::type;

template <typename T>
GNNCV_INLINE HalfLanes<T> load_half_lanes(const T* numbers) {
    HalfLanes<T> lanes;
    std::memcpy(&lanes, numbers, sizeof lanes);
    return lanes;
}
template <typename T>
GNNCV_INLINE void store_half_lanes(T* numbers, const HalfLanes<T>& lanes) {
    std::memcpy(numbers, &lanes, sizeof lanes);
}

// Both halves of a register in memory, added.
template <typename T>
GNNCV_INLINE HalfLanes<T> load_folded(const T* lanes) {
    return load_half_lanes<T>(lanes) + load_half_lanes<T>(lanes + HalfLanesOf<T>::width);
}

// The lower halves of x and y side by side, plus their upper halves.
GNNCV_INLINE HalfLanes<float> fold_halves(const HalfLanes<float>& x, const HalfLanes<float>& y) {
    return __builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15);
}
GNNCV_INLINE HalfLanes<double> fold_halves(const HalfLanes<double>& x, const HalfLanes<double>& y) {
    return __builtin_shufflevector(x, y, 0, 1, 4, 5) + __builtin_shufflevector(x, y, 2, 3, 6, 7);
}

// Neighboring pairs of 16 bytes: those of x and y take turns.
GNNCV_INLINE HalfLanes<float> fold_quarters(const HalfLanes<float>& x, const HalfLanes<float>& y) {
    return __builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13) +
           __builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15);
}
GNNCV_INLINE HalfLanes<double> fold_quarters(const HalfLanes<double>& x, const HalfLanes<double>& y) {
    return __builtin_shufflevector(x, y, 0, 4, 2, 6) + __builtin_shufflevector(x, y, 1, 5, 3, 7);
}

// sums[r] of the numbers in register r, for as many registers in a row in memory as half lanes.
GNNCV_INLINE void sum_registers(const float* registers, float* sums) {
    const auto row = [&](int r)
                         __attribute__((always_inline)) { return load_folded<float>(registers + 16 * r); };
    const auto first = fold_quarters(fold_quarters(row(0), row(2)), fold_quarters(row(1), row(3)));
    const auto second = fold_quarters(fold_quarters(row(4), row(6)), fold_quarters(row(5), row(7)));
    store_half_lanes<float>(sums, fold_halves(first, second));
}
GNNCV_INLINE void sum_registers(const double* registers, double* sums) {
    const auto row = [&](int r)
                         __attribute__((always_inline)) { return load_folded<double>(registers + 8 * r); };
    store_half_lanes<double>(sums, fold_halves(fold_quarters(row(0), row(1)), fold_quarters(row(2), row(3))));
}

// sums[r] of the lanes of register r, for n registers in a row in memory with room for as many as half lanes
// behind them.
template <typename T>
GNNCV_INLINE void sum_lanes_of_rows(T* registers, std::int64_t n, T* sums) {
    constexpr int width = LanesOf<T>::width, at_once = HalfLanesOf<T>::width;
    std::int64_t r = 0;
    for (; r + at_once <= n; r += at_once) {
        sum_registers(registers + r * width, sums + r);
    }
    if (r < n) {
        for (std::int64_t empty = n; empty < r + at_once; ++empty) {
            store_lanes<T>(registers + empty * width, Lanes<T>{});
        }
        T last[at_once];
        sum_registers(registers + r * width, last);
        std::memcpy(sums + r, last, (n - r) * sizeof(T));
    }
}

// sums[r] of the four numbers at 4 r, for as many r as half lanes.
GNNCV_INLINE HalfLanes<float> sums_of_fours(const float* numbers) {
    const auto two = [numbers](int k)
                         __attribute__((always_inline)) { return load_half_lanes<float>(numbers + 8 * k); };
    const auto sums = fold_quarters(fold_quarters(two(0), two(2)), fold_quarters(two(1), two(3)));
    return __builtin_shufflevector(sums, sums, 0, 4, 1, 5, 2, 6, 3, 7);
}
GNNCV_INLINE HalfLanes<double> sums_of_fours(const double* numbers) {
    const auto one = [numbers](int k)
                         __attribute__((always_inline)) { return load_half_lanes<double>(numbers + 4 * k); };
    return fold_halves(fold_quarters(one(0), one(1)), fold_quarters(one(2), one(3)));
}

// A register's lower half plus its upper half.
GNNCV_INLINE HalfLanes<float> folded(const Lanes<float>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
           __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
}
GNNCV_INLINE HalfLanes<double> folded(const Lanes<double>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
}

} // namespace gnncv::kernels
