// Rotation invariants of densities: p[i,k,l] = 4 pi / (2 l + 1) sum_m A[i,k,lm]^2, the square of Steinhardt's
// q_l for A = mean of Y_lm. Source: P. J. Steinhardt, D. R. Nelson, M. Ronchetti, Phys. Rev. B 28, 784
// (1983), doi:10.1103/PhysRevB.28.784.
#pragma once

#include <cstdint>

namespace gnncv::kernels {

// densities (n_rows, (l_max+1)^2) -> invariants (n_rows, l_max+1); n_rows counts centers times radial
// channels.
template <typename T>
void density_invariants_kernel(const T* densities, std::int64_t n_rows, int l_max, T* invariants);

// densities_gradient[lm] = 8 pi / (2 l + 1) A[lm] invariants_gradient[l].
template <typename T>
void density_invariants_backward_kernel(const T* densities, std::int64_t n_rows, int l_max,
                                        const T* invariants_gradient, T* densities_gradient);

} // namespace gnncv::kernels
