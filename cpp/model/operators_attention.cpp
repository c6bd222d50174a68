// torch.ops.gnncv: table_attention, attention message passing with tabulated filters and distance logits,
// nothing stored per pair. It has first derivatives only.
#include "kernels/attention_heads.h"
#include "kernels/cuda_kernels.h"
#include "model/attention_arguments.h"
#include "model/scattered_sums.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

namespace gnncv {
namespace {

// f(heads) for some heads at a time, until all are done; `arrange` is called for shares of the centers.
template <typename T, typename Arrange, typename F>
void for_heads(const AttentionArguments& in, kernels::AttentionPass pass, const Arrange& arrange,
               const F& f) {
    for (int64_t first = 0; first < in.receiver.size(1); first += kernels::heads_at_once) {
        kernels::AttentionHeads<T> heads(in.input<T>(in.pairs), first, pass);
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) { arrange(heads, share); });
        f(heads);
    }
}

// What half a list adds at its sites, of some heads.
template <typename T>
Tensor empty_sums(const AttentionArguments& in, const kernels::AttentionHeads<T>& heads) {
    return at::empty({in.pairs.n_centers, heads.n_sums()}, in.value.options());
}

template <typename T>
void attend_halves(const AttentionArguments& in, const kernels::AttentionHeads<T>& heads, T* messages,
                   T* denominators) {
    const Tensor sums = empty_sums<T>(in, heads);
    add_scattered<T>(in.pairs, sums, [&](const kernels::PairRows& share, T* own) {
        kernels::table_attention_half_kernel<T>(in.input<T>(share), heads, own);
    });
    for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
        heads.finish_messages(in.input<T>(share), sums.const_data_ptr<T>(), messages, denominators);
    });
}

std::tuple<Tensor, Tensor> attend(const AttentionArguments& in) {
    Tensor messages = at::empty_like(in.value), denominators = at::empty_like(in.receiver);
    with_precision(attention_name, in.table, [&](auto zero) {
        using T = decltype(zero);
        using Heads = kernels::AttentionHeads<T>;
        T* const out = messages.mutable_data_ptr<T>();
        T* const below = denominators.mutable_data_ptr<T>();
        if (in.table.is_cuda()) {
            kernels::table_attention_cuda<T>(in.input<T>(in.pairs), out, below, OnGpu(in.table).queue);
            return;
        }
        for_heads<T>(
            in, kernels::AttentionPass::forward,
            [&](Heads& heads, const kernels::PairRows& share) { heads.arrange(in.input<T>(share)); },
            [&](const Heads& heads) {
                if (in.pairs.half_begin != nullptr) {
                    attend_halves<T>(in, heads, out, below);
                    return;
                }
                for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
                    kernels::table_attention_kernel<T>(in.input<T>(share), heads, out, below);
                });
            });
    });
    return {messages, denominators};
}

// Which gradients are wanted, and those of distances, table, receiver, sender and value; receiver and sender
// come together.
struct Wanted {
    bool table, logits, value;
};
struct AttentionGradients {
    Tensor distances, table, receiver, sender, value;
};

// All but that of the table.
template <typename T>
AttentionGradients attend_backward_on_gpu(const AttentionArguments& in,
                                          const kernels::TableAttentionOutput<T>& output) {
    AttentionGradients out{at::empty_like(in.geometry), Tensor(), at::empty_like(in.receiver),
                           at::empty_like(in.sender), at::empty_like(in.value)};
    const Tensor mean = at::empty_like(in.receiver);
    kernels::table_attention_backward_cuda<T>(
        in.input<T>(in.pairs), output.messages, output.denominators, output.messages_gradient,
        mean.mutable_data_ptr<T>(),
        {out.distances.mutable_data_ptr<T>(), out.receiver.mutable_data_ptr<T>(),
         out.sender.mutable_data_ptr<T>(), out.value.mutable_data_ptr<T>()},
        OnGpu(in.table).queue);
    return out;
}

