// Densities averaged over the neighbors, with the weights of a switching function and coordination numbers n:
//   B[i] = A[i] + sum_j f(d_ij) (1 + n_i) / (1 + n_j) A[j]
// so that B / (1 + n)^2 is A / (1 + n) averaged over the site and its neighbors (Lechner and Dellago, J.
// Chem. Phys. 129, 114707, 2008, eq. 6, made continuous).
//
// The pair list must be full: each bond in both directions. The backward pass gathers too: what A[j] is part
// of is found among the neighbors of j, and since f depends on the distance alone, a bond's slope may be put
// on either of its two directions.
#pragma once

#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cstdint>

namespace gnncv::kernels {

// distances (n_pairs); the last channel of the table is f; densities (n_centers,n_channels),
// coordination (n_centers).
template <typename T>
struct AveragedInput {
    const T* distances;
    PairRows pairs;
    RadialTable<T> table;
    const T* densities;
    const T* coordination;
    std::int64_t n_channels;
};

// averaged (n_centers,n_channels), overwritten.
template <typename T>
void averaged_densities_kernel(const AveragedInput<T>& input, T* averaged);

// Gradients in the shapes of the inputs, overwritten.
template <typename T>
struct AveragedGradients {
    T* distances;
    T* densities;
    T* coordination;
};
// `averaged` is what the forward pass gave.
template <typename T>
void averaged_densities_backward_kernel(const AveragedInput<T>& input, const T* averaged,
                                        const T* averaged_gradient, const AveragedGradients<T>& gradients);

} // namespace gnncv::kernels
