// From densities to the standardized features of a site: magnitudes of the rotation invariants of its own
// densities A and of the averaged ones B, and the coordination number n:
//   own[k,l]    = sqrt(p_l(A_k) / (1 + n)^2 + e) - sqrt(e)
//   shared[k,l] = sqrt(p_l(B_k) / (1 + n)^4 + e) - sqrt(e)       p_l(A) = 4 pi / (2 l + 1) sum_m A_lm^2
//   features    = ((own, shared, n) - mean) / scale
// p_l is the square of Steinhardt's q_l (see density_invariants.h).
#pragma once

#include "kernels/host_device.h"

#include <cstdint>

namespace gnncv::kernels {

// densities, averaged (n_sites, n_rows, (l_max+1)^2), coordination (n_sites); mean, scale (n_features) with
// n_features = 2 n_rows (l_max + 1) + 1.
template <typename T>
struct FeatureInput {
    const T* densities;
    const T* averaged;
    const T* coordination;
    const double* mean;
    const double* scale;
    std::int64_t n_sites;
    std::int64_t n_rows;
    int l_max;
    double floor;                // e
    std::int64_t row_stride = 0; // numbers from one site's densities to the next one's; 0: no gaps

    [[nodiscard]] GNNCV_INLINE std::int64_t stride() const {
        return row_stride > 0 ? row_stride : n_rows * (l_max + 1) * (l_max + 1);
    }
    [[nodiscard]] std::int64_t n_features() const { return 2 * n_rows * (l_max + 1) + 1; }
};

// features (n_sites, n_features), overwritten.
template <typename T>
void environment_features_kernel(const FeatureInput<T>& input, T* features);

// Gradients in the shapes of the inputs, overwritten.
template <typename T>
struct FeatureGradients {
    T* densities;
    T* averaged;
    T* coordination;
};
template <typename T>
void environment_features_backward_kernel(const FeatureInput<T>& input, const T* features_gradient,
                                          const FeatureGradients<T>& gradients);

} // namespace gnncv::kernels
