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

template <int n_rows, int n_registers, int n_parts, int bytes, typename T>
GNNCV_INLINE void tile(const RowsProduct<T>& p, std::int64_t row, std::int64_t column) {
    constexpr int width = LanesOf<T, bytes>::width;
    const T* __restrict__ rows = p.rows + row * p.row_stride;
    const T* __restrict__ weights = p.weights + column;
    T* __restrict__ result = p.result + row * p.result_stride + column;
    Lanes<T, bytes> sums[n_parts][n_rows][n_registers]{};
    for (int s = 0; s < n_rows; ++s) {
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
    for (int s = 0; s < n_rows; ++s) {
        for (int v = 0; v < n_registers; ++v) {
            for (int part = 1; part < n_parts; ++part) {
                sums[0][s][v] += sums[part][s][v];
            }
            store_lanes(result + s * p.result_stride + v * width, sums[0][s][v]);
        }
    }
}

// All rows of one or more registers of columns.
template <int n_rows, int n_registers, int n_parts, int bytes, typename T>
GNNCV_INLINE void column_of_tiles(const RowsProduct<T>& p, std::int64_t column) {
    static_assert(row_tile % n_rows == 0);
    for (std::int64_t row = 0; row < p.n_rows; row += n_rows) {
        tile<n_rows, n_registers, n_parts, bytes>(p, row, column);
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
GNNCV_INLINE void activate_all(T* __restrict__ values, T* __restrict__ slopes, std::int64_t n) {
    constexpr int width = LanesOf<T, bytes>::width;
    for (std::int64_t k = 0; k < n; k += width) {
        const auto y = activated<kind, T>(load_lanes<T, bytes>(values + k));
        store_lanes(values + k, y.value);
        if (slopes) {
            store_lanes(slopes + k, y.slope);
        }
    }
}

template <int bytes, typename T>
GNNCV_INLINE void activate_body(Activation kind, T* values, T* slopes, std::int64_t n) {
    switch (kind) {
    case Activation::silu:
        return activate_all<Activation::silu, bytes>(values, slopes, n);
    case Activation::softplus:
        return activate_all<Activation::softplus, bytes>(values, slopes, n);
    case Activation::tanh:
        return activate_all<Activation::tanh, bytes>(values, slopes, n);
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

template <typename T>
GNNCV_INLINE void scale_body(const T* __restrict__ factors, std::int64_t n, T* __restrict__ numbers) {
    for (std::int64_t k = 0; k < n; ++k) {
        numbers[k] *= factors[k];
    }
}

template <int bytes, typename T>
GNNCV_INLINE void errors_body(const RowsErrors<T>& in, T* __restrict__ errors) {
    constexpr int width = LanesOf<T, bytes>::width;
    const T* target = in.target;
    for (std::int64_t s = 0; s < in.n_rows; ++s, target += in.n_columns) {
        const T* row = in.rows.row(s);
        Lanes<T, bytes> squares{};
        std::int64_t c = 0;
        for (; c + width <= in.n_columns; c += width) {
            const Lanes<T, bytes> error = load_lanes<T, bytes>(row + c) - load_lanes<T, bytes>(target + c);
            squares += error * error;
        }
        for (int w = 0; c + w < in.n_columns; ++w) {
            squares[w] += (row[c + w] - target[c + w]) * (row[c + w] - target[c + w]);
        }
        T sum = 0;
        for (int w = 0; w < width; ++w) {
            sum += squares[w];
        }
        errors[s] = sum / static_cast<T>(in.n_columns);
    }
}

template <typename T>
GNNCV_INLINE void errors_backward_body(const RowsErrors<T>& in, const T* __restrict__ errors_gradient,
                                       Rows<T> gradient, T* __restrict__ target_gradient) {
    const T* __restrict__ target = in.target;
    for (std::int64_t s = 0; s < in.n_rows; ++s, target += in.n_columns) {
        const T weight = T(2) * errors_gradient[s] / static_cast<T>(in.n_columns);
        const T* __restrict__ row = in.rows.row(s);
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
    attribute void activate_numbers(Activation kind, T* values, T* slopes, std::int64_t n) {                 \
        activate_body<bytes>(kind, values, slopes, n);                                                       \
    }                                                                                                        \
    attribute void copy(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {   \
        copy_body<bytes>(rows, n_rows, n_columns, result);                                                   \
    }                                                                                                        \
    attribute void scale(const T* factors, std::int64_t n, T* numbers) {                                     \
        scale_body(factors, n, numbers);                                                                     \
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
void activate(Activation kind, T* values, T* slopes, std::int64_t n) {
    activate_numbers(kind, values, slopes, n);
}
template <typename T>
void copy_rows(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {
    copy(rows, n_rows, n_columns, result);
}
template <typename T>
void scale_numbers(const T* factors, std::int64_t n, T* numbers) {
    scale(factors, n, numbers);
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
    template void activate(Activation, T*, T*, std::int64_t);                                                \
    template void copy_rows(Rows<const T>, std::int64_t, std::int64_t, Rows<T>);                             \
    template void scale_numbers(const T*, std::int64_t, T*);                                                 \
    template void rows_errors(const RowsErrors<T>&, T*);                                                     \
    template void rows_errors_backward(const RowsErrors<T>&, const T*, Rows<T>, T*);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
