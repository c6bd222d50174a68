// Short vectors of table_attention: one number a head, and eight numbers of a bond.
#pragma once

#include "kernels/attention_heads.h"
#include "kernels/lane_sums.h"
#include "kernels/lanes.h"

#include <cstring>

namespace gnncv::kernels {

inline constexpr int eight = 2 * heads_at_once;

template <typename T>
struct QuadOf {
    using type __attribute__((vector_size(heads_at_once * sizeof(T)))) = T;
};
// One number a head.
template <typename T>
using Quad = typename QuadOf<T>::type;
template <typename T>
struct EightOf {
    using type __attribute__((vector_size(eight * sizeof(T)))) = T;
};
// Two numbers a head: of both directions of a bond, or of two functions.
template <typename T>
using Eight = typename EightOf<T>::type;

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
GNNCV_INLINE Quad<T> first_quad(const Eight<T>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3);
}
template <typename T>
GNNCV_INLINE Quad<T> second_quad(const Eight<T>& x) {
    return __builtin_shufflevector(x, x, 4, 5, 6, 7);
}
template <typename T>
GNNCV_INLINE Eight<T> first_twice(const Eight<T>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3);
}
template <typename T>
GNNCV_INLINE Eight<T> second_twice(const Eight<T>& x) {
    return __builtin_shufflevector(x, x, 4, 5, 6, 7, 4, 5, 6, 7);
}
template <typename T>
GNNCV_INLINE Eight<T> exchanged(const Eight<T>& x) {
    return __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
}
template <typename T>
GNNCV_INLINE Eight<T> side_by_side(const Quad<T>& x, const Quad<T>& y) {
    return __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7);
}

// Four numbers again and again, from eight in a register: gcc goes through memory to repeat sixteen bytes.
GNNCV_INLINE Lanes<float> repeat_first(const Eight<float>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}
GNNCV_INLINE Lanes<float> repeat_second(const Eight<float>& x) {
    return __builtin_shufflevector(x, x, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
}
GNNCV_INLINE Lanes<double> repeat_first(const Eight<double>& x) {
    return first_twice<double>(x);
}
GNNCV_INLINE Lanes<double> repeat_second(const Eight<double>& x) {
    return second_twice<double>(x);
}
// The four numbers there again and again; reads half lanes.
GNNCV_INLINE Lanes<float> repeat_quad(const float* quad) {
    return repeat_first(load_as<Eight<float>>(quad));
}
GNNCV_INLINE Lanes<double> repeat_quad(const double* quad) {
    const HalfLanes<double> x = load_half_lanes<double>(quad);
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 0, 1, 2, 3);
}

// Each head's sum of x, then that of y, whose lane 4 q + h belongs to head h.
GNNCV_INLINE Eight<float> sums_of_heads(const Lanes<float>& x, const Lanes<float>& y) {
    return fold_halves(folded(x), folded(y));
}
GNNCV_INLINE Eight<double> sums_of_heads(const Lanes<double>& x, const Lanes<double>& y) {
    return side_by_side<double>(folded(x), folded(y));
}
// Eight numbers with the same sum.
GNNCV_INLINE Eight<float> eight_of(const Lanes<float>& x) {
    return folded(x);
}
GNNCV_INLINE Eight<double> eight_of(const Lanes<double>& x) {
    return x;
}

// Of eight times eight numbers in a row in memory.
GNNCV_INLINE Eight<float> sums_of_eights(const float* numbers) {
    const auto row = [numbers](int k)
                         __attribute__((always_inline)) { return load_half_lanes<float>(numbers + 8 * k); };
    return fold_halves(fold_quarters(fold_quarters(row(0), row(2)), fold_quarters(row(1), row(3))),
                       fold_quarters(fold_quarters(row(4), row(6)), fold_quarters(row(5), row(7))));
}
GNNCV_INLINE Eight<double> sums_of_eights(const double* numbers) {
    double sums[8];
    sum_registers(numbers, sums);
    sum_registers(numbers + 32, sums + 4);
    return load_as<Eight<double>>(sums);
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
