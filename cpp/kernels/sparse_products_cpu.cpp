// Row by row through one frame: the blocks, which are most of the memory, are read or written once, in order.
#include "kernels/sparse_products.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

// One output: three numbers an entry.
template <typename T>
void transpose_one(const BlockRows& rows, const T* __restrict__ blocks, const T* __restrict__ v,
                   T* __restrict__ w) {
    for (std::int64_t d = 0; d < rows.n_rows; ++d) {
        const T slope = v[d];
        for (std::int64_t e = rows.row_ptr[d]; e < rows.row_ptr[d + 1]; ++e) {
            T* const at = w + 3 * rows.atoms[e];
            at[0] += slope * blocks[3 * e];
            at[1] += slope * blocks[3 * e + 1];
            at[2] += slope * blocks[3 * e + 2];
        }
    }
}

template <typename T>
void product_one(const BlockRows& rows, const T* __restrict__ blocks, const T* __restrict__ w,
                 T* __restrict__ v) {
    for (std::int64_t d = 0; d < rows.n_rows; ++d) {
        T x(0), y(0), z(0);
        for (std::int64_t e = rows.row_ptr[d]; e < rows.row_ptr[d + 1]; ++e) {
            const T* const at = w + 3 * rows.atoms[e];
            x += at[0] * blocks[3 * e];
            y += at[1] * blocks[3 * e + 1];
            z += at[2] * blocks[3 * e + 2];
        }
        v[d] = x + y + z;
    }
}

} // namespace

template <typename T>
void transpose_product_kernel(const BlockRows& rows, const T* blocks, const T* v, std::int64_t n_outputs,
                              T* w) {
    std::fill_n(w, 3 * rows.n_atoms * n_outputs, T(0));
    if (n_outputs == 1) {
        transpose_one(rows, blocks, v, w);
        return;
    }
    for (std::int64_t d = 0; d < rows.n_rows; ++d) {
        const T* const slope = v + d * n_outputs;
        for (std::int64_t e = rows.row_ptr[d]; e < rows.row_ptr[d + 1]; ++e) {
            for (std::int64_t x = 0; x < 3; ++x) {
                T* const at = w + (3 * rows.atoms[e] + x) * n_outputs;
                const T block = blocks[3 * e + x];
                for (std::int64_t k = 0; k < n_outputs; ++k) {
                    at[k] += slope[k] * block;
                }
            }
        }
    }
}

template <typename T>
void product_kernel(const BlockRows& rows, const T* blocks, const T* w, std::int64_t n_outputs, T* v) {
    if (n_outputs == 1) {
        product_one(rows, blocks, w, v);
        return;
    }
    std::fill_n(v, rows.n_rows * n_outputs, T(0));
    for (std::int64_t d = 0; d < rows.n_rows; ++d) {
        T* const sum = v + d * n_outputs;
        for (std::int64_t e = rows.row_ptr[d]; e < rows.row_ptr[d + 1]; ++e) {
            for (std::int64_t x = 0; x < 3; ++x) {
                const T* const at = w + (3 * rows.atoms[e] + x) * n_outputs;
                const T block = blocks[3 * e + x];
                for (std::int64_t k = 0; k < n_outputs; ++k) {
                    sum[k] += at[k] * block;
                }
            }
        }
    }
}

template <typename T>
void entry_product_kernel(const BlockRows& rows, const T* v, const T* w, std::int64_t n_outputs, T* blocks) {
    for (std::int64_t d = 0; d < rows.n_rows; ++d) {
        const T* const slope = v + d * n_outputs;
        for (std::int64_t e = rows.row_ptr[d]; e < rows.row_ptr[d + 1]; ++e) {
            for (std::int64_t x = 0; x < 3; ++x) {
                const T* const at = w + (3 * rows.atoms[e] + x) * n_outputs;
                T sum(0);
                for (std::int64_t k = 0; k < n_outputs; ++k) {
                    sum += at[k] * slope[k];
                }
                blocks[3 * e + x] = sum;
            }
        }
    }
}

template void transpose_product_kernel(const BlockRows&, const float*, const float*, std::int64_t, float*);
template void transpose_product_kernel(const BlockRows&, const double*, const double*, std::int64_t, double*);
template void product_kernel(const BlockRows&, const float*, const float*, std::int64_t, float*);
template void product_kernel(const BlockRows&, const double*, const double*, std::int64_t, double*);
template void entry_product_kernel(const BlockRows&, const float*, const float*, std::int64_t, float*);
template void entry_product_kernel(const BlockRows&, const double*, const double*, std::int64_t, double*);

} // namespace gnncv::kernels
