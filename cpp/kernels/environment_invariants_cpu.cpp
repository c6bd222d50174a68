// A few sites at a time, so that what one step leaves is in the cache for the next.
#include "kernels/environment_invariants.h"

#include "kernels/row_gather.h"

#include <algorithm>
#include <vector>

namespace gnncv::kernels {
namespace {

// Sites begin .. begin + n_sites - 1.
template <typename T>
FeatureInput<T> features_of(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                            std::int64_t begin, std::int64_t n_sites) {
    const EnvironmentInput<T>& environment = input.environment;
    const std::int64_t stride = environment.stride();
    return {state.densities + begin * stride,
            state.averaged + begin * stride,
            state.coordination + begin,
            input.mean,
            input.scale,
            n_sites,
            environment.n_species * (environment.table.n_channels - 1),
            environment.l_max,
            input.floor,
            stride};
}

// B[i] = A[i] + sum_j f (1 + n_i) / (1 + n_j) A[j] for centers begin .. end-1; weights is scratch.
template <typename T>
GNNCV_INLINE void average_body(const EnvironmentInput<T>& environment, const InvariantsState<T>& state,
                               std::int64_t begin, std::int64_t end, std::vector<T>& weights) {
    const PairRows& pairs = environment.pairs;
    const std::int64_t stride = environment.stride();
    for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = pairs.row_ptr[i], count = pairs.row_ptr[i + 1] - first;
        weights.resize(count);
        const T own = T(1) + state.coordination[i];
        for (std::int64_t b = 0; b < count; ++b) {
            const T norm = T(1) + state.coordination[pairs.neighbor[first + b]];
            weights[b] = state.switching[first + b] * (own / norm);
        }
        gather<false, T>({state.densities, {stride}, pairs.neighbor + first, weights.data(), count},
                         state.densities + i * stride, state.averaged + i * stride, nullptr, nullptr);
    }
}

// The gradients of one center: those of its features, and what its neighbors' averages make of its densities
// (see averaged_densities_cpu.cpp).
template <typename T>
class AveragedGradientSource final : public CenterGradients<T> {
public:
    AveragedGradientSource(const EnvironmentInput<T>& environment, const InvariantsState<T>& state,
                           const FeatureGradients<T>& gradients)
        : environment_(environment), state_(state), gradients_(gradients), row_(environment.stride()) {}

    CenterGradient<T> of_center(std::int64_t i) override;

