// Bond-orientational densities A[i,k,lm] = sum over the pairs p of center i of radial[p,k] Y_lm(vectors[p] /
// |vectors[p]|).
#pragma once

#include <cstdint>

namespace gnncv::kernels {

// vectors (n_pairs,3), radial (n_pairs,n_radial), row_ptr (n_centers+1); C-contiguous.
template <typename T>
struct BondDensityInput {
    const T* vectors;
    const T* radial;
    const std::int64_t* row_ptr;
    std::int64_t n_centers;
    std::int64_t n_radial;
    int l_max;
};

// densities (n_centers, n_radial, (l_max+1)^2), overwritten.
template <typename T>
void bond_densities_kernel(const BondDensityInput<T>& input, T* densities);

// From densities_gradient (shape of densities) to vectors_gradient (n_pairs,3) and radial_gradient
// (n_pairs,n_radial), both overwritten. A vector of length zero has no direction: its direction and its
// gradient are taken as zero.
template <typename T>
void bond_densities_backward_kernel(const BondDensityInput<T>& input, const T* densities_gradient,
                                    T* vectors_gradient, T* radial_gradient);

} // namespace gnncv::kernels
