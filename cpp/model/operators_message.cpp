// torch.ops.gnncv: message_passing, segment_sum, attention_message_passing. Each has first derivatives only.
#include "kernels/attention.h"
#include "kernels/message_passing.h"
#include "model/operator_arguments.h"

#include <torch/library.h>

namespace gnncv {
namespace {

// --- segment_sum
// -----------------------------------------------------------------------------------------------------

Tensor segment_sum_cpu(const Tensor& values, const Tensor& row_ptr) {
    check_matrix("segment_sum", "values", values, values.size(0), values);
    const Tensor x = values.contiguous(), rows = row_ptr.contiguous();
    const kernels::PairRows pairs = pair_rows("segment_sum", Tensor(), rows, x.size(0));
    Tensor sums = at::empty({pairs.n_centers, x.size(1)}, x.options());
    with_precision("segment_sum", x, [&](auto zero) {
        using T = decltype(zero);
        kernels::segment_sum_kernel<T>(x.const_data_ptr<T>(), pairs, x.size(1), sums.mutable_data_ptr<T>());
    });
    return sums;
}

struct SegmentSum : torch::autograd::Function<SegmentSum> {
    static Tensor forward(AutogradContext* context, const Tensor& values, const Tensor& row_ptr) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({row_ptr});
        context->saved_data["n_pairs"] = values.size(0);
        return segment_sum_cpu(values, row_ptr);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives("segment_sum");
        const Tensor rows = context->get_saved_variables()[0].contiguous();
        const Tensor gradient = gradients[0].contiguous();
        const int64_t n_pairs = context->saved_data["n_pairs"].toInt();
        Tensor result = at::empty({n_pairs, gradient.size(1)}, gradient.options());
        with_precision("segment_sum", gradient, [&](auto zero) {
            using T = decltype(zero);
            kernels::segment_sum_backward_kernel<T>(gradient.const_data_ptr<T>(),
                                                    pair_rows("segment_sum", Tensor(), rows, n_pairs),
                                                    gradient.size(1), result.mutable_data_ptr<T>());
        });
        return {result, Tensor()};
    }
};

Tensor segment_sum_autograd(const Tensor& values, const Tensor& row_ptr) {
    return SegmentSum::apply(values, row_ptr);
}

// --- message_passing
// -------------------------------------------------------------------------------------------------

Tensor message_passing_cpu(const Tensor& filters, const Tensor& features, const Tensor& neighbor,
                           const Tensor& row_ptr) {
    const char* op = "message_passing";
    const Tensor w = filters.contiguous(), x = features.contiguous(), j = narrow(op, neighbor),
                 rows = row_ptr.contiguous();
    check_matrix(op, "filters", w, w.size(0), w);
    const kernels::PairRows pairs = pair_rows(op, j, rows, w.size(0));
    check_matrix(op, "features", x, pairs.n_centers, w);
    TORCH_CHECK_VALUE(w.size(1) == 1 || w.size(1) == x.size(1),
                      "gnncv::message_passing: filters must have 1 or ", x.size(1), " columns, got ",
                      w.size(1));
    Tensor messages = at::empty_like(x);
    with_precision(op, w, [&](auto zero) {
        using T = decltype(zero);
        kernels::message_passing_kernel<T>(w.const_data_ptr<T>(), w.size(1), x.const_data_ptr<T>(), pairs,
                                           x.size(1), messages.mutable_data_ptr<T>());
    });
    return messages;
}

struct MessagePassing : torch::autograd::Function<MessagePassing> {
    static Tensor forward(AutogradContext* context, const Tensor& filters, const Tensor& features,
                          const Tensor& neighbor, const Tensor& row_ptr) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({filters, features, neighbor, row_ptr});
        return message_passing_cpu(filters, features, neighbor, row_ptr);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives("message_passing");
        const variable_list saved = context->get_saved_variables();
        const Tensor w = saved[0].contiguous(), x = saved[1].contiguous(),
                     j = narrow("message_passing", saved[2]), rows = saved[3].contiguous(),
                     gradient = gradients[0].contiguous();
        const kernels::PairRows pairs = pair_rows("message_passing", j, rows, w.size(0));
        Tensor filters_gradient = at::empty_like(w), features_gradient = at::empty_like(x);
        with_precision("message_passing", w, [&](auto zero) {
            using T = decltype(zero);
            kernels::message_passing_backward_kernel<T>(
                w.const_data_ptr<T>(), w.size(1), x.const_data_ptr<T>(), pairs, x.size(1),
                gradient.const_data_ptr<T>(),
                {filters_gradient.mutable_data_ptr<T>(), features_gradient.mutable_data_ptr<T>()});
        });
        return {filters_gradient, features_gradient, Tensor(), Tensor()};
    }
};

Tensor message_passing_autograd(const Tensor& filters, const Tensor& features, const Tensor& neighbor,
                                const Tensor& row_ptr) {
    return MessagePassing::apply(filters, features, neighbor, row_ptr);
}

