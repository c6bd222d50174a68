// Dense layers on rows of numbers that lie in the cache: what site_network.h is made of. Rows are padded to
// whole registers, so that channels lie side by side in them and no width is special.
#pragma once

#include "kernels/activation.h"

#include <cstdint>

namespace gnncv::kernels {

// Rows are computed by `row_tile` at once: there must be room for that many, and a row's length is a multiple
// of `row_padding`.
inline constexpr std::int64_t row_tile = 24;
template <typename T>
inline constexpr std::int64_t row_padding = 64 / sizeof(T);

template <typename T>
constexpr std::int64_t padded_columns(std::int64_t n) {
    return (n + row_padding<T> - 1) / row_padding<T> * row_padding<T>;
}

// Rows of numbers, `stride` from one to the next.
template <typename T>
struct Rows {
    T* data = nullptr;
    std::int64_t stride = 0;

    [[nodiscard]] T* row(std::int64_t s) const { return data + s * stride; }
};

// result[s, o] = (bias[o] + sum_c rows[s, c] weights[c, o]) factors[s, o]
template <typename T>
struct RowsProduct {
    const T* rows;
    std::int64_t row_stride;
    std::int64_t n_in;
    const T* weights;
    std::int64_t weight_stride;
    const T* bias;    // or null: zero
    const T* factors; // or null: one
    std::int64_t factor_stride;
    T* result;
    std::int64_t result_stride;
    std::int64_t n_columns; // a multiple of row_padding
    std::int64_t n_rows;    // as many are computed as fill tiles, factors read
};
template <typename T>
void multiply_rows(const RowsProduct<T>& product);

// In place, of n_columns columns, a multiple of row_padding; slopes.data may be null.
template <typename T>
void activate(Activation kind, Rows<T> values, Rows<T> slopes, std::int64_t n_rows, std::int64_t n_columns);

// result[s, c] = rows[index[s], c] of n_columns columns
template <typename T>
void select_rows(Rows<const T> rows, const std::int64_t* index, std::int64_t n_rows, std::int64_t n_columns,
                 Rows<T> result);

// result[s, c] = rows[s, c], or += rows[s, c], of n_columns columns
template <typename T>
void copy_rows(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result);
template <typename T>
void add_rows(Rows<const T> rows, std::int64_t n_rows, std::int64_t n_columns, Rows<T> result);

// Of the mean square of a row less its target, errors[s] = mean_c (rows[s, c] - target[s, c])^2, the
// gradients of the rows and, unless null, of the target (n_rows, n_columns).
template <typename T>
struct RowsErrors {
    Rows<const T> rows, target;
    std::int64_t n_rows, n_columns;
};
template <typename T>
void rows_errors_backward(const RowsErrors<T>& input, const T* errors_gradient, Rows<T> gradient,
                          T* target_gradient);

} // namespace gnncv::kernels
