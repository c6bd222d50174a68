// One site at a time: sums of squares of each degree first, then what is the same for all of them.
#include "kernels/environment_features.h"

#include "kernels/density_rows.h"
#include "kernels/spherical_harmonics.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace gnncv::kernels {
namespace {

// sums[row (l_max+1) + l] = sum_m densities[row, lm]^2, in double
template <typename T>
GNNCV_INLINE void squares(const T* densities, std::int64_t n_rows, int l_max, double* sums) {
    T of_row[max_degree + 1];
    for (std::int64_t row = 0; row < n_rows; ++row) {
        squares_of_degrees(densities, l_max, of_row);
        sums = std::copy_n(of_row, l_max + 1, sums);
        densities += (l_max + 1) * (l_max + 1);
    }
}

// What one site's magnitudes are made of: the argument of each root, and the weight of each sum of squares in
// it.
struct Site {
    std::vector<double> sums, roots, weights;

    explicit Site(std::int64_t n) : sums(n), roots(n), weights(n) {}

    // Own invariants first, then the shared ones.
    template <typename T>
    GNNCV_INLINE void fill(const FeatureInput<T>& input, std::int64_t i) {
        const std::int64_t n_lm = (input.l_max + 1) * (input.l_max + 1),
                           half = input.n_rows * (input.l_max + 1);
        squares(input.densities + i * input.n_rows * n_lm, input.n_rows, input.l_max, sums.data());
        squares(input.averaged + i * input.n_rows * n_lm, input.n_rows, input.l_max, sums.data() + half);
        const double inverse = 1.0 / (1.0 + static_cast<double>(input.coordination[i]));
        const double own = inverse * inverse;
        for (std::int64_t row = 0; row < input.n_rows; ++row) {
            for (int l = 0; l <= input.l_max; ++l) {
                const double weight = four_pi / (2 * l + 1) * own;
                weights[row * (input.l_max + 1) + l] = weight;
                weights[half + row * (input.l_max + 1) + l] = weight * own;
            }
        }
        const double floor = input.floor;
        const auto n = static_cast<std::int64_t>(sums.size());
        for (std::int64_t f = 0; f < n; ++f) {
            roots[f] = std::sqrt(sums[f] * weights[f] + floor);
        }
    }
};

template <typename T>
GNNCV_INLINE void forward_body(const FeatureInput<T>& input, T* features) {
    const std::int64_t n = input.n_features() - 1;
    const double root_floor = std::sqrt(input.floor);
    Site site(n);
    for (std::int64_t i = 0; i < input.n_sites; ++i, features += n + 1) {
        site.fill(input, i);
        for (std::int64_t f = 0; f < n; ++f) {
            features[f] = static_cast<T>((site.roots[f] - root_floor - input.mean[f]) / input.scale[f]);
        }
        features[n] =
            static_cast<T>((static_cast<double>(input.coordination[i]) - input.mean[n]) / input.scale[n]);
    }
}

// densities_gradient[row, lm] = factors[row, l] densities[row, lm]
template <typename T>
GNNCV_INLINE void spread(const T* densities, const double* factors, std::int64_t n_rows, int l_max,
                         T* gradient) {
    T of_row[max_degree + 1];
    for (std::int64_t row = 0; row < n_rows; ++row) {
        for (int l = 0; l <= l_max; ++l) {
            of_row[l] = static_cast<T>(*factors++);
        }
        scale_degrees(densities, of_row, l_max, gradient);
        densities += (l_max + 1) * (l_max + 1);
        gradient += (l_max + 1) * (l_max + 1);
    }
}

template <typename T>
GNNCV_INLINE void backward_body(const FeatureInput<T>& input, const T* features_gradient,
                                const FeatureGradients<T>& gradients) {
    const std::int64_t n = input.n_features() - 1, half = n / 2;
    const std::int64_t n_lm = (input.l_max + 1) * (input.l_max + 1), stride = input.n_rows * n_lm;
    Site site(n);
    std::vector<double> factors(n);
    for (std::int64_t i = 0; i < input.n_sites; ++i, features_gradient += n + 1) {
        site.fill(input, i);
        double own = 0.0, shared = 0.0; // sum of (d feature / d weight) weight
        for (std::int64_t f = 0; f < n; ++f) {
            const double of_argument =
                static_cast<double>(features_gradient[f]) / input.scale[f] / (2.0 * site.roots[f]);
            factors[f] = 2.0 * of_argument * site.weights[f];
            (f < half ? own : shared) += of_argument * site.weights[f] * site.sums[f];
        }
        spread(input.densities + i * stride, factors.data(), input.n_rows, input.l_max,
               gradients.densities + i * stride);
        spread(input.averaged + i * stride, factors.data() + half, input.n_rows, input.l_max,
               gradients.averaged + i * stride);
        const double norm = 1.0 + static_cast<double>(input.coordination[i]);
        gradients.coordination[i] = static_cast<T>(
            static_cast<double>(features_gradient[n]) / input.scale[n] - (2.0 * own + 4.0 * shared) / norm);
    }
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void environment_features_kernel(const FeatureInput<T>& input, T* features) {         \
        forward_body<T>(input, features);                                                                    \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void environment_features_backward_kernel(                                            \
        const FeatureInput<T>& input, const T* features_gradient, const FeatureGradients<T>& gradients) {    \
        backward_body<T>(input, features_gradient, gradients);                                               \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
