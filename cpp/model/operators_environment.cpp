// torch.ops.gnncv.environment_invariants: environment_densities, averaged_densities and environment_features
// in one, first derivatives only. On devices without a kernel of its own it is made of the three.
#include "kernels/environment_invariants.h"
#include "model/environment_arguments.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* name = "environment_invariants";

struct InvariantsArguments : EnvironmentArguments {
    Tensor mean, scale;
    double floor;
    int64_t stride = 0;

    InvariantsArguments(const Tensor& vectors, const Tensor& neighbor, const Tensor& row_ptr,
                        const Tensor& types, const Tensor& table, double cutoff, int64_t n_species,
                        int64_t l_max, const Tensor& mean, const Tensor& scale, double floor)
        : EnvironmentArguments(name, vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max),
          mean(mean.contiguous()), scale(scale.contiguous()), floor(floor) {
        const int64_t n_features = 2 * n_species * (table.size(2) - 1) * (l_max + 1) + 1;
        for (const Tensor* each : {&this->mean, &this->scale}) {
            TORCH_CHECK_VALUE(each->dim() == 1 && each->size(0) == n_features &&
                                  each->scalar_type() == at::kDouble,
                              "gnncv::", name, ": mean and scale must be float64 of shape (", n_features,
                              ",), got ", each->sizes());
        }
        check_devices(name, table, {{"mean", &mean}, {"scale", &scale}});
        TORCH_CHECK_VALUE(floor > 0.0, "gnncv::", name, ": floor must be positive, got ", floor);
        with_precision(name, this->table, [&](auto zero) {
            using T = decltype(zero);
            stride = kernels::padded_row<T>(input<T>(pairs).row_size());
        });
    }

    template <typename T>
    kernels::InvariantsInput<T> invariants(const kernels::PairRows& share) const {
        kernels::EnvironmentInput<T> environment = input<T>(share);
        environment.row_stride = stride;
        environment.divided = true;
        return {environment, mean.const_data_ptr<double>(), scale.const_data_ptr<double>(), floor};
    }
};

// What forward leaves for backward.
struct State {
    Tensor densities, averaged, coordination, switching, slopes;

    explicit State(const InvariantsArguments& in)
        : densities(at::empty({in.pairs.n_centers, in.stride}, in.table.options())),
          averaged(at::empty_like(densities)),
          coordination(at::empty({in.pairs.n_centers}, in.table.options())),
          switching(at::empty({in.geometry.size(0)}, in.table.options())),
          slopes(at::empty({in.pairs.n_centers, in.mean.size(0) - 1}, in.table.options())) {}
    explicit State(const variable_list& saved)
        : densities(saved[7]), averaged(saved[8]), coordination(saved[9]), switching(saved[10]),
          slopes(saved[11]) {}

    template <typename T>
    kernels::InvariantsState<T> pointers() const {
        return {densities.mutable_data_ptr<T>(), averaged.mutable_data_ptr<T>(),
                coordination.mutable_data_ptr<T>(), switching.mutable_data_ptr<T>(),
                slopes.mutable_data_ptr<T>()};
    }
};

// Averages and features, of densities that are there.
Tensor averaged_features_of(const InvariantsArguments& in, const State& state) {
    Tensor features = at::empty({in.pairs.n_centers, in.mean.size(0)}, in.table.options());
    with_precision(name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const kernels::InvariantsState<T> pointers = state.pointers<T>();
        T* const out = features.mutable_data_ptr<T>();
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::environment_invariants_kernel<T>(in.invariants<T>(share), pointers, out);
        });
    });
    return features;
}

Tensor features_of(const InvariantsArguments& in, const State& state) {
    with_precision(name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const kernels::InvariantsState<T> pointers = state.pointers<T>();
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::environment_densities_kernel<T>(in.invariants<T>(share).environment, pointers.densities,
                                                     pointers.coordination, pointers.switching);
        });
    });
    return averaged_features_of(in, state);
}

