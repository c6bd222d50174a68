// torch.ops.gnncv: table_messages, message passing with tabulated filters, nothing stored per pair. It has
// first derivatives only.
#include "kernels/cuda_kernels.h"
#include "kernels/table_messages.h"
#include "model/scattered_sums.h"
#include "model/table_arguments.h"

#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <limits>

namespace gnncv {
namespace {

constexpr const char* messages_name = "table_messages";

struct MessagesArguments : TableArguments {
    Tensor types, features;
    int64_t n_species;

    MessagesArguments(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                      const Tensor& types, const Tensor& tables, double cutoff, const Tensor& features,
                      const std::optional<Tensor>& half_begin)
        : TableArguments(messages_name, Geometry::distances, distances, neighbor, row_ptr, one_table(tables),
                         cutoff, half_begin),
          types(types.contiguous()), features(features.contiguous()), n_species(1) {
        while (n_species * n_species < tables.size(0)) {
            ++n_species;
        }
        TORCH_CHECK_VALUE(n_species * n_species == tables.size(0), "gnncv::", messages_name,
                          ": table must hold one table or one for each pair of species, got ",
                          tables.size(0));
        n_intervals = tables.size(1);
        check_columns(messages_name, "features", this->features, *this, tables.size(3));
        TORCH_CHECK_VALUE(n_species == 1 || (types.dim() == 1 && types.size(0) == pairs.n_centers &&
                                             types.scalar_type() == at::kLong),
                          "gnncv::", messages_name, ": types must be int64 of shape (", pairs.n_centers,
                          ",)");
        check_devices(messages_name, tables, {{"features", &features}});
        if (n_species == 1) {
            return;
        }
        check_devices(messages_name, tables, {{"types", &types}});
        if (!types.is_cpu()) {
            return; // trusted, as the pairs are
        }
        const auto known = [this](int64_t type) { return type >= 0 && type < n_species; };
        const int64_t* first = this->types.const_data_ptr<int64_t>();
        TORCH_CHECK_VALUE(std::all_of(first, first + pairs.n_centers, known), "gnncv::", messages_name,
                          ": types must be 0 to ", n_species - 1);
    }

    // All tables one after the other.
    static Tensor one_table(const Tensor& tables) {
        TORCH_CHECK_VALUE(tables.dim() == 4 && tables.size(0) >= 1 && tables.size(1) >= 1 &&
                              tables.size(2) == kernels::table_terms && tables.size(3) >= 1,
                          "gnncv::", messages_name, ": table must have shape (tables, intervals, ",
                          kernels::table_terms, ", channels), got ", tables.sizes());
        TORCH_CHECK_VALUE(tables.numel() <= std::numeric_limits<int32_t>::max(), "gnncv::", messages_name,
                          ": table has ", tables.numel(), " numbers, at most 2^31 can be addressed");
        return tables.flatten(0, 1);
    }

    template <typename T>
    kernels::TableMessagesInput<T> input(const kernels::PairRows& share) const {
        return {geometry.const_data_ptr<T>(),
                share,
                {table.const_data_ptr<T>(), {n_intervals, cutoff}, table.size(2)},
                n_species == 1 ? nullptr : types.const_data_ptr<int64_t>(),
                n_species,
                features.const_data_ptr<T>()};
    }

    int64_t n_intervals;
};

Tensor compute_table_messages(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                              const Tensor& types, const Tensor& table, double cutoff, const Tensor& features,
                              const std::optional<Tensor>& half_begin) {
    const MessagesArguments in(distances, neighbor, row_ptr, types, table, cutoff, features, half_begin);
    Tensor messages = at::empty_like(in.features);
    with_precision(messages_name, in.table, [&](auto zero) {
        using T = decltype(zero);
        T* const out = messages.mutable_data_ptr<T>();
        if (in.table.is_cuda()) {
            kernels::table_messages_cuda<T>(in.input<T>(in.pairs), out, OnGpu(in.table).queue);
            return;
        }
        if (in.pairs.half_begin != nullptr) {
            add_scattered<T>(in.pairs, messages, [&](const kernels::PairRows& share, T* sums) {
                kernels::table_messages_half_kernel<T>(in.input<T>(share), sums);
            });
            return;
        }
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::table_messages_kernel<T>(in.input<T>(share), out);
        });
    });
    return messages;
}

