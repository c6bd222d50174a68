// Between numbers side by side in registers and numbers in rows of memory: sums over lanes, transposes,
// triples. Shuffles are of half a register of Lanes, which every vector instruction set from AVX on has.
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

// Triples x y z x y z ... in three rows, and each coordinate in one.
GNNCV_INLINE void split_triples(const Row<float>* from, Row<float>* to) {
    const Row<float> a = from[0], b = from[1], c = from[2];
    const Row<float> x = __builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 0, 0);
    const Row<float> y = __builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 0, 0, 0);
    const Row<float> z = __builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 0, 0, 0);
    to[0] = __builtin_shufflevector(x, c, 0, 1, 2, 3, 4, 5, 10, 13);
    to[1] = __builtin_shufflevector(y, c, 0, 1, 2, 3, 4, 8, 11, 14);
    to[2] = __builtin_shufflevector(z, c, 0, 1, 2, 3, 4, 9, 12, 15);
}
GNNCV_INLINE void split_triples(const Row<double>* from, Row<double>* to) {
    const Row<double> a = from[0], b = from[1], c = from[2];
    const Row<double> x = __builtin_shufflevector(a, b, 0, 3, 6, 0);
    const Row<double> y = __builtin_shufflevector(a, b, 1, 4, 7, 0);
    const Row<double> z = __builtin_shufflevector(a, b, 2, 5, 0, 0);
    to[0] = __builtin_shufflevector(x, c, 0, 1, 2, 5);
    to[1] = __builtin_shufflevector(y, c, 0, 1, 2, 6);
    to[2] = __builtin_shufflevector(z, c, 0, 1, 4, 7);
}
GNNCV_INLINE void join_triples(const Row<float>& x, const Row<float>& y, const Row<float>& z,
                               Row<float>* to) {
    const Row<float> a = __builtin_shufflevector(x, y, 0, 8, 0, 1, 9, 0, 2, 10);
    const Row<float> b = __builtin_shufflevector(x, y, 0, 3, 11, 0, 4, 12, 0, 5);
    const Row<float> c = __builtin_shufflevector(x, y, 13, 0, 6, 14, 0, 7, 15, 0);
    to[0] = __builtin_shufflevector(a, z, 0, 1, 8, 3, 4, 9, 6, 7);
    to[1] = __builtin_shufflevector(b, z, 10, 1, 2, 11, 4, 5, 12, 7);
    to[2] = __builtin_shufflevector(c, z, 0, 13, 2, 3, 14, 5, 6, 15);
}
GNNCV_INLINE void join_triples(const Row<double>& x, const Row<double>& y, const Row<double>& z,
                               Row<double>* to) {
    const Row<double> a = __builtin_shufflevector(x, y, 0, 4, 0, 1);
    const Row<double> b = __builtin_shufflevector(x, y, 5, 0, 2, 6);
    const Row<double> c = __builtin_shufflevector(x, y, 0, 3, 7, 0);
    to[0] = __builtin_shufflevector(a, z, 0, 1, 4, 3);
    to[1] = __builtin_shufflevector(b, z, 0, 5, 2, 3);
    to[2] = __builtin_shufflevector(c, z, 6, 1, 2, 7);
}

// The same from and to memory, a register of them.
template <typename T>
GNNCV_INLINE void load_triples(const T* triples, Lanes<T>& x, Lanes<T>& y, Lanes<T>& z) {
    Row<T> rows[6], split[6];
    for (int i = 0; i < 6; ++i) {
        rows[i] = load_row<T>(triples + i * RowOf<T>::width);
    }
    split_triples(rows, split);
    split_triples(rows + 3, split + 3);
    x = join(split[0], split[3]);
    y = join(split[1], split[4]);
    z = join(split[2], split[5]);
}
template <typename T>
GNNCV_INLINE void store_triples(T* triples, const Lanes<T>& x, const Lanes<T>& y, const Lanes<T>& z) {
    Row<T> rows[6];
    join_triples(low_half(x), low_half(y), low_half(z), rows);
    join_triples(high_half(x), high_half(y), high_half(z), rows + 3);
    for (int i = 0; i < 6; ++i) {
        store_row<T>(triples + i * RowOf<T>::width, rows[i]);
    }
}

} // namespace gnncv::kernels