// `averaged`: where the gradient of the averages is put, which may be where they are.
Tensor vectors_gradient_of(const InvariantsArguments& in, const State& state, const Tensor& gradient,
                           const Tensor& averaged) {
    const Tensor coordination = at::empty_like(state.coordination);
    Tensor vectors = at::empty_like(in.geometry);
    with_precision(name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const kernels::InvariantsState<T> pointers = state.pointers<T>();
        const kernels::InvariantsGradients<T> gradients{
            gradient.const_data_ptr<T>(), averaged.mutable_data_ptr<T>(), coordination.mutable_data_ptr<T>()};
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::environment_invariants_sites_kernel<T>(in.invariants<T>(share), pointers, gradients);
        });
        T* const out = vectors.mutable_data_ptr<T>();
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::environment_invariants_pairs_kernel<T>(in.invariants<T>(share), pointers, gradients,
                                                            out);
        });
    });
    return vectors;
}

Tensor invariants_cpu(const Tensor& vectors, const Tensor& neighbor, const Tensor& row_ptr,
                      const Tensor& types, const Tensor& table, double cutoff, int64_t n_species,
                      int64_t l_max, const Tensor& mean, const Tensor& scale, double floor) {
    const InvariantsArguments in(vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max, mean,
                                 scale, floor);
    return features_of(in, State(in));
}

struct Invariants : torch::autograd::Function<Invariants> {
    static Tensor forward(AutogradContext* context, const Tensor& vectors, const Tensor& neighbor,
                          const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                          int64_t n_species, int64_t l_max, const Tensor& mean, const Tensor& scale,
                          double floor) {
        const at::AutoDispatchBelowADInplaceOrView below;
        const InvariantsArguments in(vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max, mean,
                                     scale, floor);
        const State state(in);
        Tensor features = features_of(in, state);
        context->save_for_backward({vectors, neighbor, row_ptr, types, table, mean, scale, state.densities,
                                    state.averaged, state.coordination, state.switching, state.slopes});
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["n_species"] = n_species;
        context->saved_data["l_max"] = l_max;
        context->saved_data["floor"] = floor;
        context->saved_data["n_backward"] = int64_t{0};
        return features;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(name);
        const variable_list saved = context->get_saved_variables();
        const InvariantsArguments in(
            saved[0], saved[1], saved[2], saved[3], saved[4], context->saved_data["cutoff"].toDouble(),
            context->saved_data["n_species"].toInt(), context->saved_data["l_max"].toInt(), saved[5],
            saved[6], context->saved_data["floor"].toDouble());
        // The first backward pass overwrites the averages; for others they are made once more, and kept.
        const State state(saved);
        const int64_t n_before = context->saved_data["n_backward"].toInt();
        context->saved_data["n_backward"] = n_before + 1;
        if (n_before == 1) {
            averaged_features_of(in, state);
        }
        const Tensor averaged = n_before == 0 ? state.averaged : at::empty_like(state.averaged);
        variable_list all(11);
        all[0] = vectors_gradient_of(in, state, gradients[0].contiguous(), averaged);
        return all;
    }
};

Tensor invariants_autograd(const Tensor& vectors, const Tensor& neighbor, const Tensor& row_ptr,
                           const Tensor& types, const Tensor& table, double cutoff, int64_t n_species,
                           int64_t l_max, const Tensor& mean, const Tensor& scale, double floor) {
    return Invariants::apply(vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max, mean, scale,
                             floor);
}

template <typename F>
auto registered(const char* op) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(op, "").typed<F>();
}

// Of the three operators; their autograd is that of the whole.
Tensor invariants_composed(const Tensor& vectors, const Tensor& neighbor, const Tensor& row_ptr,
                           const Tensor& types, const Tensor& table, double cutoff, int64_t n_species,
                           int64_t l_max, const Tensor& mean, const Tensor& scale, double floor) {
    const Tensor distances = registered<Tensor(const Tensor&)>("gnncv::pair_distances").call(vectors);
    const auto [densities, coordination] =
        registered<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                              const Tensor&, double, int64_t, int64_t)>(
            "gnncv::environment_densities")
            .call(vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max);
    const Tensor averaged =
        registered<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, const Tensor&,
                          const Tensor&)>("gnncv::averaged_densities")
            .call(distances, neighbor, row_ptr, table, cutoff, densities, coordination);
    return registered<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                             int64_t, double)>("gnncv::environment_features")
        .call(densities, averaged, coordination, mean, scale, l_max, floor);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def(
        "environment_invariants(Tensor vectors, Tensor neighbor, Tensor row_ptr, Tensor types, Tensor table, "
        "float cutoff, int n_species, int l_max, Tensor mean, Tensor scale, float floor) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl(name, invariants_composed);
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl(name, invariants_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl(name, invariants_autograd);
}

} // namespace gnncv
