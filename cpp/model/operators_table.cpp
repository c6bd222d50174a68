// torch.ops.gnncv: environment_densities, averaged_densities, environment_features: from
// pair vectors and tabulated functions of distance to quantities of sites, nothing stored per pair. Each has
// first derivatives only.
#include "kernels/averaged_densities.h"
#include "kernels/cuda_kernels.h"
#include "kernels/environment_features.h"
#include "model/environment_arguments.h"

#include <torch/library.h>

namespace gnncv {
namespace {

// --- environment_densities

constexpr const char* environment_name = "environment_densities";

std::tuple<Tensor, Tensor> compute_environment_densities(const Tensor& vectors, const Tensor& neighbor,
                                                         const Tensor& row_ptr, const Tensor& types,
                                                         const Tensor& table, double cutoff,
                                                         int64_t n_species, int64_t l_max) {
    const EnvironmentArguments in(environment_name, vectors, neighbor, row_ptr, types, table, cutoff,
                                  n_species, l_max);
    const int64_t n_radial = table.size(2) - 1;
    Tensor densities =
        at::empty({in.pairs.n_centers, n_species * n_radial, (l_max + 1) * (l_max + 1)}, table.options());
    Tensor coordination = at::empty({in.pairs.n_centers, 1}, table.options());
    with_precision(environment_name, table, [&](auto zero) {
        using T = decltype(zero);
        T* const a = densities.mutable_data_ptr<T>();
        T* const n = coordination.mutable_data_ptr<T>();
        if (in.table.is_cuda()) {
            kernels::environment_densities_cuda<T>(in.input<T>(in.pairs), a, n, OnGpu(in.table).queue);
            return;
        }
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::environment_densities_kernel<T>(in.input<T>(share), a, n);
        });
    });
    return {densities, coordination};
}

struct EnvironmentDensities : torch::autograd::Function<EnvironmentDensities> {
    static variable_list forward(AutogradContext* context, const Tensor& vectors, const Tensor& neighbor,
                                 const Tensor& row_ptr, const Tensor& types, const Tensor& table,
                                 double cutoff, int64_t n_species, int64_t l_max) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({vectors, neighbor, row_ptr, types, table});
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["n_species"] = n_species;
        context->saved_data["l_max"] = l_max;
        auto [densities, coordination] =
            compute_environment_densities(vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max);
        return {densities, coordination};
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(environment_name);
        const variable_list saved = context->get_saved_variables();
        const EnvironmentArguments in(environment_name, saved[0], saved[1], saved[2], saved[3], saved[4],
                                      context->saved_data["cutoff"].toDouble(),
                                      context->saved_data["n_species"].toInt(),
                                      context->saved_data["l_max"].toInt());
        const Tensor densities = gradients[0].contiguous(), coordination = gradients[1].contiguous();
        Tensor result = at::empty_like(in.geometry);
        with_precision(environment_name, in.table, [&](auto zero) {
            using T = decltype(zero);
            T* const out = result.mutable_data_ptr<T>();
            const T *const a = densities.const_data_ptr<T>(), *const n = coordination.const_data_ptr<T>();
            if (in.table.is_cuda()) {
                kernels::environment_densities_backward_cuda<T>(in.input<T>(in.pairs), a, n, out,
                                                                OnGpu(in.table).queue);
                return;
            }
            for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
                kernels::environment_densities_backward_kernel<T>(in.input<T>(share), a, n, out);
            });
        });
        variable_list all(8);
        all[0] = result;
        return all;
    }
};

std::tuple<Tensor, Tensor> environment_densities_autograd(const Tensor& vectors, const Tensor& neighbor,
                                                          const Tensor& row_ptr, const Tensor& types,
                                                          const Tensor& table, double cutoff,
                                                          int64_t n_species, int64_t l_max) {
    const variable_list out =
        EnvironmentDensities::apply(vectors, neighbor, row_ptr, types, table, cutoff, n_species, l_max);
    return {out[0], out[1]};
}

// --- averaged_densities

constexpr const char* averaged_name = "averaged_densities";

struct AveragedArguments : TableArguments {
    Tensor densities, coordination;
    int64_t n_channels;

    AveragedArguments(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                      const Tensor& table, double cutoff, const Tensor& densities, const Tensor& coordination)
        : TableArguments(averaged_name, Geometry::distances, distances, neighbor, row_ptr, table, cutoff),
          densities(densities.contiguous()), coordination(coordination.contiguous()),
          n_channels(densities.dim() == 3 ? densities.size(1) * densities.size(2) : 0) {
        TORCH_CHECK_VALUE(densities.dim() == 3 && densities.size(0) == pairs.n_centers,
                          "gnncv::", averaged_name, ": densities must have shape (", pairs.n_centers,
                          ", K, LM), got ", densities.sizes());
        TORCH_CHECK_TYPE(densities.scalar_type() == table.scalar_type(), "gnncv::", averaged_name,
                         ": densities are ", densities.scalar_type(), ", expected ", table.scalar_type());
        check_devices(averaged_name, table, {{"densities", &densities}, {"coordination", &coordination}});
        check_columns(averaged_name, "coordination", this->coordination, *this, 1);
    }

