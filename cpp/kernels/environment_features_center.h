// The features of one site, by a group of lanes (see environment_features.h): the lanes are features, and
// components of the densities where a gradient is spread over them.
#pragma once

#include "kernels/environment_features.h"
#include "kernels/lane_group.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

// One magnitude: the weighted sum of squares p, its weight, and sqrt(p + e).
template <typename T>
struct Magnitude {
    T value, weight, root;

    // Feature f of site i, which is not the last; own magnitudes first.
    GNNCV_INLINE Magnitude(const FeatureInput<T>& input, std::int64_t i, std::int64_t f) {
        const std::int64_t n_degrees = input.l_max + 1, half = input.n_rows * n_degrees;
        const bool shared = f >= half;
        const std::int64_t row = (shared ? f - half : f) / n_degrees, l = f % n_degrees;
        const T* at = (shared ? input.averaged : input.densities) + i * input.stride() +
                      row * n_degrees * n_degrees + l * l;
        T sum = 0;
        for (std::int64_t m = 0; m <= 2 * l; ++m) {
            sum += at[m] * at[m];
        }
        const T inverse = T(1) / (T(1) + input.coordination[i]), own = inverse * inverse;
        weight = static_cast<T>(4.0 * 3.14159265358979323846) / static_cast<T>(2 * l + 1) * own *
                 (shared ? own : T(1));
        value = sum * weight;
        root = std::sqrt(value + static_cast<T>(input.floor));
    }
};

template <typename T>
struct EnvironmentFeaturesAtSite {
    FeatureInput<T> input;
    T* features;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char*) const {
        const std::int64_t n = 2 * input.n_rows * (input.l_max + 1);
        const T root_floor = static_cast<T>(std::sqrt(input.floor));
        for (std::int64_t f = group.lane(); f <= n; f += G::size) {
            T feature = input.coordination[i];
            if (f < n) {
                const Magnitude<T> magnitude(input, i, f);
                feature = magnitude.value / (magnitude.root + root_floor);
            }
            features[i * (n + 1) + f] = feature * static_cast<T>(1.0 / input.scale[f]) -
                                        static_cast<T>(input.mean[f] / input.scale[f]);
        }
    }
};

template <typename T>
struct EnvironmentFeaturesGradientAtSite {
    FeatureInput<T> input;
    const T* features_gradient;
    FeatureGradients<T> gradients;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 2 * input.n_rows * (input.l_max + 1) * sizeof(T);
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char* scratch) const {
        T* const factors = reinterpret_cast<T*>(scratch); // of the densities, a degree each
        const std::int64_t half = input.n_rows * (input.l_max + 1), n = 2 * half;
        const T* const gradient = features_gradient + i * (n + 1);
        T with_weights = 0; // sum of (d feature / d weight) weight, twice; of shared magnitudes four times
        for (std::int64_t f = group.lane(); f < n; f += G::size) {
            const Magnitude<T> magnitude(input, i, f);
            const T of_argument = gradient[f] * static_cast<T>(1.0 / input.scale[f]) / magnitude.root;
            factors[f] = of_argument * magnitude.weight;
            with_weights += (f < half ? T(1) : T(2)) * of_argument * magnitude.value;
        }
        with_weights = sum_of_group(group, with_weights);
        group.sync();
        spread(group, i, input.densities, factors, gradients.densities);
        spread(group, i, input.averaged, factors + half, gradients.averaged);
        if (group.lane() == 0) {
            gradients.coordination[i] = gradient[n] * static_cast<T>(1.0 / input.scale[n]) -
                                        with_weights / (T(1) + input.coordination[i]);
        }
    }

private:
    template <typename G>
    GNNCV_INLINE void spread(const G& group, std::int64_t i, const T* densities, const T* factors,
                             T* gradient) const {
        const std::int64_t n_degrees = input.l_max + 1, n_lm = n_degrees * n_degrees;
        for (std::int64_t c = group.lane(); c < input.stride(); c += G::size) {
            const std::int64_t row = c / n_lm, lm = c % n_lm;
            std::int64_t l = 0;
            while ((l + 1) * (l + 1) <= lm) {
                ++l;
            }
            const std::int64_t at = i * input.stride() + c;
            gradient[at] = row < input.n_rows ? factors[row * n_degrees + l] * densities[at] : T(0);
        }
    }
};

} // namespace gnncv::kernels
