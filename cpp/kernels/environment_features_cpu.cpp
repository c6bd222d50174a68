// One site at a time.
#include "kernels/environment_features.h"

#include "kernels/density_rows.h"
#include "kernels/site_magnitudes.h"

#include <vector>

namespace gnncv::kernels {
namespace {

// See environment_features_kernel; of site i alone.
template <typename T, int bytes>
GNNCV_INLINE void fill_site(SiteMagnitudes<T, bytes>& site, const FeatureInput<T>& input, std::int64_t i,
                            T* features, T* slopes) {
    const double inverse = 1.0 / (1.0 + static_cast<double>(input.coordination[i])), own = inverse * inverse;
    site.fill(input.densities + i * input.stride(), input.averaged + i * input.stride(), own, own * own,
              input.coordination[i], features, slopes);
}

template <int bytes, typename T>
GNNCV_INLINE void forward_body(const FeatureInput<T>& input, T* features) {
    const std::int64_t n = input.n_features() - 1;
    SiteMagnitudes<T, bytes> site(input);
    std::vector<T> slopes(n);
    for (std::int64_t i = 0; i < input.n_sites; ++i, features += n + 1) {
        fill_site(site, input, i, features, slopes.data());
    }
}

// gradient = factors of degrees times densities; the sum of its products with the densities.
template <typename T>
GNNCV_INLINE double scale_rows(const FeatureInput<T>& input, const T* densities, const T* factors,
                               T* gradient) {
    const std::int64_t n_lm = (input.l_max + 1) * (input.l_max + 1);
    for (std::int64_t row = 0; row < input.n_rows; ++row) {
        scale_degrees(densities + row * n_lm, factors + row * (input.l_max + 1), input.l_max,
                      gradient + row * n_lm);
    }
    double product = 0.0;
    for (std::int64_t c = 0; c < input.n_rows * n_lm; ++c) {
        product += static_cast<double>(densities[c]) * static_cast<double>(gradient[c]);
    }
    return product;
}

template <int bytes, typename T>
GNNCV_INLINE void backward_body(const FeatureInput<T>& input, const T* features_gradient,
                                const FeatureGradients<T>& gradients) {
    const std::int64_t n = input.n_features() - 1;
    SiteMagnitudes<T, bytes> site(input);
    std::vector<T> features(n + 1), factors(n);
    for (std::int64_t i = 0; i < input.n_sites; ++i, features_gradient += n + 1) {
        fill_site(site, input, i, features.data(), factors.data());
        for (std::int64_t f = 0; f < n; ++f) {
            factors[f] *= features_gradient[f];
        }
        const std::int64_t first = i * input.stride();
        const double own =
            scale_rows(input, input.densities + first, factors.data(), gradients.densities + first);
        const double shared =
            scale_rows(input, input.averaged + first, factors.data() + n / 2, gradients.averaged + first);
        gradients.coordination[i] =
            static_cast<T>(static_cast<double>(features_gradient[n]) / input.scale[n] -
                           (own + 2.0 * shared) / (1.0 + static_cast<double>(input.coordination[i])));
    }
}

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void features_of(const FeatureInput<T>& input, T* features) {                                  \
        forward_body<bytes>(input, features);                                                                \
    }                                                                                                        \
    attribute void gradients_of(const FeatureInput<T>& input, const T* features_gradient,                    \
                                const FeatureGradients<T>& gradients) {                                      \
        backward_body<bytes>(input, features_gradient, gradients);                                           \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, float)                                                               \
    GNNCV_INSTANCE_OF(attribute, bytes, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

template <typename T>
void environment_features_kernel(const FeatureInput<T>& input, T* features) {
    features_of(input, features);
}

template <typename T>
void environment_features_backward_kernel(const FeatureInput<T>& input, const T* features_gradient,
                                          const FeatureGradients<T>& gradients) {
    gradients_of(input, features_gradient, gradients);
}

#define GNNCV_KERNELS(T)                                                                                     \
    template void environment_features_kernel(const FeatureInput<T>&, T*);                                   \
    template void environment_features_backward_kernel(const FeatureInput<T>&, const T*,                     \
                                                       const FeatureGradients<T>&);
GNNCV_KERNELS(float)
GNNCV_KERNELS(double)
#undef GNNCV_KERNELS

} // namespace gnncv::kernels
