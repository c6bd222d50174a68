// Functions of distance alone, tabulated: on each of equally long intervals from 0 to the cutoff every
// channel is a polynomial of degree five in the place t within the interval, joined with continuous second
// derivatives.
#pragma once

#include "kernels/table_grid.h"

#include <cstdint>

namespace gnncv::kernels {

inline constexpr int table_terms = 6;

// coefficients (n_intervals, table_terms, n_channels): constant term first.
template <typename T>
struct RadialTable {
    const T* coefficients;
    TableGrid<T> grid;
    std::int64_t n_channels;
};

// Where a distance lies: the interval's coefficients, and t in [0,1). Beyond the cutoff the last polynomial
// goes on: callers ask within.
template <typename T>
struct TablePlace {
    const T* coefficients;
    T t;

    GNNCV_INLINE TablePlace(const RadialTable<T>& table, T distance, T rest = T(0)) {
        std::int64_t interval = static_cast<std::int64_t>(distance * table.grid.inverse_step);
        interval = interval < table.grid.n_intervals ? interval : table.grid.n_intervals - 1;
        coefficients = table.coefficients + interval * table_terms * table.n_channels;
        t = table.grid.place(distance, static_cast<T>(interval), rest);
    }
};

template <typename T>
struct ValueAndSlope {
    T value, slope;
};
// V: a register of channels or one of them. Term k of them is a(k); the slope is the derivative in t.
template <typename V, typename T, typename A>
GNNCV_INLINE V polynomial(T t, const A& a) {
    V value = a(table_terms - 1);
    for (int k = table_terms - 2; k >= 0; --k) {
        value = a(k) + t * value;
    }
    return value;
}
template <typename V, typename T, typename A>
GNNCV_INLINE ValueAndSlope<V> polynomial_and_slope(T t, const A& a) {
    V value = a(table_terms - 1), slope = value;
    value = a(table_terms - 2) + t * value;
    for (int k = table_terms - 3; k >= 0; --k) {
        slope = value + t * slope;
        value = a(k) + t * value;
    }
    return {value, slope};
}

// One channel; the slope is per angstrom.
template <typename T>
GNNCV_INLINE T table_value(const RadialTable<T>& table, const TablePlace<T>& place, std::int64_t channel) {
    return polynomial<T>(place.t, [&](int k) { return place.coefficients[k * table.n_channels + channel]; });
}
template <typename T>
GNNCV_INLINE ValueAndSlope<T> table_value_and_slope(const RadialTable<T>& table, const TablePlace<T>& place,
                                                    std::int64_t channel) {
    const ValueAndSlope<T> at = polynomial_and_slope<T>(
        place.t, [&](int k) { return place.coefficients[k * table.n_channels + channel]; });
    return {at.value, table.grid.inverse_step * at.slope};
}

// values[c] of channels first..last-1.
template <typename T>
GNNCV_INLINE void table_values(const RadialTable<T>& table, const TablePlace<T>& place,
                               T* __restrict__ values) {
    const std::int64_t n = table.n_channels;
    const T* __restrict__ a = place.coefficients;
    const T t = place.t;
    for (std::int64_t c = 0; c < n; ++c) {
        values[c] =
            a[c] +
            t * (a[n + c] + t * (a[2 * n + c] + t * (a[3 * n + c] + t * (a[4 * n + c] + t * a[5 * n + c]))));
    }
}

// The same with slopes[c] = d values[c] / d distance.
template <typename T>
GNNCV_INLINE void table_values_and_slopes(const RadialTable<T>& table, const TablePlace<T>& place,
                                          T* __restrict__ values, T* __restrict__ slopes) {
    const std::int64_t n = table.n_channels;
    const T* __restrict__ a = place.coefficients;
    const T t = place.t;
    const T inverse_step = table.grid.inverse_step;
    for (std::int64_t c = 0; c < n; ++c) {
        const T a1 = a[n + c], a2 = a[2 * n + c], a3 = a[3 * n + c], a4 = a[4 * n + c], a5 = a[5 * n + c];
        values[c] = a[c] + t * (a1 + t * (a2 + t * (a3 + t * (a4 + t * a5))));
        slopes[c] =
            inverse_step * (a1 + t * (T(2) * a2 + t * (T(3) * a3 + t * (T(4) * a4 + t * (T(5) * a5)))));
    }
}

} // namespace gnncv::kernels
