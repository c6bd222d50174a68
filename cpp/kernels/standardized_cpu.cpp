#include "kernels/standardized.h"

#include <algorithm>
#include <vector>

namespace gnncv::kernels {

template <typename T>
void standardized_kernel(SiteColumns<const T> values, const double* mean, const double* scale,
                         SiteColumns<T> result, SiteRange sites) {
    std::vector<double> factors(static_cast<std::size_t>(result.n_columns)); // divisions are slow
    std::transform(scale, scale + result.n_columns, factors.begin(), [](double s) { return 1.0 / s; });
    for (std::int64_t i = sites.begin; i < sites.end; ++i) {
        const T* from = values.data + i * values.stride;
        T* to = result.data + i * result.stride;
        for (std::int64_t f = 0; f < result.n_columns; ++f) {
            to[f] = static_cast<T>((static_cast<double>(from[f]) - mean[f]) * factors[f]);
        }
    }
}

template <typename T>
void standardized_backward_kernel(SiteColumns<const T> gradient, const double* scale,
                                  SiteColumns<T> values_gradient, SiteRange sites) {
    for (std::int64_t i = sites.begin; i < sites.end; ++i) {
        const T* from = gradient.data + i * gradient.stride;
        T* to = values_gradient.data + i * values_gradient.stride;
        for (std::int64_t f = 0; f < gradient.n_columns; ++f) {
            to[f] = static_cast<T>(static_cast<double>(from[f]) / scale[f]);
        }
        std::fill(to + gradient.n_columns, to + values_gradient.n_columns, T(0));
    }
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void standardized_kernel(SiteColumns<const T>, const double*, const double*, SiteColumns<T>,    \
                                      SiteRange);                                                            \
    template void standardized_backward_kernel(SiteColumns<const T>, const double*, SiteColumns<T>,          \
                                               SiteRange);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
