// Sums of rows of numbers of a center's neighbors: each row is read once, and what is summed of it stays in
// registers while all neighbors go by.
#pragma once

#include "kernels/lanes.h"

#include <cstdint>

namespace gnncv::kernels {

// The rows, of n_channels numbers, of n_pairs neighbors.
template <typename T>
struct Gather {
    const T* rows;
    std::int64_t n_channels;
    const std::int32_t* neighbor;
    const T* weights;
    std::int64_t n_pairs;
};

// sum[c] = own[c] + sum_p weights[p] rows[neighbor[p]][c]
template <typename T>
void gather_rows(const Gather<T>& in, const T* own, T* sum);

// The same, and products[p] = rows[neighbor[p]] . other. There is room for a register of products beyond the
// last; `scratch` is kept between calls.
template <typename T>
void gather_rows_and_products(const Gather<T>& in, const T* own, T* sum, const T* other, T* products,
                              LaneBuffer<T>& scratch);

} // namespace gnncv::kernels
