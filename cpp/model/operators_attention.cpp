// torch.ops.gnncv: table_attention, attention message passing with tabulated filters and distance logits,
// nothing stored per pair. It has first derivatives only.
#include "kernels/attention_heads.h"
#include "kernels/cuda_kernels.h"
#include "kernels/table_attention.h"
#include "model/table_arguments.h"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* attention_name = "table_attention";

struct AttentionArguments : TableArguments {
    Tensor receiver, sender, value;
    double lone, bound;

    AttentionArguments(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                       const Tensor& table, double cutoff, const Tensor& receiver, const Tensor& sender,
                       const Tensor& value, double lone, double bound)
        : TableArguments(attention_name, Geometry::distances, distances, neighbor, row_ptr, table, cutoff),
          receiver(receiver.contiguous()), sender(sender.contiguous()), value(value.contiguous()), lone(lone),
          bound(bound) {
        TORCH_CHECK_VALUE(lone >= 0.0 && bound > 0.0, "gnncv::", attention_name,
                          ": lone must not be negative and bound must be positive, got ", lone, " and ",
                          bound);
        check_devices(attention_name, table,
                      {{"receiver", &receiver}, {"sender", &sender}, {"value", &value}});
        check_matrix(attention_name, "receiver", this->receiver, pairs.n_centers, table);
        check_columns(attention_name, "sender", this->sender, *this, receiver.size(1));
        check_matrix(attention_name, "value", this->value, pairs.n_centers, table);
        TORCH_CHECK_VALUE(receiver.size(1) > 0 && value.size(1) % receiver.size(1) == 0,
                          "gnncv::", attention_name, ": value must have a multiple of the ", receiver.size(1),
                          " heads as columns, got ", value.size(1));
        TORCH_CHECK_VALUE(table.size(2) == value.size(1) + receiver.size(1) + 1, "gnncv::", attention_name,
                          ": table must have ", value.size(1) + receiver.size(1) + 1,
                          " channels (filters, heads, switching), got ", table.size(2));
    }

    template <typename T>
    kernels::TableAttentionInput<T> input(const kernels::PairRows& share) const {
        return {geometry.const_data_ptr<T>(),
                share,
                radial_table<T>(),
                receiver.const_data_ptr<T>(),
                sender.const_data_ptr<T>(),
                value.const_data_ptr<T>(),
                receiver.size(1),
                value.size(1),
                lone,
                bound};
    }
};

// f(heads) for some heads at a time, until all are done; `arrange` is called for shares of the centers.
template <typename T, typename Arrange, typename F>
void for_heads(const AttentionArguments& in, const Arrange& arrange, const F& f) {
    for (int64_t first = 0; first < in.receiver.size(1); first += kernels::heads_at_once) {
        kernels::AttentionHeads<T> heads(in.input<T>(in.pairs), first);
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) { arrange(heads, share); });
        f(heads);
    }
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
            in,
            [&](Heads& heads, const kernels::PairRows& share) { heads.arrange_senders(in.input<T>(share)); },
            [&](const Heads& heads) {
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
AttentionGradients attend_backward(const AttentionArguments& in,
                                   const kernels::TableAttentionOutput<T>& output, const Wanted& wanted) {
    using Heads = kernels::AttentionHeads<T>;
    if (wanted.table) {
        check_table_is_on_the_cpu(attention_name, in.table);
    }
    if (in.table.is_cuda()) {
        return attend_backward_on_gpu<T>(in, output);
    }
    const int64_t n_shares = number_of_shares(in.pairs.n_centers);
    AttentionGradients out;
    out.distances = at::empty_like(in.geometry);
    out.value = wanted.value ? at::empty_like(in.value) : Tensor();
    out.sender = wanted.logits ? at::empty_like(in.sender) : Tensor();
    out.table = wanted.table ? at::zeros_like(in.table) : Tensor();
    // Receivers of a center's bonds are anywhere: each share has sums of its own, added in their order.
    Tensor receivers;
    if (wanted.logits) {
        receivers = at::zeros({n_shares, in.receiver.size(0), in.receiver.size(1)}, in.receiver.options());
    }
    const auto data = [](const Tensor& tensor) {
        return tensor.defined() ? tensor.mutable_data_ptr<T>() : nullptr;
    };
    const kernels::TableAttentionGradients<T> all{data(out.distances), data(receivers), data(out.sender),
                                                  data(out.value), nullptr};
    for_heads<T>(
        in,
        [&](Heads& heads, const kernels::PairRows& share) {
            heads.arrange_receivers(in.input<T>(share), output);
        },
        [&](const Heads& heads) {
            const int64_t size = wanted.table ? in.table.size(0) * heads.row() : 0;
            const Tensor tables = at::zeros({n_shares, size}, in.table.options());
            for_shares(in.pairs, [&](int64_t number, const kernels::PairRows& share) {
                kernels::TableAttentionGradients<T> own = all;
                own.receiver += wanted.logits ? number * in.receiver.numel() : 0;
                own.arranged_table = wanted.table ? data(tables) + number * size : nullptr;
                kernels::table_attention_backward_kernel<T>(in.input<T>(share), heads, own);
            });
            if (wanted.table) {
                const Tensor sum = tables.sum(0);
                heads.add_table_gradient(in.input<T>(in.pairs), data(sum), data(out.table));
            }
        });
    out.receiver = wanted.logits ? (n_shares == 1 ? receivers[0] : receivers.sum(0)) : Tensor();
    return out;
}

Tensor compute_table_attention(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                               const Tensor& table, double cutoff, const Tensor& receiver,
                               const Tensor& sender, const Tensor& value, double lone, double bound) {
    return std::get<0>(
        attend({distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone, bound}));
}

struct TableAttention : torch::autograd::Function<TableAttention> {
    static Tensor forward(AutogradContext* context, const Tensor& distances, const Tensor& neighbor,
                          const Tensor& row_ptr, const Tensor& table, double cutoff, const Tensor& receiver,
                          const Tensor& sender, const Tensor& value, double lone, double bound) {
        const at::AutoDispatchBelowADInplaceOrView below;
        auto [messages, denominators] =
            attend({distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone, bound});
        context->save_for_backward(
            {distances, neighbor, row_ptr, table, receiver, sender, value, messages, denominators});
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
                                    context->saved_data["bound"].toDouble());
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
        return {out.distances, Tensor(),   Tensor(),  out.table, Tensor(),
                out.receiver,  out.sender, out.value, Tensor(),  Tensor()};
    }
};

Tensor table_attention_autograd(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                                const Tensor& table, double cutoff, const Tensor& receiver,
                                const Tensor& sender, const Tensor& value, double lone, double bound) {
    return TableAttention::apply(distances, neighbor, row_ptr, table, cutoff, receiver, sender, value, lone,
                                 bound);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def(
        "table_attention(Tensor distances, Tensor neighbor, Tensor row_ptr, Tensor table, float cutoff, "
        "Tensor receiver, Tensor sender, Tensor value, float lone, float bound) -> Tensor");
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
