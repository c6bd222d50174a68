// Products with a Jacobian in compressed rows whose entries are blocks of three: one for each atom that a
// row depends on. See python/gnncv/jacobian/products.py for the definitions.
#pragma once

#include <cstdint>

namespace gnncv::kernels {

// The pattern that all frames share: row d depends on atoms[row_ptr[d] .. row_ptr[d + 1]).
struct BlockRows {
    const std::int64_t* row_ptr; // (n_rows + 1)
    const std::int64_t* atoms;   // (n_entries)
    std::int64_t n_rows, n_atoms;

    [[nodiscard]] std::int64_t n_entries() const { return row_ptr[n_rows]; }
};

// One frame: blocks (n_entries, 3), v (n_rows, n_outputs) -> w (n_atoms, 3, n_outputs).
template <typename T>
void transpose_product_kernel(const BlockRows& rows, const T* blocks, const T* v, std::int64_t n_outputs,
                              T* w);

// One frame: blocks (n_entries, 3), w (n_atoms, 3, n_outputs) -> v (n_rows, n_outputs).
template <typename T>
void product_kernel(const BlockRows& rows, const T* blocks, const T* w, std::int64_t n_outputs, T* v);

// One frame: v (n_rows, n_outputs), w (n_atoms, 3, n_outputs) -> blocks (n_entries, 3), summed over outputs.
template <typename T>
void entry_product_kernel(const BlockRows& rows, const T* v, const T* w, std::int64_t n_outputs, T* blocks);

} // namespace gnncv::kernels