    template <typename T>
    kernels::AveragedInput<T> input(const kernels::PairRows& share) const {
        return {geometry.const_data_ptr<T>(),     share,     radial_table<T>(), densities.const_data_ptr<T>(),
                coordination.const_data_ptr<T>(), n_channels};
    }
};

Tensor compute_averaged_densities(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                                  const Tensor& table, double cutoff, const Tensor& densities,
                                  const Tensor& coordination) {
    const AveragedArguments in(distances, neighbor, row_ptr, table, cutoff, densities, coordination);
    Tensor averaged = at::empty_like(in.densities);
    with_precision(averaged_name, in.table, [&](auto zero) {
        using T = decltype(zero);
        T* const out = averaged.mutable_data_ptr<T>();
        if (in.table.is_cuda()) {
            kernels::averaged_densities_cuda<T>(in.input<T>(in.pairs), out, OnGpu(in.table).queue);
            return;
        }
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::averaged_densities_kernel<T>(in.input<T>(share), out);
        });
    });
    return averaged;
}

struct AveragedDensities : torch::autograd::Function<AveragedDensities> {
    static Tensor forward(AutogradContext* context, const Tensor& distances, const Tensor& neighbor,
                          const Tensor& row_ptr, const Tensor& table, double cutoff, const Tensor& densities,
                          const Tensor& coordination) {
        const at::AutoDispatchBelowADInplaceOrView below;
        Tensor averaged =
            compute_averaged_densities(distances, neighbor, row_ptr, table, cutoff, densities, coordination);
        context->save_for_backward({distances, neighbor, row_ptr, table, densities, coordination, averaged});
        context->saved_data["cutoff"] = cutoff;
        return averaged;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(averaged_name);
        const variable_list saved = context->get_saved_variables();
        const AveragedArguments in(saved[0], saved[1], saved[2], saved[3],
                                   context->saved_data["cutoff"].toDouble(), saved[4], saved[5]);
        const Tensor averaged = saved[6].contiguous(), gradient = gradients[0].contiguous();
        Tensor distances = at::empty_like(in.geometry), densities = at::empty_like(in.densities);
        Tensor coordination = at::empty_like(in.coordination);
        with_precision(averaged_name, in.table, [&](auto zero) {
            using T = decltype(zero);
            const kernels::AveragedGradients<T> out{distances.mutable_data_ptr<T>(),
                                                    densities.mutable_data_ptr<T>(),
                                                    coordination.mutable_data_ptr<T>()};
            const T *const b = averaged.const_data_ptr<T>(), *const g = gradient.const_data_ptr<T>();
            if (in.table.is_cuda()) {
                kernels::averaged_densities_backward_cuda<T>(in.input<T>(in.pairs), b, g, out,
                                                             OnGpu(in.table).queue);
                return;
            }
            for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
                kernels::averaged_densities_backward_kernel<T>(in.input<T>(share), b, g, out);
            });
        });
        return {distances, Tensor(), Tensor(), Tensor(), Tensor(), densities, coordination};
    }
};

Tensor averaged_densities_autograd(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                                   const Tensor& table, double cutoff, const Tensor& densities,
                                   const Tensor& coordination) {
    return AveragedDensities::apply(distances, neighbor, row_ptr, table, cutoff, densities, coordination);
}

// --- environment_features

constexpr const char* features_name = "environment_features";

struct FeatureArguments {
    Tensor densities, averaged, coordination, mean, scale;
    int64_t l_max;
    double floor;

    FeatureArguments(const Tensor& densities, const Tensor& averaged, const Tensor& coordination,
                     const Tensor& mean, const Tensor& scale, int64_t l_max, double floor)
        : densities(densities.contiguous()), averaged(averaged.contiguous()),
          coordination(coordination.contiguous()), mean(mean.contiguous()), scale(scale.contiguous()),
          l_max(l_max), floor(floor) {
        TORCH_CHECK_VALUE(l_max >= 0 && l_max <= kernels::max_degree && densities.dim() == 3 &&
                              densities.size(2) == (l_max + 1) * (l_max + 1),
                          "gnncv::", features_name,
                          ": densities must have shape (N, K, (l_max + 1)^2) with l_max = ", l_max, ", got ",
                          densities.sizes());
        TORCH_CHECK_VALUE(
            averaged.sizes() == densities.sizes() && averaged.scalar_type() == densities.scalar_type(),
            "gnncv::", features_name, ": averaged must be like densities, got shape ", averaged.sizes());
        check_matrix(features_name, "coordination", this->coordination, densities.size(0), densities);
        const int64_t n_features = 2 * densities.size(1) * (l_max + 1) + 1;
        for (const Tensor* each : {&this->mean, &this->scale}) {
            TORCH_CHECK_VALUE(each->dim() == 1 && each->size(0) == n_features &&
                                  each->scalar_type() == at::kDouble,
                              "gnncv::", features_name, ": mean and scale must be float64 of shape (",
                              n_features, ",), got ", each->sizes());
        }
        check_devices(
            features_name, densities,
            {{"averaged", &averaged}, {"coordination", &coordination}, {"mean", &mean}, {"scale", &scale}});
        TORCH_CHECK_VALUE(floor > 0.0, "gnncv::", features_name, ": floor must be positive, got ", floor);
    }

