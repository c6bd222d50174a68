// The collective variables from what is pooled over sites, all in double precision. With the sums
//   (Z_1 ... Z_L, P_1 ... P_C, V, N) over N sites, z = Z / N, and the centroids c_0 ... c_C:
//   z, or Z;   for each class k:  P_k / N,  P_k,  t = (z - c_0) . a / a . a,  and if L > 1
//   sqrt(|z - c_0 - t a|^2 / a . a + s^2) - s  with a = c_k - c_0;   (V / N + 1e-30)^(1/p)
#pragma once

#include <cstdint>

namespace gnncv::kernels {

struct PooledOutputsInput {
    const double* sums;      // (n_latent + n_classes + 2)
    const double* centroids; // (n_classes + 1, n_latent); or nothing, for no class
    std::int64_t n_latent, n_classes;
    bool sum_pooling;
    double softness, power; // s, p

    [[nodiscard]] std::int64_t n_sums() const { return n_latent + n_classes + 2; }
    [[nodiscard]] std::int64_t n_outputs() const { return n_latent + n_classes * (n_latent > 1 ? 4 : 3) + 1; }
};

void pooled_outputs_kernel(const PooledOutputsInput& input, double* outputs);

// sums_gradient, overwritten.
void pooled_outputs_backward_kernel(const PooledOutputsInput& input, const double* outputs_gradient,
                                    double* sums_gradient);

} // namespace gnncv::kernels
