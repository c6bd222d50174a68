// Negative log-density of sites' latents under a mixture of normal distributions, in double precision:
//   h(z) = -log sum_k exp(c_k - |W_k^T (z - m_k)|^2 / 2) - floor
//   dh/dz = sum_k p_k W_k W_k^T (z - m_k),  p_k the share of component k in the sum
// with W_k W_k^T the precision of component k, c_k its log-weight with the normalization.
#pragma once

#include <cstdint>

namespace gnncv::kernels {

// log_weights (n_components), means (n_components, n_latent), whitenings (n_components, n_latent, n_latent).
struct NormalMixture {
    const double* log_weights;
    const double* means;
    const double* whitenings;
    double floor;
    std::int64_t n_latent;
    std::int64_t n_components;
};

// latents (n_sites, n_latent); surprises (n_sites), overwritten from site `begin` to `end`.
template <typename T>
void latent_density_kernel(const NormalMixture& mixture, const T* latents, double* surprises,
                           std::int64_t begin, std::int64_t end);

// latents_gradient (n_sites, n_latent), overwritten.
template <typename T>
void latent_density_backward_kernel(const NormalMixture& mixture, const T* latents,
                                    const double* surprises_gradient, T* latents_gradient, std::int64_t begin,
                                    std::int64_t end);

} // namespace gnncv::kernels
