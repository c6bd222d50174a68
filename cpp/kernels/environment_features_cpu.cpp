// One site at a time: sums of squares of each degree first, then what is the same for all of them.
#include "kernels/environment_features.h"

#include "kernels/density_rows.h"
#include "kernels/spherical_harmonics.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

namespace gnncv::kernels {
namespace {

// Of one site: the weighted sums of squares p of each degree, own densities first, and sqrt(p + e). In double
// whatever the densities are: small differences from their means come next.
template <int L, typename T>
class Magnitudes {
public:
    std::vector<double> weights, values, roots;

    explicit Magnitudes(const FeatureInput<T>& input)
        : weights(input.n_features() - 1), values(weights.size()), roots(weights.size()),
          sums_(weights.size()), l_max_(input.l_max), n_rows_(input.n_rows) {}

    GNNCV_INLINE void fill(const FeatureInput<T>& input, std::int64_t i) {
        const int l_max = L >= 0 ? L : l_max_;
        const std::int64_t n_lm = (l_max + 1) * (l_max + 1), half = n_rows_ * (l_max + 1);
        const double inverse = 1.0 / (1.0 + static_cast<double>(input.coordination[i]));
        const double own = inverse * inverse;
        for (std::int64_t row = 0; row < n_rows_; ++row) {
            T* const value = sums_.data() + row * (l_max + 1);
            squares_of_degrees<L>(input.densities + i * input.stride() + row * n_lm, l_max, value);
            squares_of_degrees<L>(input.averaged + i * input.stride() + row * n_lm, l_max, value + half);
            for (int l = 0; l <= l_max; ++l) {
                const double weight = four_pi / (2 * l + 1) * own;
                weights[row * (l_max + 1) + l] = weight;
                weights[half + row * (l_max + 1) + l] = weight * own;
            }
        }
        const double floor = input.floor;
        const auto n = static_cast<std::int64_t>(values.size());
        for (std::int64_t f = 0; f < n; ++f) {
            values[f] = static_cast<double>(sums_[f]) * weights[f];
            roots[f] = std::sqrt(values[f] + floor);
        }
    }

private:
    std::vector<T> sums_;
    int l_max_;
    std::int64_t n_rows_;
};

// 1 / scale and mean / scale.
struct Standard {
    std::vector<double> inverse, offset;

    template <typename T>
    explicit Standard(const FeatureInput<T>& input) : inverse(input.n_features()), offset(inverse.size()) {
        for (std::size_t f = 0; f < inverse.size(); ++f) {
            inverse[f] = 1.0 / input.scale[f];
            offset[f] = input.mean[f] / input.scale[f];
        }
    }
};

// sqrt(p + e) - sqrt(e) = p / (sqrt(p + e) + sqrt(e)), which keeps the digits of a small p.
template <int L, typename T>
GNNCV_INLINE void forward_body(const FeatureInput<T>& input, T* features) {
    const std::int64_t n = input.n_features() - 1;
    const double root_floor = std::sqrt(input.floor);
    const Standard standard(input);
    Magnitudes<L, T> site(input);
    for (std::int64_t i = 0; i < input.n_sites; ++i, features += n + 1) {
        site.fill(input, i);
        for (std::int64_t f = 0; f < n; ++f) {
            features[f] = static_cast<T>(site.values[f] / (site.roots[f] + root_floor) * standard.inverse[f] -
                                         standard.offset[f]);
        }
        features[n] = static_cast<T>(static_cast<double>(input.coordination[i]) * standard.inverse[n] -
                                     standard.offset[n]);
    }
}

// gradient[row, lm] = factors[row, l] densities[row, lm]; beyond the rows, up to the next site's, zero.
template <int L, typename T>
GNNCV_INLINE void spread(const FeatureInput<T>& input, const T* densities, const T* factors, T* expanded,
                         T* gradient) {
    const int l_max = L >= 0 ? L : input.l_max;
    const std::int64_t n_lm = (l_max + 1) * (l_max + 1), n = input.n_rows * n_lm;
    for (std::int64_t row = 0; row < input.n_rows; ++row) {
        expand_degrees<L>(factors + row * (l_max + 1), l_max, expanded + row * n_lm);
    }
    for (std::int64_t c = 0; c < n; ++c) {
        gradient[c] = expanded[c] * densities[c];
    }
    std::fill(gradient + n, gradient + input.stride(), T(0));
}

template <int L, typename T>
GNNCV_INLINE void backward_body(const FeatureInput<T>& input, const T* features_gradient,
                                const FeatureGradients<T>& gradients) {
    const std::int64_t n = input.n_features() - 1, half = n / 2;
    const Standard standard(input);
    Magnitudes<L, T> site(input);
    std::vector<T> factors(n), expanded(input.stride() + expansion_slack<T>);
    std::vector<double> products(n);
    for (std::int64_t i = 0; i < input.n_sites; ++i, features_gradient += n + 1) {
        site.fill(input, i);
        for (std::int64_t f = 0; f < n; ++f) { // of the argument of each root, twice
            const double of_argument =
                static_cast<double>(features_gradient[f]) * standard.inverse[f] / site.roots[f];
            factors[f] = static_cast<T>(of_argument * site.weights[f]);
            products[f] = of_argument * site.values[f];
        }
        double own = 0.0, shared = 0.0; // (d feature / d weight) weight, twice
        for (std::int64_t f = 0; f < half; ++f) {
            own += products[f];
            shared += products[half + f];
        }
        const std::int64_t first = i * input.stride();
        spread<L>(input, input.densities + first, factors.data(), expanded.data(),
                  gradients.densities + first);
        spread<L>(input, input.averaged + first, factors.data() + half, expanded.data(),
                  gradients.averaged + first);
        gradients.coordination[i] =
            static_cast<T>(static_cast<double>(features_gradient[n]) * standard.inverse[n] -
                           (own + 2.0 * shared) / (1.0 + static_cast<double>(input.coordination[i])));
    }
}

#define GNNCV_INSTANCE(L, T)                                                                                 \
    GNNCV_MULTIVERSION void forward_instance(std::integral_constant<int, L>, const FeatureInput<T>& input,   \
                                             T* features) {                                                  \
        forward_body<L, T>(input, features);                                                                 \
    }                                                                                                        \
    GNNCV_MULTIVERSION void backward_instance(std::integral_constant<int, L>, const FeatureInput<T>& input,  \
                                              const T* features_gradient,                                    \
                                              const FeatureGradients<T>& gradients) {                        \
        backward_body<L, T>(input, features_gradient, gradients);                                            \
    }
GNNCV_INSTANCE(-1, float)
GNNCV_INSTANCE(-1, double)
GNNCV_INSTANCE(6, float)
GNNCV_INSTANCE(6, double)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void environment_features_kernel(const FeatureInput<T>& input, T* features) {
    with_degree(input.l_max, [&](auto degree) { forward_instance(degree, input, features); });
}

template <typename T>
void environment_features_backward_kernel(const FeatureInput<T>& input, const T* features_gradient,
                                          const FeatureGradients<T>& gradients) {
    with_degree(input.l_max,
                [&](auto degree) { backward_instance(degree, input, features_gradient, gradients); });
}

template void environment_features_kernel(const FeatureInput<float>&, float*);
template void environment_features_kernel(const FeatureInput<double>&, double*);
template void environment_features_backward_kernel(const FeatureInput<float>&, const float*,
                                                   const FeatureGradients<float>&);
template void environment_features_backward_kernel(const FeatureInput<double>&, const double*,
                                                   const FeatureGradients<double>&);

} // namespace gnncv::kernels
