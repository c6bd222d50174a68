// The products with sparse Jacobians for devices without a kernel of their own, CUDA first: operations of
// torch, with sums over sorted segments in place of atomic additions.
#include "model/jacobian_arguments.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/segment_reduce.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

namespace gnncv {
namespace {

// Sums over segments of the second dimension of terms (F, E, M).
Tensor segment_sum(const Tensor& terms, const Tensor& offsets) {
    const int64_t n_segments = offsets.size(0) - 1;
    if (terms.numel() == 0) {
        return at::zeros({terms.size(0), n_segments, terms.size(2)}, terms.options());
    }
    return at::segment_reduce(terms.contiguous(), "sum", {}, {},
                              offsets.expand({terms.size(0), -1}).contiguous(), 1, true, 0);
}

Tensor chosen(const Tensor& blocks, const Frames& frames) {
    return frames ? blocks.index_select(0, *frames) : blocks;
}

Tensor transpose_product(const Tensor& blocks, const Tensor& v, at::TensorList pattern,
                         const Frames& frames) {
    check_transpose(blocks, v, pattern, frames);
    const Tensor slopes = v.index_select(1, pattern[rows].index_select(0, pattern[by_atom]));
    const Tensor sorted = chosen(blocks, frames).index_select(1, pattern[by_atom]);
    return segment_sum(sorted.unsqueeze(3).mul(slopes.unsqueeze(2)).flatten(2), pattern[atom_ptr])
        .reshape({v.size(0), n_atoms(pattern), 3, v.size(2)});
}

Tensor product(const Tensor& blocks, const Tensor& w, at::TensorList pattern, const Frames& frames) {
    check_forward(blocks, w, pattern, frames);
    const Tensor moves = w.index_select(1, pattern[atoms]);
    return segment_sum(chosen(blocks, frames).unsqueeze(3).mul(moves).sum(2), pattern[row_ptr]);
}

Tensor entry_product(const Tensor& v, const Tensor& w, at::TensorList pattern) {
    check_entry(v, w, pattern);
    return v.index_select(1, pattern[rows]).unsqueeze(2).mul(w.index_select(1, pattern[atoms])).sum(3);
}

} // namespace

TORCH_LIBRARY_IMPL(gnncv, CompositeExplicitAutograd, library) {
    library.impl("sparse_transpose_product", &transpose_product);
    library.impl("sparse_product", &product);
    library.impl("sparse_entry_product", &entry_product);
}

} // namespace gnncv