    GNNCV_INLINE CenterGradient<T> body(std::int64_t j) {
        const PairRows& pairs = environment_.pairs;
        const std::int64_t stride = environment_.stride();
        const std::int64_t first = pairs.row_ptr[j], count = pairs.row_ptr[j + 1] - first;
        const T* const densities = state_.densities + j * stride;
        const T* const own_gradient = gradients_.averaged + j * stride;
        if (j + 1 < pairs.n_centers) { // by the time it is asked for, it will have come
            for (std::int64_t c = 0; c < stride; c += LanesOf<T>::width) {
                __builtin_prefetch(densities + stride + c);
                __builtin_prefetch(own_gradient + stride + c);
                __builtin_prefetch(gradients_.densities + (j + 1) * stride + c);
            }
        }
        weights_.resize(count);
        ratios_.resize(count);
        const T inverse = T(1) / (T(1) + state_.coordination[j]);
        for (std::int64_t b = 0; b < count; ++b) {
            ratios_[b] = (T(1) + state_.coordination[pairs.neighbor[first + b]]) * inverse;
            weights_[b] = state_.switching[first + b] * ratios_[b];
        }
        for (std::int64_t c = 0; c < stride; ++c) {
            row_[c] = own_gradient[c] + gradients_.densities[j * stride + c];
        }
        T* const products = rows_.sum_and_products(
            {gradients_.averaged, {stride}, pairs.neighbor + first, weights_.data(), count}, row_.data(),
            row_.data(), densities);
        T sum = 0;
        for (std::int64_t b = 0; b < count; ++b) {
            sum += weights_[b] * products[b];
            products[b] *= ratios_[b];
        }
        return {row_.data(), gradients_.coordination[j] - sum * inverse, products};
    }

private:
    const EnvironmentInput<T>& environment_;
    const InvariantsState<T>& state_;
    const FeatureGradients<T>& gradients_;
    std::vector<T> row_, weights_, ratios_;
    GatherWithProducts<T> rows_;
};

// What (1 + n_i) in the weights of a site's own average makes of the gradient of n_i.
template <typename T>
GNNCV_INLINE void own_bonds_body(const FeatureInput<T>& sites, const FeatureGradients<T>& gradients) {
    for (std::int64_t i = 0; i < sites.n_sites; ++i) {
        const std::int64_t row = i * sites.stride();
        gradients.coordination[i] +=
            product_with_difference<T>(gradients.averaged + row, sites.averaged + row, sites.densities + row,
                                       sites.stride()) /
            (T(1) + sites.coordination[i]);
    }
}

#define GNNCV_INSTANCE(T)                                                                                    \
    GNNCV_MULTIVERSION void add_own_bonds(const FeatureInput<T>& sites,                                      \
                                          const FeatureGradients<T>& gradients) {                            \
        own_bonds_body<T>(sites, gradients);                                                                 \
    }                                                                                                        \
    GNNCV_MULTIVERSION void average(const EnvironmentInput<T>& environment, const InvariantsState<T>& state, \
                                    std::int64_t begin, std::int64_t end, std::vector<T>& weights) {         \
        average_body<T>(environment, state, begin, end, weights);                                            \
    }                                                                                                        \
    GNNCV_MULTIVERSION CenterGradient<T> gradient_of_center(AveragedGradientSource<T>& source,               \
                                                            std::int64_t i) {                                \
        return source.body(i);                                                                               \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

template <typename T>
CenterGradient<T> AveragedGradientSource<T>::of_center(std::int64_t i) {
    return gradient_of_center(*this, i);
}

} // namespace

template <typename T>
void environment_invariants_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                   T* features) {
    constexpr std::int64_t few = 16;
    const EnvironmentInput<T>& environment = input.environment;
    std::vector<T> weights;
    for (std::int64_t i = environment.pairs.first_center; i < environment.pairs.n_centers; i += few) {
        const std::int64_t end = std::min(i + few, environment.pairs.n_centers);
        average(environment, state, i, end, weights);
        const FeatureInput<T> sites = features_of(input, state, i, end - i);
        environment_features_kernel<T>(sites, features + i * sites.n_features());
    }
}

template <typename T>
void environment_invariants_sites_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const T* features_gradient, const FeatureGradients<T>& gradients) {
    constexpr std::int64_t few = 16;
    const PairRows& pairs = input.environment.pairs;
    const std::int64_t stride = input.environment.stride();
    for (std::int64_t i = pairs.first_center; i < pairs.n_centers; i += few) {
        const std::int64_t end = std::min(i + few, pairs.n_centers);
        const FeatureInput<T> sites = features_of(input, state, i, end - i);
        const FeatureGradients<T> out{gradients.densities + i * stride, gradients.averaged + i * stride,
                                      gradients.coordination + i};
        environment_features_backward_kernel<T>(sites, features_gradient + i * sites.n_features(), out);
        add_own_bonds(sites, out);
    }
}

template <typename T>
void environment_invariants_pairs_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const FeatureGradients<T>& gradients, T* vectors_gradient) {
    AveragedGradientSource<T> source(input.environment, state, gradients);
    environment_densities_backward_kernel<T>(input.environment, source, vectors_gradient);
}

#define GNNCV_KERNELS(T)                                                                                     \
    template void environment_invariants_kernel(const InvariantsInput<T>&, const InvariantsState<T>&, T*);   \
    template void environment_invariants_sites_kernel(const InvariantsInput<T>&, const InvariantsState<T>&,  \
                                                      const T*, const FeatureGradients<T>&);                 \
    template void environment_invariants_pairs_kernel(const InvariantsInput<T>&, const InvariantsState<T>&,  \
                                                      const FeatureGradients<T>&, T*);
GNNCV_KERNELS(float)
GNNCV_KERNELS(double)
#undef GNNCV_KERNELS

} // namespace gnncv::kernels
