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

template <Activation kind, int bytes, typename T>
GNNCV_INLINE void activate_all(Rows<T> values, Rows<T> slopes, std::int64_t n_rows, std::int64_t n_columns) {
    constexpr int width = LanesOf<T, bytes>::width;
    for (std::int64_t s = 0; s < n_rows; ++s) {
        T* const __restrict__ row = values.row(s);
        T* const __restrict__ of_slopes = slopes.data ? slopes.row(s) : nullptr;
        for (std::int64_t c = 0; c < n_columns; c += width) {
            const auto y = activated<kind, T>(load_lanes<T, bytes>(row + c));
            store_lanes(row + c, y.value);
            if (of_slopes) {
                store_lanes(of_slopes + c, y.slope);
            }
        }
    }
}

template <int bytes, typename T>
GNNCV_INLINE void activate_body(Activation kind, Rows<T> values, Rows<T> slopes, std::int64_t n_rows,
                                std::int64_t n_columns) {
    switch (kind) {
    case Activation::silu:
        return activate_all<Activation::silu, bytes>(values, slopes, n_rows, n_columns);
    case Activation::softplus:
        return activate_all<Activation::softplus, bytes>(values, slopes, n_rows, n_columns);
    case Activation::tanh:
        return activate_all<Activation::tanh, bytes>(values, slopes, n_rows, n_columns);
    }
}

// Whole registers, the last of them shifted back over what is there already; narrower ones for short rows.
template <int bytes, typename T>
GNNCV_INLINE void copy_row(const T* from, std::int64_t n, T* to) {
    constexpr int width = LanesOf<T, bytes>::width;
    if (n >= width) {
        for (std::int64_t c = 0; c + width < n; c += width) {
            store_lanes(to + c, load_lanes<T, bytes>(from + c));
        }
        store_lanes(to + n - width, load_lanes<T, bytes>(from + n - width));
    } else if constexpr (bytes > 16) {
        copy_row<bytes / 2>(from, n, to);
    } else {
        for (std::int64_t c = 0; c < n; ++c) {
            to[c] = from[c];
        }
    }
}

template <int bytes, typename T>
GNNCV_INLINE void copy_body(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {
    for (std::int64_t s = 0; s < n_rows; ++s) {
        copy_row<bytes>(rows.row(s), n_columns, result.row(s));
    }
}

template <int bytes, typename T>
GNNCV_INLINE void add_body(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {
    constexpr int width = LanesOf<T, bytes>::width;
    for (std::int64_t s = 0; s < n_rows; ++s) {
        const T* from = rows.row(s);
        T* to = result.row(s);
        std::int64_t c = 0;
        for (; c + width <= n_columns; c += width) {
            store_lanes(to + c, load_lanes<T, bytes>(to + c) + load_lanes<T, bytes>(from + c));
        }
        for (; c < n_columns; ++c) {
            to[c] += from[c];
        }
    }
}

template <int bytes, typename T>
GNNCV_INLINE void errors_body(const RowsErrors<T>& in, T* __restrict__ errors) {
    constexpr int width = LanesOf<T, bytes>::width;
    for (std::int64_t s = 0; s < in.n_rows; ++s) {
        const T *row = in.rows.row(s), *target = in.target.row(s);
        Lanes<T, bytes> squares{};
        std::int64_t c = 0;
        for (; c + width <= in.n_columns; c += width) {
            const Lanes<T, bytes> error = load_lanes<T, bytes>(row + c) - load_lanes<T, bytes>(target + c);
            squares += error * error;
        }
        T sum = 0;
        for (int w = 0; c > 0 && w < width; ++w) {
            sum += squares[w];
        }
        for (; c < in.n_columns; ++c) {
            sum += (row[c] - target[c]) * (row[c] - target[c]);
        }
        errors[s] = sum / static_cast<T>(in.n_columns);
    }
}

template <typename T>
GNNCV_INLINE void errors_backward_body(const RowsErrors<T>& in, const T* __restrict__ errors_gradient,
                                       Rows<T> gradient, T* __restrict__ target_gradient) {
    for (std::int64_t s = 0; s < in.n_rows; ++s) {
        const T weight = T(2) * errors_gradient[s] / static_cast<T>(in.n_columns);
        const T* __restrict__ row = in.rows.row(s);
        const T* __restrict__ target = in.target.row(s);
        T* __restrict__ result = gradient.row(s);
        for (std::int64_t c = 0; c < in.n_columns; ++c) {
            result[c] = weight * (row[c] - target[c]);
        }
        if (target_gradient) {
            for (std::int64_t c = 0; c < in.n_columns; ++c) {
                target_gradient[c] = -result[c];
            }
            target_gradient += in.n_columns;
        }
    }
}

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void multiply(const RowsProduct<T>& product) {                                                 \
        multiply_body<bytes>(product);                                                                       \
    }                                                                                                        \
    attribute void activate_rows(Activation kind, Rows<T> values, Rows<T> slopes, std::int64_t n_rows,       \
                                 std::int64_t n_columns) {                                                   \
        activate_body<bytes>(kind, values, slopes, n_rows, n_columns);                                       \
    }                                                                                                        \
    attribute void copy(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {   \
        copy_body<bytes>(rows, n_rows, n_columns, result);                                                   \
    }                                                                                                        \
    attribute void add(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {    \
        add_body<bytes>(rows, n_rows, n_columns, result);                                                    \
    }                                                                                                        \
    attribute void errors_of(const RowsErrors<T>& input, T* errors) {                                        \
        errors_body<bytes>(input, errors);                                                                   \
    }                                                                                                        \
    attribute void errors_backward(const RowsErrors<T>& input, const T* errors_gradient, Rows<T> gradient,   \
                                   T* target_gradient) {                                                     \
        errors_backward_body(input, errors_gradient, gradient, target_gradient);                             \
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
    multiply(product);
}
template <typename T>
void activate(Activation kind, Rows<T> values, Rows<T> slopes, std::int64_t n_rows, std::int64_t n_columns) {
    activate_rows(kind, values, slopes, n_rows, n_columns);
}
template <typename T>
void copy_rows(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {
    copy(rows, n_rows, n_columns, result);
}
template <typename T>
void add_rows(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {
    add(rows, n_rows, n_columns, result);
}
template <typename T>
void rows_errors(const RowsErrors<T>& input, T* errors) {
    errors_of(input, errors);
}
template <typename T>
void rows_errors_backward(const RowsErrors<T>& input, const T* errors_gradient, Rows<T> gradient,
                          T* target_gradient) {
    errors_backward(input, errors_gradient, gradient, target_gradient);
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void multiply_rows(const RowsProduct<T>&);                                                      \
    template void activate(Activation, Rows<T>, Rows<T>, std::int64_t, std::int64_t);                        \
    template void copy_rows(Rows<const T>, std::int64_t, std::int64_t, Rows<T>);                             \
    template void add_rows(Rows<const T>, std::int64_t, std::int64_t, Rows<T>);                              \
    template void rows_errors(const RowsErrors<T>&, T*);                                                     \
    template void rows_errors_backward(const RowsErrors<T>&, const T*, Rows<T>, T*);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