// --- attention_message_passing
// ---------------------------------------------------------------------------------------

struct AttentionTensors {
    Tensor logits, switching, filters, features, neighbor, row_ptr;
    kernels::PairRows pairs;

    explicit AttentionTensors(const variable_list& in)
        : logits(in[0].contiguous()), switching(in[1].contiguous()), filters(in[2].contiguous()),
          features(in[3].contiguous()), neighbor(narrow("attention_message_passing", in[4])),
          row_ptr(in[5].contiguous()) {
        const char* op = "attention_message_passing";
        check_matrix(op, "logits", logits, logits.size(0), logits);
        pairs = pair_rows(op, neighbor, row_ptr, logits.size(0));
        check_matrix(op, "filters", filters, logits.size(0), logits);
        check_matrix(op, "features", features, pairs.n_centers, logits);
        TORCH_CHECK_VALUE(switching.dim() == 1 && switching.size(0) == logits.size(0) &&
                              switching.scalar_type() == logits.scalar_type(),
                          "gnncv::", op, ": switching must have shape (", logits.size(0),
                          ",) and the type of logits");
        TORCH_CHECK_VALUE(filters.size(1) == features.size(1) && logits.size(1) > 0 &&
                              features.size(1) % logits.size(1) == 0,
                          "gnncv::", op,
                          ": filters and features must have equally many columns, a multiple of the ",
                          logits.size(1), " heads; got ", filters.size(1), " and ", features.size(1));
    }

    template <typename T>
    kernels::AttentionInput<T> input(double lone) const {
        return {logits.const_data_ptr<T>(),
                switching.const_data_ptr<T>(),
                filters.const_data_ptr<T>(),
                features.const_data_ptr<T>(),
                pairs,
                logits.size(1),
                features.size(1),
                lone};
    }
};

Tensor attention_cpu(const Tensor& logits, const Tensor& switching, const Tensor& filters,
                     const Tensor& features, const Tensor& neighbor, const Tensor& row_ptr, double lone) {
    TORCH_CHECK_VALUE(lone >= 0.0, "gnncv::attention_message_passing: lone must not be negative, got ", lone);
    const AttentionTensors in({logits, switching, filters, features, neighbor, row_ptr});
    Tensor messages = at::empty_like(in.features);
    with_precision("attention_message_passing", in.logits, [&](auto zero) {
        using T = decltype(zero);
        kernels::attention_kernel<T>(in.input<T>(lone), messages.mutable_data_ptr<T>());
    });
    return messages;
}

struct Attention : torch::autograd::Function<Attention> {
    static Tensor forward(AutogradContext* context, const Tensor& logits, const Tensor& switching,
                          const Tensor& filters, const Tensor& features, const Tensor& neighbor,
                          const Tensor& row_ptr, double lone) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({logits, switching, filters, features, neighbor, row_ptr});
        context->saved_data["lone"] = lone;
        return attention_cpu(logits, switching, filters, features, neighbor, row_ptr, lone);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives("attention_message_passing");
        const AttentionTensors in(context->get_saved_variables());
        const Tensor gradient = gradients[0].contiguous();
        Tensor logits = at::empty_like(in.logits), switching = at::empty_like(in.switching);
        Tensor filters = at::empty_like(in.filters), features = at::empty_like(in.features);
        with_precision("attention_message_passing", in.logits, [&](auto zero) {
            using T = decltype(zero);
            kernels::attention_backward_kernel<T>(
                in.input<T>(context->saved_data["lone"].toDouble()), gradient.const_data_ptr<T>(),
                {logits.mutable_data_ptr<T>(), switching.mutable_data_ptr<T>(), filters.mutable_data_ptr<T>(),
                 features.mutable_data_ptr<T>()});
        });
        return {logits, switching, filters, features, Tensor(), Tensor(), Tensor()};
    }
};

Tensor attention_autograd(const Tensor& logits, const Tensor& switching, const Tensor& filters,
                          const Tensor& features, const Tensor& neighbor, const Tensor& row_ptr,
                          double lone) {
    return Attention::apply(logits, switching, filters, features, neighbor, row_ptr, lone);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("segment_sum(Tensor values, Tensor row_ptr) -> Tensor");
    library.def(
        "message_passing(Tensor filters, Tensor features, Tensor neighbor, Tensor row_ptr) -> Tensor");
    library.def("attention_message_passing(Tensor logits, Tensor switching, Tensor filters, Tensor features, "
                "Tensor neighbor, Tensor row_ptr, float lone) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("segment_sum", segment_sum_cpu);
    library.impl("message_passing", message_passing_cpu);
    library.impl("attention_message_passing", attention_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl("segment_sum", segment_sum_autograd);
    library.impl("message_passing", message_passing_autograd);
    library.impl("attention_message_passing", attention_autograd);
}

} // namespace gnncv
