// torch.ops.gnncv: table_attention, attention message passing with tabulated filters and distance logits,
// nothing stored per pair. It has first derivatives only.
#include "kernels/table_attention.h"
#include "model/table_arguments.h"

#include <ATen/ops/zeros.h>
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

std::tuple<Tensor, Tensor> attend(const AttentionArguments& in) {
    Tensor messages = at::empty_like(in.value), denominators = at::empty_like(in.receiver);
    with_precision(attention_name, in.table, [&](auto zero) {
        using T = decltype(zero);
        T* const out = messages.mutable_data_ptr<T>();
        T* const below = denominators.mutable_data_ptr<T>();
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::table_attention_kernel<T>(in.input<T>(share), out, below);
        });
    });
    return {messages, denominators};
}

Tensor table_attention_cpu(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                           const Tensor& table, double cutoff, const Tensor& receiver, const Tensor& sender,
                           const Tensor& value, double lone, double bound) {
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
        Tensor distances = at::empty_like(in.geometry), mean = at::empty_like(in.receiver);
        Tensor sender = at::empty_like(in.sender), value = at::empty_like(in.value);
        Tensor receivers =
            at::zeros({number_of_shares(in.pairs.n_centers), in.receiver.size(0), in.receiver.size(1)},
                      in.receiver.options());
        with_precision(attention_name, in.table, [&](auto zero) {
            using T = decltype(zero);
            T* const mean_gradient = mean.mutable_data_ptr<T>();
            kernels::table_attention_mean_kernel<T>(in.input<T>(in.pairs), messages.const_data_ptr<T>(),
                                                    gradient.const_data_ptr<T>(), mean_gradient);
            const kernels::TableAttentionOutput<T> output{messages.const_data_ptr<T>(),
                                                          denominators.const_data_ptr<T>(),
                                                          gradient.const_data_ptr<T>(), mean_gradient};
            const kernels::TableAttentionGradients<T> out{
                distances.mutable_data_ptr<T>(), receivers.mutable_data_ptr<T>(),
                sender.mutable_data_ptr<T>(), value.mutable_data_ptr<T>()};
            for_shares(in.pairs, [&](int64_t number, const kernels::PairRows& share) {
                kernels::TableAttentionGradients<T> own = out;
                own.receiver += number * in.receiver.numel();
                kernels::table_attention_backward_kernel<T>(in.input<T>(share), output, own);
            });
        });
        return {distances,        Tensor(), Tensor(), Tensor(), Tensor(),
                receivers.sum(0), sender,   value,    Tensor(), Tensor()};
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
    library.impl("table_attention", table_attention_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl("table_attention", table_attention_autograd);
}

} // namespace gnncv