template <typename T>
T* data(const Tensor& tensor) {
    return tensor.defined() ? tensor.mutable_data_ptr<T>() : nullptr;
}

// f(heads), the heads arranged for the backward pass.
template <typename T, typename F>
void for_heads_backward(const AttentionArguments& in, const kernels::TableAttentionOutput<T>& output,
                        const F& f) {
    for_heads<T>(
        in, kernels::AttentionPass::backward,
        [&](kernels::AttentionHeads<T>& heads, const kernels::PairRows& share) {
            heads.arrange(in.input<T>(share));
            heads.arrange_gradients(in.input<T>(share), output);
        },
        f);
}

// All but that of the table, of half a list.
template <typename T>
void backward_of_halves(const AttentionArguments& in, const kernels::TableAttentionOutput<T>& output,
                        const AttentionGradients& out) {
    const kernels::TableAttentionGradients<T> all{data<T>(out.distances), data<T>(out.receiver),
                                                  data<T>(out.sender), data<T>(out.value), nullptr};
    for_heads_backward<T>(in, output, [&](const kernels::AttentionHeads<T>& heads) {
        const Tensor sums = empty_sums<T>(in, heads);
        add_scattered<T>(in.pairs, sums, [&](const kernels::PairRows& share, T* own) {
            kernels::table_attention_half_backward_kernel<T>(in.input<T>(share), heads, {all.distances, own});
        });
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            heads.finish_gradients(in.input<T>(share), sums.const_data_ptr<T>(), all);
        });
    });
}

template <typename T>
void backward_of_all(const AttentionArguments& in, const kernels::TableAttentionOutput<T>& output,
                     AttentionGradients& out) {
    const int64_t n_shares = number_of_shares(in.pairs.n_centers);
    // Receivers of a center's bonds are anywhere: each share has sums of its own, added in their order.
    Tensor receivers;
    if (out.receiver.defined()) {
        receivers = at::zeros({n_shares, in.receiver.size(0), in.receiver.size(1)}, in.receiver.options());
    }
    const kernels::TableAttentionGradients<T> all{data<T>(out.distances), data<T>(receivers),
                                                  data<T>(out.sender), data<T>(out.value), nullptr};
    for_heads_backward<T>(in, output, [&](const kernels::AttentionHeads<T>& heads) {
        const int64_t size = out.table.defined() ? in.table.size(0) * heads.row() : 0;
        const Tensor tables = at::zeros({n_shares, size}, in.table.options());
        for_shares(in.pairs, [&](int64_t number, const kernels::PairRows& share) {
            kernels::TableAttentionGradients<T> own = all;
            own.receiver += receivers.defined() ? number * in.receiver.numel() : 0;
            own.arranged_table = out.table.defined() ? data<T>(tables) + number * size : nullptr;
            kernels::table_attention_backward_kernel<T>(in.input<T>(share), heads, own);
        });
        if (out.table.defined()) {
            const Tensor sum = tables.sum(0);
            heads.add_table_gradient(in.input<T>(in.pairs), data<T>(sum), data<T>(out.table));
        }
    });
    if (receivers.defined()) {
        out.receiver = n_shares == 1 ? receivers[0] : receivers.sum(0);
    }
}

template <typename T>
AttentionGradients attend_backward(const AttentionArguments& in,
                                   const kernels::TableAttentionOutput<T>& output, const Wanted& wanted) {
    if (wanted.table) {
        check_table_is_on_the_cpu(attention_name, in.table);
        TORCH_CHECK_NOT_IMPLEMENTED(in.pairs.half_begin == nullptr, "gnncv::", attention_name,
                                    " has no gradient of its table from half a list: leave half_begin out "
                                    "and give both directions of every bond");
    }
    if (in.table.is_cuda()) {
        return attend_backward_on_gpu<T>(in, output);
    }
    AttentionGradients out;
    out.distances = at::empty_like(in.geometry);
    out.table = wanted.table ? at::zeros_like(in.table) : Tensor();
    out.receiver = wanted.logits ? at::empty_like(in.receiver) : Tensor();
    out.sender = wanted.logits ? at::empty_like(in.sender) : Tensor();
    out.value = wanted.value ? at::empty_like(in.value) : Tensor();
    if (in.pairs.half_begin != nullptr) {
        backward_of_halves<T>(in, output, out);
    } else {
        backward_of_all<T>(in, output, out);
    }
    return out;
}

