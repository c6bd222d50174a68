// A tile of the result, rows times registers, stays in registers while the inner index runs: each weight is
// loaded once a tile, each number of the rows broadcast. What registers are left hold partial sums, which
// round less.
#include "kernels/dense_rows.h"

namespace gnncv::kernels {
namespace {

template <int n_rows, int n_registers, typename T, typename V>
GNNCV_INLINE void add_products(const T* rows, std::int64_t row_stride, const T* weights,
                               V (&sums)[n_rows][n_registers]) {
    constexpr int width = sizeof(V) / sizeof(T);
    V weight[n_registers];
    for (int v = 0; v < n_registers; ++v) {
        weight[v] = load_lanes<T, sizeof(V)>(weights + v * width);
    }
    for (int s = 0; s < n_rows; ++s) {
        for (int v = 0; v < n_registers; ++v) {
            sums[s][v] += weight[v] * rows[s * row_stride];
        }
    }
}

template <int n_rows, int n_registers, int n_parts, int bytes, bool with_factors, typename T>
GNNCV_INLINE void tile(const RowsProduct<T>& p, std::int64_t row, std::int64_t column) {
    constexpr int width = LanesOf<T, bytes>::width;
    const T* __restrict__ rows = p.rows + row * p.row_stride;
    const T* __restrict__ weights = p.weights + column;
    const T* __restrict__ factors = with_factors ? p.factors + row * p.factor_stride + column : nullptr;
    T* __restrict__ result = p.result + row * p.result_stride + column;
    Lanes<T, bytes> sums[n_parts][n_rows][n_registers]{};
#pragma GCC unroll 16
    for (int s = 0; s < n_rows; ++s) {
#pragma GCC unroll 2
        for (int v = 0; v < n_registers; ++v) {
            sums[0][s][v] = p.bias ? load_lanes<T, bytes>(p.bias + column + v * width) : Lanes<T, bytes>{};
        }
    }
    std::int64_t c = 0;
    for (; c + n_parts <= p.n_in; c += n_parts) {
        for (int part = 0; part < n_parts; ++part, weights += p.weight_stride) {
            add_products<n_rows, n_registers>(rows + c + part, p.row_stride, weights, sums[part]);
        }
    }
    if constexpr (n_parts > 1) {
        for (; c < p.n_in; ++c, weights += p.weight_stride) {
            add_products<n_rows, n_registers>(rows + c, p.row_stride, weights, sums[0]);
        }
    }
#pragma GCC unroll 16
    for (int s = 0; s < n_rows; ++s) {
#pragma GCC unroll 2
        for (int v = 0; v < n_registers; ++v) {
            Lanes<T, bytes> sum = sums[0][s][v];
            for (int part = 1; part < n_parts; ++part) {
                sum += sums[part][s][v];
            }
            if constexpr (with_factors) {
                sum *= load_lanes<T, bytes>(factors + s * p.factor_stride + v * width);
            }
            store_lanes(result + s * p.result_stride + v * width, sum);
        }
    }
}

// All rows of one or more registers of columns.
template <int n_rows, int n_registers, int n_parts, int bytes, typename T>
GNNCV_INLINE void column_of_tiles(const RowsProduct<T>& p, std::int64_t column) {
    static_assert(row_tile % n_rows == 0);
    for (std::int64_t row = 0; row < p.n_rows; row += n_rows) {
        if (p.factors) {
            tile<n_rows, n_registers, n_parts, bytes, true>(p, row, column);
        } else {
            tile<n_rows, n_registers, n_parts, bytes, false>(p, row, column);
        }
    }
}

// One register of columns of so few inputs that the registers hold their weights; row by row, so that there
// are few addresses: the sums of several rows are computed side by side all the same.
template <int n_in, int bytes, bool with_factors, typename T>
GNNCV_INLINE void column_of_held_weights(const RowsProduct<T>& given, std::int64_t column) {
    const RowsProduct<T> p = given; // a copy, which what is stored cannot change
    Lanes<T, bytes> weights[n_in];
#pragma GCC unroll 16
    for (int c = 0; c < n_in; ++c) {
        weights[c] = load_lanes<T, bytes>(p.weights + c * p.weight_stride + column);
    }
    const auto bias = p.bias ? load_lanes<T, bytes>(p.bias + column) : Lanes<T, bytes>{};
    const T* rows = p.rows;
    const T* factors = with_factors ? p.factors + column : nullptr;
    T* result = p.result + column;
    for (std::int64_t row = 0; row < p.n_rows; ++row) {
        Lanes<T, bytes> sum = bias, other{};
#pragma GCC unroll 16
        for (int c = 0; c < n_in; c += 2) {
            sum += weights[c] * rows[c];
            other += weights[c + 1] * rows[c + 1];
        }
        sum += other;
        if constexpr (with_factors) {
            sum *= load_lanes<T, bytes>(factors);
            factors += p.factor_stride;
        }
        store_lanes(result, sum);
        rows += p.row_stride;
        result += p.result_stride;
    }
}

// Tiles that fill the registers there are: 32 of 64 bytes, or 16 narrower ones.
template <int bytes, typename T>
GNNCV_INLINE void multiply_body(const RowsProduct<T>& p) {
    constexpr int width = LanesOf<T, bytes>::width;
    std::int64_t column = 0;
    if constexpr (bytes > 16) {
        for (; column + 2 * width <= p.n_columns; column += 2 * width) {
            column_of_tiles<bytes == 64 ? 8 : 6, 2, 1, bytes>(p, column);
        }
    }
    for (; column < p.n_columns; column += width) {
        if constexpr (bytes > 16) {
            column_of_tiles<bytes == 64 ? 8 : 6, 1, 2, bytes>(p, column);
        } else {
            column_of_tiles<8, 1, 1, bytes>(p, column);
        }
    }
}

// Of `held_inputs` inputs, where the registers hold their weights; a function of its own, in which the
// compiler finds registers for the addresses, too.
inline constexpr std::int64_t held_inputs = 16;
template <int bytes, typename T>
GNNCV_INLINE void multiply_held_body(const RowsProduct<T>& p) {
    if constexpr (bytes < 64 || sizeof(T) > sizeof(float)) {
        multiply_body<bytes>(p);
    } else {
        for (std::int64_t column = 0; column < p.n_columns; column += LanesOf<T, bytes>::width) {
            if (p.factors) {
                column_of_held_weights<held_inputs, bytes, true>(p, column);
            } else {
                column_of_held_weights<held_inputs, bytes, false>(p, column);
            }
        }
    }
}

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void multiply(const RowsProduct<T>& product) {                                                 \
        multiply_body<bytes>(product);                                                                       \
    }                                                                                                        \
    attribute void multiply_held(const RowsProduct<T>& product) {                                            \
        multiply_held_body<bytes>(product);                                                                  \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, float)                                                               \
    GNNCV_INSTANCE_OF(attribute, bytes, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

template <typename T>
void multiply_rows(const RowsProduct<T>& product) {
    if (product.n_in == held_inputs) {
        multiply_held(product);
    } else {
        multiply(product);
    }
}
template void multiply_rows(const RowsProduct<float>&);
template void multiply_rows(const RowsProduct<double>&);

} // namespace gnncv::kernels
