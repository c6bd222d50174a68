// torch.ops.gnncv.orientation_invariants: orientation_densities, their averages over neighbors and the
// standardization of both in one, first derivatives only. On devices without a kernel of its own it is made
// of other operators.
#include "kernels/orientation_invariants.h"
#include "model/orientation_arguments.h"
#include "model/scattered_sums.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/cat.h>
#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* name = "orientation_invariants";

struct InvariantsArguments : OrientationArguments {
    Tensor mean, scale;
    bool average;

    InvariantsArguments(const Tensor& vectors, const Tensor& axes, const Tensor& neighbor,
                        const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                        int64_t n_species, at::IntArrayRef headless, int64_t degree, bool average,
                        const Tensor& mean, const Tensor& scale)
        : OrientationArguments(name, vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species,
                               headless, degree),
          mean(mean.contiguous()), scale(scale.contiguous()), average(average) {
        const int64_t n_features = (average ? 2 : 1) * row_size();
        for (const Tensor* each : {&this->mean, &this->scale}) {
            TORCH_CHECK_VALUE(each->dim() == 1 && each->size(0) == n_features &&
                                  each->scalar_type() == at::kDouble,
                              "gnncv::", name, ": mean and scale must be float64 of shape (", n_features,
                              ",), got ", each->sizes());
        }
        check_devices(name, table, {{"mean", &mean}, {"scale", &scale}});
    }
    [[nodiscard]] int64_t row_size() const { return n_species * (table.size(2) - 1) * terms.count(); }

    template <typename T>
    kernels::OrientationInvariantsInput<T> invariants(const kernels::PairRows& share) const {
        kernels::OrientationInput<T> orientation = input<T>(share);
        orientation.divided = true;
        return {orientation, mean.const_data_ptr<double>(), scale.const_data_ptr<double>(), average};
    }
};

// What forward leaves for backward.
struct State {
    Tensor densities, averaged, coordination, switching;

    explicit State(const InvariantsArguments& in)
        : densities(at::empty({in.pairs.n_centers, in.row_size()}, in.table.options())),
          averaged(at::empty({in.average ? in.pairs.n_centers : 0, in.row_size()}, in.table.options())),
          coordination(at::empty({in.pairs.n_centers}, in.table.options())),
          switching(at::empty({in.geometry.size(0)}, in.table.options())) {}
    explicit State(const variable_list& saved)
        : densities(saved[8]), averaged(saved[9]), coordination(saved[10]), switching(saved[11]) {}

    template <typename T>
    kernels::OrientationState<T> pointers() const {
        return {densities.mutable_data_ptr<T>(), averaged.mutable_data_ptr<T>(),
                coordination.mutable_data_ptr<T>(), switching.mutable_data_ptr<T>()};
    }
};

Tensor features_of(const InvariantsArguments& in, const State& state) {
    Tensor features = at::empty({in.pairs.n_centers, in.mean.size(0)}, in.table.options());
    with_precision(name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const kernels::OrientationState<T> pointers = state.pointers<T>();
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::orientation_densities_kernel<T>(in.invariants<T>(share).orientation, pointers.densities,
                                                     pointers.coordination, pointers.switching);
        });
        T* const out = features.mutable_data_ptr<T>();
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::orientation_invariants_kernel<T>(in.invariants<T>(share), pointers, out);
        });
    });
    return features;
}

// Of the vectors and, if wanted, of the axes.
variable_list gradients_of(const InvariantsArguments& in, const State& state, const Tensor& gradient,
                           bool of_axes) {
    const Tensor averaged = at::empty_like(state.averaged), coordination = at::empty_like(state.coordination);
    const Tensor vectors = at::empty_like(in.geometry), axes = of_axes ? at::empty_like(in.axes) : Tensor();
    with_precision(name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const kernels::OrientationState<T> pointers = state.pointers<T>();
        const kernels::OrientationFeatureGradients<T> given{
            gradient.const_data_ptr<T>(), averaged.mutable_data_ptr<T>(), coordination.mutable_data_ptr<T>()};
        if (in.average) {
            for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
                kernels::orientation_invariants_sites_kernel<T>(in.invariants<T>(share), pointers, given);
            });
        }
        T* const out = vectors.mutable_data_ptr<T>();
        const auto add = [&](const kernels::PairRows& share, T* rows) {
            kernels::orientation_invariants_pairs_kernel<T>(in.invariants<T>(share), pointers, given, out,
                                                            rows);
        };
        if (of_axes) {
            add_scattered<T>(in.pairs, axes.view({in.pairs.n_centers, axes.size(1) * 3}), add);
        } else {
            for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) { add(share, nullptr); });
        }
    });
    return {vectors, axes};
}

