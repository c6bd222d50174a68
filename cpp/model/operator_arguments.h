// What the operators check of their arguments, and how they reach the kernels. For the operators_*.cpp
// beside it.
#pragma once

#include "kernels/pair_rows.h"

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

namespace gnncv {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <typename F>
void with_precision(const char* op, const Tensor& tensor, const F& f) {
    if (tensor.scalar_type() == at::kFloat) {
        f(float{});
    } else {
        TORCH_CHECK_TYPE(tensor.scalar_type() == at::kDouble, "gnncv::", op,
                         ": expected float32 or float64, got ", tensor.scalar_type());
        f(double{});
    }
}

inline void refuse_second_derivatives(const char* op) {
    TORCH_CHECK_NOT_IMPLEMENTED(!at::GradMode::is_enabled(), "gnncv::", op,
                                " has first derivatives only: call backward without create_graph, or use "
                                "gnncv.nn.reference, which can be differentiated any number of times");
}

// No output was differentiated: where gradients are not materialized, there is nothing to do then.
inline bool none_defined(const variable_list& gradients) {
    return std::none_of(gradients.begin(), gradients.end(), [](const Tensor& g) { return g.defined(); });
}

inline void check_matrix(const char* op, const char* name, const Tensor& tensor, int64_t rows,
                         const Tensor& like) {
    TORCH_CHECK_VALUE(tensor.dim() == 2 && tensor.size(0) == rows, "gnncv::", op, ": ", name, " must have ",
                      rows, " rows and two dimensions, got shape ", tensor.sizes());
    TORCH_CHECK_TYPE(tensor.scalar_type() == like.scalar_type(), "gnncv::", op, ": ", name, " is ",
                     tensor.scalar_type(), ", expected ", like.scalar_type());
}

inline void check_vectors(const char* op, const Tensor& vectors) {
    TORCH_CHECK_VALUE(vectors.dim() == 2 && vectors.size(1) == 3, "gnncv::", op,
                      ": vectors must have shape (P, 3), got ", vectors.sizes());
}

// The kernels' neighbors are int32: a list of half the size, and no system has more atoms.
inline Tensor narrow(const char* op, const Tensor& neighbor) {
    TORCH_CHECK_TYPE(neighbor.scalar_type() == at::kLong || neighbor.scalar_type() == at::kInt, "gnncv::", op,
                     ": neighbor must be int32 or int64, got ", neighbor.scalar_type());
    return neighbor.to(at::kInt).contiguous();
}

// Pairs as the kernels want them; the tensors stay the owners. `neighbor` (int32) and `half_begin` may be
// undefined.
inline kernels::PairRows pair_rows(const char* op, const Tensor& neighbor, const Tensor& row_ptr,
                                   int64_t n_pairs, const Tensor& half_begin = Tensor()) {
    TORCH_CHECK_VALUE(row_ptr.dim() == 1 && row_ptr.size(0) >= 1, "gnncv::", op,
                      ": row_ptr must have shape (N + 1,), got ", row_ptr.sizes());
    TORCH_CHECK_TYPE(row_ptr.scalar_type() == at::kLong, "gnncv::", op, ": row_ptr must be int64, got ",
                     row_ptr.scalar_type());
    TORCH_CHECK_VALUE(!neighbor.defined() || (neighbor.dim() == 1 && neighbor.size(0) == n_pairs),
                      "gnncv::", op, ": neighbor must have shape (", n_pairs, ",)");
    kernels::PairRows rows{neighbor.defined() ? neighbor.const_data_ptr<int32_t>() : nullptr,
                           row_ptr.const_data_ptr<int64_t>(), row_ptr.size(0) - 1};
    if (half_begin.defined()) {
        TORCH_CHECK_VALUE(half_begin.dim() == 1 && half_begin.size(0) == rows.n_centers &&
                              half_begin.scalar_type() == at::kLong && half_begin.is_contiguous(),
                          "gnncv::", op, ": half_begin must be int64, contiguous and of shape (",
                          rows.n_centers, ",), got ", half_begin.scalar_type(), " of shape ",
                          half_begin.sizes());
        TORCH_CHECK_NOT_IMPLEMENTED(row_ptr.is_cpu() && half_begin.is_cpu(), "gnncv::", op,
                                    " takes half lists on the CPU only: leave half_begin out and give "
                                    "both directions of every bond");
        rows.half_begin = half_begin.const_data_ptr<int64_t>();
    }
    if (row_ptr.is_cpu()) { // to look at what a GPU holds would wait for it: it is trusted
        const std::string wrong = kernels::rows_error(rows, n_pairs);
        TORCH_CHECK_VALUE(wrong.empty(), "gnncv::", op, ": ", wrong);
    }
    return rows;
}

// As many as threads, but none too small to be worth waking one for.
inline int64_t number_of_shares(int64_t n_centers) {
    constexpr int64_t fewest_centers = 64;
    return std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), n_centers / fewest_centers));
}

// f(begin, end) for equal shares of the sites, one a thread, where the sites do not know of each other.
template <typename F>
void for_sites(int64_t n_sites, const F& f) {
    const int64_t n_shares = number_of_shares(n_sites);
    at::parallel_for(0, n_shares, 1, [&](int64_t begin, int64_t end) {
        for (int64_t share = begin; share < end; ++share) {
            f(n_sites * share / n_shares, n_sites * (share + 1) / n_shares);
        }
    });
}

// f(share, pairs) for equal shares of the centers, one a thread of libtorch's; the shares do not depend on
// timing.
template <typename F>
void for_shares(const kernels::PairRows& pairs, const F& f) {
    const int64_t n_shares = number_of_shares(pairs.n_centers);
    at::parallel_for(0, n_shares, 1, [&](int64_t begin, int64_t end) {
        for (int64_t share = begin; share < end; ++share) {
            f(share,
              pairs.part(pairs.n_centers * share / n_shares, pairs.n_centers * (share + 1) / n_shares));
        }
    });
}

} // namespace gnncv