    template <typename T>
    kernels::FeatureInput<T> input() const {
        return {densities.const_data_ptr<T>(),
                averaged.const_data_ptr<T>(),
                coordination.const_data_ptr<T>(),
                mean.const_data_ptr<double>(),
                scale.const_data_ptr<double>(),
                densities.size(0),
                densities.size(1),
                static_cast<int>(l_max),
                floor};
    }
};

Tensor compute_environment_features(const Tensor& densities, const Tensor& averaged,
                                    const Tensor& coordination, const Tensor& mean, const Tensor& scale,
                                    int64_t l_max, double floor) {
    const FeatureArguments in(densities, averaged, coordination, mean, scale, l_max, floor);
    Tensor features = at::empty({in.densities.size(0), in.mean.size(0)}, in.densities.options());
    with_precision(features_name, in.densities, [&](auto zero) {
        using T = decltype(zero);
        T* const out = features.mutable_data_ptr<T>();
        if (in.densities.is_cuda()) {
            kernels::environment_features_cuda<T>(in.input<T>(), out, OnGpu(in.densities).queue);
        } else {
            kernels::environment_features_kernel<T>(in.input<T>(), out);
        }
    });
    return features;
}

struct EnvironmentFeatures : torch::autograd::Function<EnvironmentFeatures> {
    static Tensor forward(AutogradContext* context, const Tensor& densities, const Tensor& averaged,
                          const Tensor& coordination, const Tensor& mean, const Tensor& scale, int64_t l_max,
                          double floor) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({densities, averaged, coordination, mean, scale});
        context->saved_data["l_max"] = l_max;
        context->saved_data["floor"] = floor;
        return compute_environment_features(densities, averaged, coordination, mean, scale, l_max, floor);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(features_name);
        const variable_list saved = context->get_saved_variables();
        const FeatureArguments in(saved[0], saved[1], saved[2], saved[3], saved[4],
                                  context->saved_data["l_max"].toInt(),
                                  context->saved_data["floor"].toDouble());
        const Tensor gradient = gradients[0].contiguous();
        Tensor densities = at::empty_like(in.densities), averaged = at::empty_like(in.averaged);
        Tensor coordination = at::empty_like(in.coordination);
        with_precision(features_name, in.densities, [&](auto zero) {
            using T = decltype(zero);
            const kernels::FeatureGradients<T> out{densities.mutable_data_ptr<T>(),
                                                   averaged.mutable_data_ptr<T>(),
                                                   coordination.mutable_data_ptr<T>()};
            const T* const g = gradient.const_data_ptr<T>();
            if (in.densities.is_cuda()) {
                kernels::environment_features_backward_cuda<T>(in.input<T>(), g, out,
                                                               OnGpu(in.densities).queue);
            } else {
                kernels::environment_features_backward_kernel<T>(in.input<T>(), g, out);
            }
        });
        return {densities, averaged, coordination, Tensor(), Tensor(), Tensor(), Tensor()};
    }
};

Tensor environment_features_autograd(const Tensor& densities, const Tensor& averaged,
                                     const Tensor& coordination, const Tensor& mean, const Tensor& scale,
                                     int64_t l_max, double floor) {
    return EnvironmentFeatures::apply(densities, averaged, coordination, mean, scale, l_max, floor);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def(
        "environment_densities(Tensor vectors, Tensor neighbor, Tensor row_ptr, Tensor types, Tensor table, "
        "float cutoff, int n_species, int l_max) -> (Tensor densities, Tensor coordination)");
    library.def(
        "averaged_densities(Tensor distances, Tensor neighbor, Tensor row_ptr, Tensor table, float cutoff, "
        "Tensor densities, Tensor coordination) -> Tensor");
    library.def(
        "environment_features(Tensor densities, Tensor averaged, Tensor coordination, Tensor mean, Tensor "
        "scale, int l_max, float floor) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("environment_densities", compute_environment_densities);
    library.impl("averaged_densities", compute_averaged_densities);
    library.impl("environment_features", compute_environment_features);
}
TORCH_LIBRARY_IMPL(gnncv, CUDA, library) {
    if (kernels::cuda_compiled()) {
        library.impl("environment_densities", compute_environment_densities);
        library.impl("averaged_densities", compute_averaged_densities);
        library.impl("environment_features", compute_environment_features);
    }
}
TORCH_LIBRARY_IMPL(gnncv, Autograd, library) {
    library.impl("environment_densities", environment_densities_autograd);
    library.impl("averaged_densities", averaged_densities_autograd);
    library.impl("environment_features", environment_features_autograd);
}

} // namespace gnncv
