// Between numbers side by side in registers and numbers in rows of memory: sums over lanes, transposes.
// Shuffles are of half a register of Lanes, which every vector instruction set from AVX on has.
#pragma once

#include "kernels/lanes.h"

namespace gnncv::kernels {

template <typename T>
struct RowOf {
    using type __attribute__((vector_size(32))) = T;
    static constexpr int width = 32 / sizeof(T);
};
template <typename T>
using Row = typename RowOf<T>::type;

template <typename T>
GNNCV_INLINE Row<T> load_row(const T* numbers) {
    Row<T> row;
    std::memcpy(&row, numbers, sizeof row);
    return row;
}
template <typename T>
GNNCV_INLINE void store_row(T* numbers, const Row<T>& row) {
    std::memcpy(numbers, &row, sizeof row);
}

GNNCV_INLINE Row<float> low_half(const Lanes<float>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7);
}
GNNCV_INLINE Row<float> high_half(const Lanes<float>& x) {
    return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
}
GNNCV_INLINE Row<double> low_half(const Lanes<double>& x) {
    return __builtin_shufflevector(x, x, 0, 1, 2, 3);
}
GNNCV_INLINE Row<double> high_half(const Lanes<double>& x) {
    return __builtin_shufflevector(x, x, 4, 5, 6, 7);
}
GNNCV_INLINE Lanes<float> join(const Row<float>& a, const Row<float>& b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
GNNCV_INLINE Lanes<double> join(const Row<double>& a, const Row<double>& b) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
}

// Row of the sums over the lanes of x[0], x[1], ... (as many as a row is wide).
GNNCV_INLINE Row<float> sums_over_lanes(const Lanes<float>* x) {
    Row<float> pairs[4], fours[2];
    for (int i = 0; i < 4; ++i) {
        const Row<float> a = low_half(x[2 * i]) + high_half(x[2 * i]);
        const Row<float> b = low_half(x[2 * i + 1]) + high_half(x[2 * i + 1]);
        pairs[i] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13) +
                   __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 2; ++i) {
        const Row<float> a = pairs[2 * i], b = pairs[2 * i + 1];
        fours[i] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13) +
                   __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
    return __builtin_shufflevector(fours[0], fours[1], 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(fours[0], fours[1], 4, 5, 6, 7, 12, 13, 14, 15);
}
GNNCV_INLINE Row<double> sums_over_lanes(const Lanes<double>* x) {
    Row<double> pairs[2];
    for (int i = 0; i < 2; ++i) {
        const Row<double> a = low_half(x[2 * i]) + high_half(x[2 * i]);
        const Row<double> b = low_half(x[2 * i + 1]) + high_half(x[2 * i + 1]);
        pairs[i] = __builtin_shufflevector(a, b, 0, 4, 2, 6) + __builtin_shufflevector(a, b, 1, 5, 3, 7);
    }
    return __builtin_shufflevector(pairs[0], pairs[1], 0, 1, 4, 5) +
           __builtin_shufflevector(pairs[0], pairs[1], 2, 3, 6, 7);
}

// rows[i][j] becomes rows[j][i], as many rows as a row is wide.
GNNCV_INLINE void transpose(Row<float>* rows) {
    Row<float> a[8], b[8];
    for (int i = 0; i < 4; ++i) {
        a[2 * i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[2 * i + 1] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 2; ++j) {
            const Row<float> first = a[4 * i + j], second = a[4 * i + 2 + j];
            b[4 * i + 2 * j] = __builtin_shufflevector(first, second, 0, 1, 8, 9, 4, 5, 12, 13);
            b[4 * i + 2 * j + 1] = __builtin_shufflevector(first, second, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int j = 0; j < 4; ++j) {
        rows[j] = __builtin_shufflevector(b[j], b[4 + j], 0, 1, 2, 3, 8, 9, 10, 11);
        rows[4 + j] = __builtin_shufflevector(b[j], b[4 + j], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
GNNCV_INLINE void transpose(Row<double>* rows) {
    Row<double> a[4];
    for (int i = 0; i < 2; ++i) {
        a[2 * i] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 0, 4, 2, 6);
        a[2 * i + 1] = __builtin_shufflevector(rows[2 * i], rows[2 * i + 1], 1, 5, 3, 7);
    }
    for (int j = 0; j < 2; ++j) {
        rows[j] = __builtin_shufflevector(a[j], a[2 + j], 0, 1, 4, 5);
        rows[2 + j] = __builtin_shufflevector(a[j], a[2 + j], 2, 3, 6, 7);
    }
}

} // namespace gnncv::kernels