Tensor compute_table_attention(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                               const Tensor& table, double cutoff, const Tensor& receiver,
                               const Tensor& sender, const Tensor& value, double lone, double bound,
                               const std::optional<Tensor>& half_begin) {
    return std::get<0>(attend(
        {distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone, bound, half_begin}));
}

struct TableAttention : torch::autograd::Function<TableAttention> {
    static Tensor forward(AutogradContext* context, const Tensor& distances, const Tensor& neighbor,
                          const Tensor& row_ptr, const Tensor& table, double cutoff, const Tensor& receiver,
                          const Tensor& sender, const Tensor& value, double lone, double bound,
                          const std::optional<Tensor>& half_begin) {
        const at::AutoDispatchBelowADInplaceOrView below;
        auto [messages, denominators] = attend(
            {distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone, bound, half_begin});
        context->save_for_backward({distances, neighbor, row_ptr, table, receiver, sender, value, messages,
                                    denominators, half_begin.value_or(Tensor())});
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["lone"] = lone;
        context->saved_data["bound"] = bound;
        return messages;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(attention_name);
        const variable_list saved = context->get_saved_variables();
        const AttentionArguments in(saved[0], saved[1], saved[2], saved[3],
                                    context->saved_data["cutoff"].toDouble(), saved[4], saved[5], saved[6],
                                    context->saved_data["lone"].toDouble(),
                                    context->saved_data["bound"].toDouble(),
                                    saved[9].defined() ? std::optional(saved[9]) : std::nullopt);
        const Tensor messages = saved[7].contiguous(), denominators = saved[8].contiguous();
        const Tensor gradient = gradients[0].contiguous();
        // Of the tensors among the arguments.
        const Wanted wanted{context->needs_input_grad(3),
                            context->needs_input_grad(4) || context->needs_input_grad(5),
                            context->needs_input_grad(6)};
        AttentionGradients out;
        with_precision(attention_name, in.table, [&](auto zero) {
            using T = decltype(zero);
            const kernels::TableAttentionOutput<T> output{
                messages.const_data_ptr<T>(), denominators.const_data_ptr<T>(), gradient.const_data_ptr<T>()};
            out = attend_backward<T>(in, output, wanted);
        });
        return {out.distances, Tensor(),  Tensor(), out.table, Tensor(), out.receiver,
                out.sender,    out.value, Tensor(), Tensor(),  Tensor()};
    }
};

Tensor table_attention_autograd(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                                const Tensor& table, double cutoff, const Tensor& receiver,
                                const Tensor& sender, const Tensor& value, double lone, double bound,
                                const std::optional<Tensor>& half_begin) {
    return TableAttention::apply(distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone,
                                 bound, half_begin);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def(
        "table_attention(Tensor distances, Tensor neighbor, Tensor row_ptr, Tensor table, float cutoff, "
        "Tensor receiver, Tensor sender, Tensor value, float lone, float bound, "
        "Tensor? half_begin=None) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("table_attention", compute_table_attention);
}
TORCH_LIBRARY_IMPL(gnncv, CUDA, library) {
    if (kernels::cuda_compiled()) {
        library.impl("table_attention", compute_table_attention);
    }
}
TORCH_LIBRARY_IMPL(gnncv, Autograd, library) {
    library.impl("table_attention", table_attention_autograd);
}

} // namespace gnncv
