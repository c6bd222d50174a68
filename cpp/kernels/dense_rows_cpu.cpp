// Row by row; see dense_products_cpu.cpp for the products.
#include "kernels/dense_rows.h"

namespace gnncv::kernels {
namespace {

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
GNNCV_INLINE void select_body(Rows<const T> rows, const std::int64_t* index, std::int64_t n_rows,
                              std::int64_t n_columns, Rows<T> result) {
    for (std::int64_t s = 0; s < n_rows; ++s) {
        copy_row<bytes>(rows.row(index[s]), n_columns, result.row(s));
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
    attribute void activate_rows(Activation kind, Rows<T> values, Rows<T> slopes, std::int64_t n_rows,       \
                                 std::int64_t n_columns) {                                                   \
        activate_body<bytes>(kind, values, slopes, n_rows, n_columns);                                       \
    }                                                                                                        \
    attribute void copy(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {   \
        copy_body<bytes>(rows, n_rows, n_columns, result);                                                   \
    }                                                                                                        \
    attribute void select(Rows<const T> rows, const std::int64_t* index, std::int64_t n_rows,                \
                          std::int64_t n_columns, Rows<T> result) {                                          \
        select_body<bytes>(rows, index, n_rows, n_columns, result);                                          \
    }                                                                                                        \
    attribute void add(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {    \
        add_body<bytes>(rows, n_rows, n_columns, result);                                                    \
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
void activate(Activation kind, Rows<T> values, Rows<T> slopes, std::int64_t n_rows, std::int64_t n_columns) {
    activate_rows(kind, values, slopes, n_rows, n_columns);
}
template <typename T>
void copy_rows(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {
    copy(rows, n_rows, n_columns, result);
}
template <typename T>
void select_rows(Rows<const T> rows, const std::int64_t* index, std::int64_t n_rows, std::int64_t n_columns,
                 Rows<T> result) {
    select(rows, index, n_rows, n_columns, result);
}
template <typename T>
void add_rows(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result) {
    add(rows, n_rows, n_columns, result);
}
template <typename T>
void rows_errors_backward(const RowsErrors<T>& input, const T* errors_gradient, Rows<T> gradient,
                          T* target_gradient) {
    errors_backward(input, errors_gradient, gradient, target_gradient);
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void activate(Activation, Rows<T>, Rows<T>, std::int64_t, std::int64_t);                        \
    template void copy_rows(Rows<const T>, std::int64_t, std::int64_t, Rows<T>);                             \
    template void select_rows(Rows<const T>, const std::int64_t*, std::int64_t, std::int64_t, Rows<T>);      \
    template void add_rows(Rows<const T>, std::int64_t, std::int64_t, Rows<T>);                              \
    template void rows_errors_backward(const RowsErrors<T>&, const T*, Rows<T>, T*);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
