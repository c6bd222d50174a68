// Standardized densities of orientation, own and averaged over the neighbors, with what their gradients need:
// orientation_densities and averaged_densities in one, in which the switching function of a pair is made once
// and divisions act on rows that stay near. Pair lists must be full: each bond in both directions.
#pragma once

#include "kernels/orientation_densities.h"

#include <cstdint>

namespace gnncv::kernels {

// `orientation` has its densities divided; mean and scale (n_features), row_size() of them for the own
// densities, then, if `averaged`, as many for the averages.
template <typename T>
struct OrientationInvariantsInput {
    OrientationInput<T> orientation;
    const double* mean;
    const double* scale;
    bool averaged;

    [[nodiscard]] std::int64_t n_features() const { return (averaged ? 2 : 1) * orientation.row_size(); }
};

// What the forward passes leave: densities over 1 + coordination and their sums with the neighbors' (the
// latter only if averaged), both (n_centers, row_size()); coordination (n_centers), switching (n_pairs).
template <typename T>
struct OrientationState {
    T* densities;
    T* averaged;
    T* coordination;
    T* switching;
};

// After orientation_densities_kernel has filled all of densities, coordination and switching: averaged, and
// features (n_centers, n_features) of the rows' own centers.
template <typename T>
void orientation_invariants_kernel(const OrientationInvariantsInput<T>& input,
                                   const OrientationState<T>& state, T* features);

// By the features: their own gradient (n_centers, n_features), and what it makes of state.averaged, in its
// shape, and of the coordination numbers through the averages.
template <typename T>
struct OrientationFeatureGradients {
    const T* features;
    T* averaged;
    T* coordination;
};
// averaged and coordination of the rows' own centers; only if averaged.
template <typename T>
void orientation_invariants_sites_kernel(const OrientationInvariantsInput<T>& input,
                                         const OrientationState<T>& state,
                                         const OrientationFeatureGradients<T>& gradients);

// After it has run for all centers: vectors_gradient and axes_gradient as of
// orientation_densities_backward_kernel.
template <typename T>
void orientation_invariants_pairs_kernel(const OrientationInvariantsInput<T>& input,
                                         const OrientationState<T>& state,
                                         const OrientationFeatureGradients<T>& gradients, T* vectors_gradient,
                                         T* axes_gradient);

} // namespace gnncv::kernels
