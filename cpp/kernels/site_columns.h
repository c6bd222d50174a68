// What a collective variable knows of each site, in double precision, from the networks' outputs:
//   latents;  probabilities p_c = exp(l_c) / sum_b exp(l_b) of all classes but the first;
//   novelty = ((e / e_0)^4 + (h / h_0)^4 + 1e-30)^(1/4) / v_0
// with the reconstruction error e, the surprise h of the latent, and their scales.
#pragma once

#include <cstdint>

namespace gnncv::kernels {

inline constexpr double novelty_floor = 1e-30; // keeps the root's slope finite at zero

// latents (n_sites, n_latent), logits (n_sites, n_classes), errors and surprises (n_sites).
template <typename T>
struct SiteColumnsInput {
    const T* latents;
    const T* logits;
    const T* errors;
    const double* surprises;
    std::int64_t n_latent;
    std::int64_t n_classes; // zero, or at least two
    double error_scale, surprise_scale, novelty_scale;

    [[nodiscard]] std::int64_t n_probabilities() const { return n_classes > 0 ? n_classes - 1 : 0; }
    [[nodiscard]] std::int64_t n_columns() const { return n_latent + n_probabilities() + 1; }
};

// columns (n_sites, n_columns), overwritten for the sites begin .. end-1.
template <typename T>
void site_columns_kernel(const SiteColumnsInput<T>& input, double* columns, std::int64_t begin,
                         std::int64_t end);

// In the shapes of the inputs, null where not wanted.
template <typename T>
struct SiteColumnsGradients {
    T* latents;
    T* logits;
    T* errors;
    double* surprises;
};
template <typename T>
void site_columns_backward_kernel(const SiteColumnsInput<T>& input, const double* columns,
                                  const double* columns_gradient, const SiteColumnsGradients<T>& gradients,
                                  std::int64_t begin, std::int64_t end);

// sums[c] = sum_i columns[i, c], of the last column sum_i columns[i, c]^4
void site_sums_kernel(const double* columns, std::int64_t n_columns, std::int64_t begin, std::int64_t end,
                      double* sums);
void site_sums_backward_kernel(const double* columns, const double* sums_gradient, std::int64_t n_columns,
                               std::int64_t begin, std::int64_t end, double* columns_gradient);

} // namespace gnncv::kernels
