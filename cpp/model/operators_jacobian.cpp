// torch.ops.gnncv: sparse_transpose_product, sparse_product, sparse_entry_product, the three contractions of
//     sum_e blocks[e] . w[atom of e] v[row of e]
// of which each is the derivative of the others, so that derivatives of any order exist. `pattern` holds
// row_ptr, atoms, rows of the entries, the entries sorted by atom, and where each atom begins among those.
#include "kernels/sparse_products.h"
#include "model/operator_arguments.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/segment_reduce.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <optional>

namespace gnncv {
namespace {

using Frames = std::optional<Tensor>; // which frame of the blocks each frame of v or w belongs to
enum Part { row_ptr, atoms, rows, by_atom, atom_ptr, n_parts };

void check_pattern(const char* op, at::TensorList pattern) {
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

int64_t n_rows(at::TensorList pattern) {
    return pattern[row_ptr].size(0) - 1;
}
int64_t n_atoms(at::TensorList pattern) {
    return pattern[atom_ptr].size(0) - 1;
}

void check_blocks(const char* op, const Tensor& blocks, at::TensorList pattern) {
    TORCH_CHECK_VALUE(blocks.dim() == 3 && blocks.size(1) == pattern[atoms].size(0) && blocks.size(2) == 3,
                      "gnncv::", op, ": blocks must have shape (F, ", pattern[atoms].size(0), ", 3), got ",
                      blocks.sizes());
}

void check_cotangent(const char* op, const Tensor& v, at::TensorList pattern) {
    TORCH_CHECK_VALUE(v.dim() == 3 && v.size(1) == n_rows(pattern), "gnncv::", op, ": v must have shape (F, ",
                      n_rows(pattern), ", K), got ", v.sizes());
}

void check_tangent(const char* op, const Tensor& w, at::TensorList pattern) {
    TORCH_CHECK_VALUE(w.dim() == 4 && w.size(1) == n_atoms(pattern) && w.size(2) == 3, "gnncv::", op,
                      ": w must have shape (F, ", n_atoms(pattern), ", 3, K), got ", w.sizes());
}

void check_same_type(const char* op, const Tensor& one, const Tensor& other) {
    TORCH_CHECK_TYPE(one.scalar_type() == other.scalar_type(), "gnncv::", op,
                     ": precisions differ: ", one.scalar_type(), " and ", other.scalar_type());
}

void check_frames(const char* op, const Tensor& blocks, const Tensor& vector, const Frames& frames) {
    if (!frames) {
        TORCH_CHECK_VALUE(blocks.size(0) == vector.size(0), "gnncv::", op, ": ", blocks.size(0),
                          " frames of blocks and ", vector.size(0), " of the vector");
        return;
    }
    TORCH_CHECK_VALUE(frames->dim() == 1 && frames->scalar_type() == at::kLong &&
                          frames->size(0) == vector.size(0),
                      "gnncv::", op, ": frames must be int64 of shape (", vector.size(0), ",)");
}

// f(frame of the vector, frame of the blocks) for all frames, divided between threads.
template <typename F>
void for_frames(const char* op, int64_t n_frames, int64_t n_blocks, const Frames& frames, const F& f) {
    const Tensor chosen = frames ? frames->contiguous() : Tensor();
    const int64_t* const at = frames ? chosen.const_data_ptr<int64_t>() : nullptr;
    for (int64_t i = 0; at != nullptr && i < n_frames; ++i) {
        TORCH_CHECK_INDEX(at[i] >= 0 && at[i] < n_blocks, "gnncv::", op, ": frame ", at[i], " of ", n_blocks);
    }
    at::parallel_for(0, n_frames, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            f(i, at == nullptr ? i : at[i]);
        }
    });
}

kernels::BlockRows block_rows(at::TensorList pattern) {
    return {pattern[row_ptr].const_data_ptr<int64_t>(), pattern[atoms].const_data_ptr<int64_t>(),
            n_rows(pattern), n_atoms(pattern)};
}

// Sums over segments of the second dimension of terms (F, E, M), for devices without a kernel of their own.
Tensor segment_sum(const Tensor& terms, const Tensor& offsets) {
    const int64_t n_segments = offsets.size(0) - 1;
    if (terms.numel() == 0) {
        return at::zeros({terms.size(0), n_segments, terms.size(2)}, terms.options());
    }
    return at::segment_reduce(terms.contiguous(), "sum", {}, {},
                              offsets.expand({terms.size(0), -1}).contiguous(), 1, true, 0);
}

Tensor chosen_blocks(const Tensor& blocks, const Frames& frames) {
    return frames ? blocks.index_select(0, *frames) : blocks;
}

// --- sparse_transpose_product

constexpr const char* transpose_name = "sparse_transpose_product";

Tensor transpose_product(const Tensor& blocks, const Tensor& v, at::TensorList pattern,
                         const Frames& frames) {
    check_pattern(transpose_name, pattern);
    check_blocks(transpose_name, blocks, pattern);
    check_cotangent(transpose_name, v, pattern);
    check_same_type(transpose_name, blocks, v);
    check_frames(transpose_name, blocks, v, frames);
    const int64_t n_frames = v.size(0), n_outputs = v.size(2);
    if (!v.is_cpu()) {
        const Tensor terms =
            chosen_blocks(blocks, frames)
                .index_select(1, pattern[by_atom])
                .unsqueeze(3)
                .mul(v.index_select(1, pattern[rows].index_select(0, pattern[by_atom])).unsqueeze(2));
        return segment_sum(terms.flatten(2), pattern[atom_ptr])
            .reshape({n_frames, n_atoms(pattern), 3, n_outputs});
    }
    const Tensor b = blocks.contiguous(), cotangent = v.contiguous();
    Tensor result = at::empty({n_frames, n_atoms(pattern), 3, n_outputs}, v.options());
    const kernels::BlockRows block = block_rows(pattern);
    with_precision(transpose_name, v, [&](auto zero) {
        using T = decltype(zero);
        const T *const from = b.const_data_ptr<T>(), *const slopes = cotangent.const_data_ptr<T>();
        T* const to = result.mutable_data_ptr<T>();
        for_frames(transpose_name, n_frames, b.size(0), frames, [&](int64_t i, int64_t frame) {
            kernels::transpose_product_kernel<T>(block, from + frame * block.n_entries() * 3,
                                                 slopes + i * block.n_rows * n_outputs, n_outputs,
                                                 to + i * block.n_atoms * 3 * n_outputs);
        });
    });
    return result;
}

// --- sparse_product

constexpr const char* product_name = "sparse_product";

Tensor product(const Tensor& blocks, const Tensor& w, at::TensorList pattern, const Frames& frames) {
    check_pattern(product_name, pattern);
    check_blocks(product_name, blocks, pattern);
    check_tangent(product_name, w, pattern);
    check_same_type(product_name, blocks, w);
    check_frames(product_name, blocks, w, frames);
    const int64_t n_frames = w.size(0), n_outputs = w.size(3);
    if (!w.is_cpu()) {
        const Tensor terms =
            chosen_blocks(blocks, frames).unsqueeze(3).mul(w.index_select(1, pattern[atoms]));
        return segment_sum(terms.sum(2), pattern[row_ptr]);
    }
    const Tensor b = blocks.contiguous(), tangent = w.contiguous();
    Tensor result = at::empty({n_frames, n_rows(pattern), n_outputs}, w.options());
    const kernels::BlockRows block = block_rows(pattern);
    with_precision(product_name, w, [&](auto zero) {
        using T = decltype(zero);
        const T *const from = b.const_data_ptr<T>(), *const moves = tangent.const_data_ptr<T>();
        T* const to = result.mutable_data_ptr<T>();
        for_frames(product_name, n_frames, b.size(0), frames, [&](int64_t i, int64_t frame) {
            kernels::product_kernel<T>(block, from + frame * block.n_entries() * 3,
                                       moves + i * block.n_atoms * 3 * n_outputs, n_outputs,
                                       to + i * block.n_rows * n_outputs);
        });
    });
    return result;
}

// --- sparse_entry_product

constexpr const char* entry_name = "sparse_entry_product";

Tensor entry_product(const Tensor& v, const Tensor& w, at::TensorList pattern) {
    check_pattern(entry_name, pattern);
    check_cotangent(entry_name, v, pattern);
    check_tangent(entry_name, w, pattern);
    check_same_type(entry_name, v, w);
    TORCH_CHECK_VALUE(v.size(0) == w.size(0) && v.size(2) == w.size(3), "gnncv::", entry_name, ": v ",
                      v.sizes(), " and w ", w.sizes(), " differ in frames or outputs");
    if (!v.is_cpu()) {
        return v.index_select(1, pattern[rows]).unsqueeze(2).mul(w.index_select(1, pattern[atoms])).sum(3);
    }
    const int64_t n_frames = v.size(0), n_outputs = v.size(2);
    const Tensor cotangent = v.contiguous(), tangent = w.contiguous();
    Tensor result = at::empty({n_frames, pattern[atoms].size(0), 3}, v.options());
    const kernels::BlockRows block = block_rows(pattern);
    with_precision(entry_name, v, [&](auto zero) {
        using T = decltype(zero);
        const T *const slopes = cotangent.const_data_ptr<T>(), *const moves = tangent.const_data_ptr<T>();
        T* const to = result.mutable_data_ptr<T>();
        for_frames(entry_name, n_frames, n_frames, std::nullopt, [&](int64_t i, int64_t) {
            kernels::entry_product_kernel<T>(block, slopes + i * block.n_rows * n_outputs,
                                             moves + i * block.n_atoms * 3 * n_outputs, n_outputs,
                                             to + i * block.n_entries() * 3);
        });
    });
    return result;
}

// --- autograd

Tensor call_transpose(const Tensor& blocks, const Tensor& v, at::TensorList pattern, const Frames& frames) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("gnncv::sparse_transpose_product", "")
                               .typed<decltype(transpose_product)>();
    return op.call(blocks, v, pattern, frames);
}