// A sum for each share of the centers, added in their order.
Tensor coefficients_gradient(const MessagesArguments& in, const Tensor& gradient, at::IntArrayRef shape) {
    check_table_is_on_the_cpu(messages_name, in.table);
    TORCH_CHECK_NOT_IMPLEMENTED(in.pairs.half_begin == nullptr, "gnncv::", messages_name,
                                " has no gradient of its table from half a list: leave half_begin out and "
                                "give both directions of every bond");
    Tensor sums = at::zeros({number_of_shares(in.pairs.n_centers), in.table.numel()}, in.table.options());
    with_precision(messages_name, in.table, [&](auto zero) {
        using T = decltype(zero);
        T* const out = sums.mutable_data_ptr<T>();
        for_shares(in.pairs, [&](int64_t number, const kernels::PairRows& share) {
            kernels::table_messages_table_backward_kernel<T>(in.input<T>(share), gradient.const_data_ptr<T>(),
                                                             out + number * in.table.numel());
        });
    });
    return sums.sum(0).view(shape);
}

// Of distances and, if they are defined, features.
void backward_of_halves(const MessagesArguments& in, const Tensor& gradient, const Tensor& distances,
                        const Tensor& features) {
    with_precision(messages_name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const auto share_of = [&](const kernels::PairRows& share, T* sums) {
            kernels::table_messages_half_backward_kernel<T>(in.input<T>(share), gradient.const_data_ptr<T>(),
                                                            {distances.mutable_data_ptr<T>(), sums});
        };
        if (features.defined()) {
            add_scattered<T>(in.pairs, features, share_of);
        } else {
            for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) { share_of(share, nullptr); });
        }
    });
}

void backward_of_all(const MessagesArguments& in, const Tensor& gradient, const Tensor& distances,
                     const Tensor& features) {
    with_precision(messages_name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const kernels::TableMessagesGradients<T> out{
            distances.mutable_data_ptr<T>(), features.defined() ? features.mutable_data_ptr<T>() : nullptr};
        if (in.table.is_cuda()) {
            kernels::table_messages_backward_cuda<T>(in.input<T>(in.pairs), gradient.const_data_ptr<T>(), out,
                                                     OnGpu(in.table).queue);
            return;
        }
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::table_messages_backward_kernel<T>(in.input<T>(share), gradient.const_data_ptr<T>(), out);
        });
    });
}

struct TableMessages : torch::autograd::Function<TableMessages> {
    static Tensor forward(AutogradContext* context, const Tensor& distances, const Tensor& neighbor,
                          const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                          const Tensor& features, const std::optional<Tensor>& half_begin) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward(
            {distances, neighbor, row_ptr, types, table, features, half_begin.value_or(Tensor())});
        context->saved_data["cutoff"] = cutoff;
        context->set_materialize_grads(false);
        return compute_table_messages(distances, neighbor, row_ptr, types, table, cutoff, features,
                                      half_begin);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(messages_name);
        if (!gradients[0].defined()) { // no output asked for depends on the messages
            return variable_list(8);
        }
        const variable_list saved = context->get_saved_variables();
        const MessagesArguments in(saved[0], saved[1], saved[2], saved[3], saved[4],
                                   context->saved_data["cutoff"].toDouble(), saved[5],
                                   saved[6].defined() ? std::optional(saved[6]) : std::nullopt);
        const Tensor gradient = gradients[0].contiguous();
        // Of the tensors among the arguments.
        const bool for_distances = context->needs_input_grad(0), for_table = context->needs_input_grad(4),
                   for_features = context->needs_input_grad(5);
        Tensor distances, features, table;
        if (for_distances || for_features) {
            distances = at::empty_like(in.geometry);
            features = for_features ? at::empty_like(in.features) : Tensor();
            const auto backward = in.pairs.half_begin != nullptr ? backward_of_halves : backward_of_all;
            backward(in, gradient, distances, features);
        }
        if (for_table) {
            table = coefficients_gradient(in, gradient, saved[4].sizes());
        }
        return {distances, Tensor(), Tensor(), Tensor(), table, Tensor(), features, Tensor()};
    }
};

Tensor table_messages_autograd(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                               const Tensor& types, const Tensor& table, double cutoff,
                               const Tensor& features, const std::optional<Tensor>& half_begin) {
    return TableMessages::apply(distances, neighbor, row_ptr, types, table, cutoff, features, half_begin);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("table_messages(Tensor distances, Tensor neighbor, Tensor row_ptr, Tensor types, "
                "Tensor table, float cutoff, Tensor features, Tensor? half_begin=None) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("table_messages", compute_table_messages);
}
TORCH_LIBRARY_IMPL(gnncv, CUDA, library) {
    if (kernels::cuda_compiled()) {
        library.impl("table_messages", compute_table_messages);
    }
}
TORCH_LIBRARY_IMPL(gnncv, Autograd, library) {
    library.impl("table_messages", table_messages_autograd);
}

} // namespace gnncv
