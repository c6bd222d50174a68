// What the products with sparse Jacobians check of their arguments, whatever the device.
#pragma once

#include "model/operator_arguments.h"

#include <optional>

namespace gnncv {

using Frames = std::optional<Tensor>; // which frame of the blocks each frame of v or w belongs to
enum Part { row_ptr, atoms, rows, by_atom, atom_ptr, n_parts };

inline void check_pattern(const char* op, at::TensorList pattern) {
    TORCH_CHECK_VALUE(pattern.size() == n_parts, "gnncv::", op, ": pattern must have ", int(n_parts),
                      " tensors, got ", pattern.size());
    for (const Tensor& part : pattern) {
        TORCH_CHECK_VALUE(part.dim() == 1 && part.scalar_type() == at::kLong && part.is_contiguous(),
                          "gnncv::", op,
                          ": the tensors of the pattern must be contiguous int64 of one dimension");
    }
    TORCH_CHECK_VALUE(pattern[row_ptr].numel() >= 1 && pattern[atom_ptr].numel() >= 1 &&
                          pattern[rows].numel() == pattern[atoms].numel() &&
                          pattern[by_atom].numel() == pattern[atoms].numel(),
                      "gnncv::", op, ": the tensors of the pattern do not belong together");
}

inline int64_t n_rows(at::TensorList pattern) {
    return pattern[row_ptr].size(0) - 1;
}
inline int64_t n_atoms(at::TensorList pattern) {
    return pattern[atom_ptr].size(0) - 1;
}

inline void check_blocks(const char* op, const Tensor& blocks, at::TensorList pattern) {
    TORCH_CHECK_VALUE(blocks.dim() == 3 && blocks.size(1) == pattern[atoms].size(0) && blocks.size(2) == 3,
                      "gnncv::", op, ": blocks must have shape (F, ", pattern[atoms].size(0), ", 3), got ",
                      blocks.sizes());
}

inline void check_cotangent(const char* op, const Tensor& v, at::TensorList pattern) {
    TORCH_CHECK_VALUE(v.dim() == 3 && v.size(1) == n_rows(pattern), "gnncv::", op, ": v must have shape (F, ",
                      n_rows(pattern), ", K), got ", v.sizes());
}

inline void check_tangent(const char* op, const Tensor& w, at::TensorList pattern) {
    TORCH_CHECK_VALUE(w.dim() == 4 && w.size(1) == n_atoms(pattern) && w.size(2) == 3, "gnncv::", op,
                      ": w must have shape (F, ", n_atoms(pattern), ", 3, K), got ", w.sizes());
}

inline void check_same_type(const char* op, const Tensor& one, const Tensor& other) {
    TORCH_CHECK_TYPE(one.scalar_type() == other.scalar_type(), "gnncv::", op,
                     ": precisions differ: ", one.scalar_type(), " and ", other.scalar_type());
}

inline void check_frames(const char* op, const Tensor& blocks, const Tensor& vector, const Frames& frames) {
    if (!frames) {
        TORCH_CHECK_VALUE(blocks.size(0) == vector.size(0), "gnncv::", op, ": ", blocks.size(0),
                          " frames of blocks and ", vector.size(0), " of the vector");
        return;
    }
    TORCH_CHECK_VALUE(frames->dim() == 1 && frames->scalar_type() == at::kLong &&
                          frames->size(0) == vector.size(0),
                      "gnncv::", op, ": frames must be int64 of shape (", vector.size(0), ",)");
}

struct ProductNames {
    static constexpr const char* transpose = "sparse_transpose_product";
    static constexpr const char* forward = "sparse_product";
    static constexpr const char* entry = "sparse_entry_product";
};

inline void check_transpose(const Tensor& blocks, const Tensor& v, at::TensorList pattern,
                            const Frames& frames) {
    check_pattern(ProductNames::transpose, pattern);
    check_blocks(ProductNames::transpose, blocks, pattern);
    check_cotangent(ProductNames::transpose, v, pattern);
    check_same_type(ProductNames::transpose, blocks, v);
    check_frames(ProductNames::transpose, blocks, v, frames);
}

inline void check_forward(const Tensor& blocks, const Tensor& w, at::TensorList pattern,
                          const Frames& frames) {
    check_pattern(ProductNames::forward, pattern);
    check_blocks(ProductNames::forward, blocks, pattern);
    check_tangent(ProductNames::forward, w, pattern);
    check_same_type(ProductNames::forward, blocks, w);
    check_frames(ProductNames::forward, blocks, w, frames);
}

inline void check_entry(const Tensor& v, const Tensor& w, at::TensorList pattern) {
    check_pattern(ProductNames::entry, pattern);
    check_cotangent(ProductNames::entry, v, pattern);
    check_tangent(ProductNames::entry, w, pattern);
    check_same_type(ProductNames::entry, v, w);
    TORCH_CHECK_VALUE(v.size(0) == w.size(0) && v.size(2) == w.size(3), "gnncv::", ProductNames::entry,
                      ": v ", v.sizes(), " and w ", w.sizes(), " differ in frames or outputs");
}

} // namespace gnncv
