// torch.ops.gnncv: sparse_transpose_product, sparse_product, sparse_entry_product, the three contractions of
//     sum_e blocks[e] . w[atom of e] v[row of e]
// of which each is the derivative of the others, so that derivatives of any order exist. `pattern` holds
// row_ptr, atoms, rows of the entries, the entries sorted by atom, and where each atom begins among those.
#include "kernels/sparse_products.h"
#include "model/jacobian_arguments.h"

#include <ATen/ops/index_add.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

namespace gnncv {
namespace {

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
    const kernels::BlockRows block{pattern[row_ptr].const_data_ptr<int64_t>(),
                                   pattern[atoms].const_data_ptr<int64_t>(), n_rows(pattern),
                                   n_atoms(pattern)};
    TORCH_CHECK_VALUE(block.row_ptr[0] == 0 && block.n_entries() == pattern[atoms].size(0),
                      "gnncv: row_ptr of the pattern ends at ", block.n_entries(), ", and there are ",
                      pattern[atoms].size(0), " entries");
    return block;
}

// --- sparse_transpose_product

Tensor transpose_product(const Tensor& blocks, const Tensor& v, at::TensorList pattern,
                         const Frames& frames) {
    check_transpose(blocks, v, pattern, frames);
    const int64_t n_frames = v.size(0), n_outputs = v.size(2);
    const Tensor b = blocks.contiguous(), cotangent = v.contiguous();
    Tensor result = at::empty({n_frames, n_atoms(pattern), 3, n_outputs}, v.options());
    const kernels::BlockRows block = block_rows(pattern);
    with_precision(ProductNames::transpose, v, [&](auto zero) {
        using T = decltype(zero);
        const T *const from = b.const_data_ptr<T>(), *const slopes = cotangent.const_data_ptr<T>();
        T* const to = result.mutable_data_ptr<T>();
        for_frames(ProductNames::transpose, n_frames, b.size(0), frames, [&](int64_t i, int64_t frame) {
            kernels::transpose_product_kernel<T>(block, from + frame * block.n_entries() * 3,
                                                 slopes + i * block.n_rows * n_outputs, n_outputs,
                                                 to + i * block.n_atoms * 3 * n_outputs);
        });
    });
    return result;
}

// --- sparse_product

Tensor product(const Tensor& blocks, const Tensor& w, at::TensorList pattern, const Frames& frames) {
    check_forward(blocks, w, pattern, frames);
    const int64_t n_frames = w.size(0), n_outputs = w.size(3);
    const Tensor b = blocks.contiguous(), tangent = w.contiguous();
    Tensor result = at::empty({n_frames, n_rows(pattern), n_outputs}, w.options());
    const kernels::BlockRows block = block_rows(pattern);
    with_precision(ProductNames::forward, w, [&](auto zero) {
        using T = decltype(zero);
        const T *const from = b.const_data_ptr<T>(), *const moves = tangent.const_data_ptr<T>();
        T* const to = result.mutable_data_ptr<T>();
        for_frames(ProductNames::forward, n_frames, b.size(0), frames, [&](int64_t i, int64_t frame) {
            kernels::product_kernel<T>(block, from + frame * block.n_entries() * 3,
                                       moves + i * block.n_atoms * 3 * n_outputs, n_outputs,
                                       to + i * block.n_rows * n_outputs);
        });
    });
    return result;
}

// --- sparse_entry_product

Tensor entry_product(const Tensor& v, const Tensor& w, at::TensorList pattern) {
    check_entry(v, w, pattern);
    const int64_t n_frames = v.size(0), n_outputs = v.size(2);
    const Tensor cotangent = v.contiguous(), tangent = w.contiguous();
    Tensor result = at::empty({n_frames, pattern[atoms].size(0), 3}, v.options());
    const kernels::BlockRows block = block_rows(pattern);
    with_precision(ProductNames::entry, v, [&](auto zero) {
        using T = decltype(zero);
        const T *const slopes = cotangent.const_data_ptr<T>(), *const moves = tangent.const_data_ptr<T>();
        T* const to = result.mutable_data_ptr<T>();
        for_frames(ProductNames::entry, n_frames, n_frames, std::nullopt, [&](int64_t i, int64_t) {
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

TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
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