Tensor invariants_cpu(const Tensor& vectors, const Tensor& axes, const Tensor& neighbor,
                      const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                      int64_t n_species, at::IntArrayRef headless, int64_t degree, bool average,
                      const Tensor& mean, const Tensor& scale) {
    const InvariantsArguments in(vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless,
                                 degree, average, mean, scale);
    return features_of(in, State(in));
}

struct Invariants : torch::autograd::Function<Invariants> {
    static Tensor forward(AutogradContext* context, const Tensor& vectors, const Tensor& axes,
                          const Tensor& neighbor, const Tensor& row_ptr, const Tensor& types,
                          const Tensor& table, double cutoff, int64_t n_species, at::IntArrayRef headless,
                          int64_t degree, bool average, const Tensor& mean, const Tensor& scale) {
        const at::AutoDispatchBelowADInplaceOrView below;
        const InvariantsArguments in(vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species,
                                     headless, degree, average, mean, scale);
        const State state(in);
        Tensor features = features_of(in, state);
        context->save_for_backward({vectors, axes, neighbor, row_ptr, types, table, mean, scale,
                                    state.densities, state.averaged, state.coordination, state.switching});
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["n_species"] = n_species;
        context->saved_data["headless"] = headless.vec();
        context->saved_data["degree"] = degree;
        context->saved_data["average"] = average;
        return features;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(name);
        const variable_list saved = context->get_saved_variables();
        const std::vector<int64_t> headless = context->saved_data["headless"].toIntVector();
        const InvariantsArguments in(saved[0], saved[1], saved[2], saved[3], saved[4], saved[5],
                                     context->saved_data["cutoff"].toDouble(),
                                     context->saved_data["n_species"].toInt(), headless,
                                     context->saved_data["degree"].toInt(),
                                     context->saved_data["average"].toBool(), saved[6], saved[7]);
        variable_list all =
            gradients_of(in, State(saved), gradients[0].contiguous(), context->needs_input_grad(1));
        all.resize(13);
        return all;
    }
};

Tensor invariants_autograd(const Tensor& vectors, const Tensor& axes, const Tensor& neighbor,
                           const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                           int64_t n_species, at::IntArrayRef headless, int64_t degree, bool average,
                           const Tensor& mean, const Tensor& scale) {
    return Invariants::apply(vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless,
                             degree, average, mean, scale);
}

template <typename F>
auto registered(const char* op) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(op, "").typed<F>();
}

// Of other operators; their autograd is that of the whole.
Tensor invariants_composed(const Tensor& vectors, const Tensor& axes, const Tensor& neighbor,
                           const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                           int64_t n_species, at::IntArrayRef headless, int64_t degree, bool average,
                           const Tensor& mean, const Tensor& scale) {
    const auto [densities, coordination] =
        registered<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                              const Tensor&, const Tensor&, double, int64_t, at::IntArrayRef,
                                              int64_t)>("gnncv::orientation_densities")
            .call(vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless, degree);
    const Tensor norm = coordination.add(1.0);
    Tensor features = densities.flatten(1).div(norm);
    if (average) {
        const Tensor distances = registered<Tensor(const Tensor&)>("gnncv::pair_distances").call(vectors);
        const Tensor averaged =
            registered<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double,
                              const Tensor&, const Tensor&)>("gnncv::averaged_densities")
                .call(distances, neighbor, row_ptr, table, cutoff, densities, coordination);
        features = at::cat({features, averaged.flatten(1).div(norm.mul(norm))}, 1);
    }
    return registered<Tensor(const Tensor&, const Tensor&, const Tensor&)>("gnncv::standardized")
        .call(features, mean, scale);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("orientation_invariants(Tensor vectors, Tensor axes, Tensor neighbor, Tensor row_ptr, "
                "Tensor types, Tensor table, float cutoff, int n_species, int[] headless, int degree, "
                "bool average, Tensor mean, Tensor scale) -> Tensor");
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