Tensor call_product(const Tensor& blocks, const Tensor& w, at::TensorList pattern, const Frames& frames) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("gnncv::sparse_product", "")
                               .typed<decltype(product)>();
    return op.call(blocks, w, pattern, frames);
}

Tensor call_entry(const Tensor& v, const Tensor& w, at::TensorList pattern) {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow("gnncv::sparse_entry_product", "")
                               .typed<decltype(entry_product)>();
    return op.call(v, w, pattern);
}

void save(AutogradContext* context, const Tensor& one, const Tensor& other, at::TensorList pattern,
          const Frames& frames) {
    variable_list all{one, other};
    all.insert(all.end(), pattern.begin(), pattern.end());
    all.push_back(frames ? *frames : Tensor());
    context->save_for_backward(all);
}

struct Saved {
    Tensor one, other;
    variable_list pattern;
    Frames frames;

    explicit Saved(AutogradContext* context) {
        const variable_list all = context->get_saved_variables();
        one = all[0];
        other = all[1];
        pattern.assign(all.begin() + 2, all.end() - 1);
        if (all.back().defined()) {
            frames = all.back();
        }
    }
};

// Gradient of blocks of which some frames were used, from that of those used.
Tensor to_all_frames(const Tensor& gradient, const Frames& frames, const Tensor& blocks) {
    return frames ? at::zeros(blocks.sizes(), gradient.options()).index_add(0, *frames, gradient) : gradient;
}

struct TransposeProduct : torch::autograd::Function<TransposeProduct> {
    static Tensor forward(AutogradContext* context, const Tensor& blocks, const Tensor& v,
                          const variable_list& pattern, const Frames& frames) {
        const at::AutoDispatchBelowADInplaceOrView below;
        save(context, blocks, v, pattern, frames);
        return call_transpose(blocks, v, pattern, frames);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const Saved in(context);
        variable_list all(2 + n_parts + 1);
        if (context->needs_input_grad(0)) {
            all[0] = to_all_frames(call_entry(in.other, gradients[0], in.pattern), in.frames, in.one);
        }
        if (context->needs_input_grad(1)) {
            all[1] = call_product(in.one, gradients[0], in.pattern, in.frames);
        }
        return all;
    }
};

struct Product : torch::autograd::Function<Product> {
    static Tensor forward(AutogradContext* context, const Tensor& blocks, const Tensor& w,
                          const variable_list& pattern, const Frames& frames) {
        const at::AutoDispatchBelowADInplaceOrView below;
        save(context, blocks, w, pattern, frames);
        return call_product(blocks, w, pattern, frames);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const Saved in(context);
        variable_list all(2 + n_parts + 1);
        if (context->needs_input_grad(0)) {
            all[0] = to_all_frames(call_entry(gradients[0], in.other, in.pattern), in.frames, in.one);
        }
        if (context->needs_input_grad(1)) {
            all[1] = call_transpose(in.one, gradients[0], in.pattern, in.frames);
        }
        return all;
    }
};

struct EntryProduct : torch::autograd::Function<EntryProduct> {
    static Tensor forward(AutogradContext* context, const Tensor& v, const Tensor& w,
                          const variable_list& pattern) {
        const at::AutoDispatchBelowADInplaceOrView below;
        save(context, v, w, pattern, std::nullopt);
        return call_entry(v, w, pattern);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        const Saved in(context);
        variable_list all(2 + n_parts);
        if (context->needs_input_grad(0)) {
            all[0] = call_product(gradients[0], in.other, in.pattern, std::nullopt);
        }
        if (context->needs_input_grad(1)) {
            all[1] = call_transpose(gradients[0], in.one, in.pattern, std::nullopt);
        }
        return all;
    }
};

Tensor transpose_product_autograd(const Tensor& blocks, const Tensor& v, at::TensorList pattern,
                                  const Frames& frames) {
    return TransposeProduct::apply(blocks, v, pattern.vec(), frames);
}

Tensor product_autograd(const Tensor& blocks, const Tensor& w, at::TensorList pattern, const Frames& frames) {
    return Product::apply(blocks, w, pattern.vec(), frames);
}

Tensor entry_product_autograd(const Tensor& v, const Tensor& w, at::TensorList pattern) {
    return EntryProduct::apply(v, w, pattern.vec());
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def(
        "sparse_transpose_product(Tensor blocks, Tensor v, Tensor[] pattern, Tensor? frames=None) -> Tensor");
    library.def("sparse_product(Tensor blocks, Tensor w, Tensor[] pattern, Tensor? frames=None) -> Tensor");
    library.def("sparse_entry_product(Tensor v, Tensor w, Tensor[] pattern) -> Tensor");
}

TORCH_LIBRARY_IMPL(gnncv, CompositeExplicitAutograd, library) {
    library.impl("sparse_transpose_product", &transpose_product);
    library.impl("sparse_product", &product);
    library.impl("sparse_entry_product", &entry_product);
}

TORCH_LIBRARY_IMPL(gnncv, Autograd, library) {
    library.impl("sparse_transpose_product", &transpose_product_autograd);
    library.impl("sparse_product", &product_autograd);
    library.impl("sparse_entry_product", &entry_product_autograd);
}

} // namespace gnncv
