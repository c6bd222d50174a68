// From pair vectors to the standardized invariants of each site: densities A (environment_densities.h), their
// averages over neighbors B (averaged_densities.h) and features (environment_features.h), the later ones of a
// site while its densities are near. Rows of densities are padded with zeros to whole registers.
//
// Forward: densities of all centers, then averages and features. Backward: gradients of A and B from the
// features of all sites, then of the vectors. What the averages do to a center's densities is summed where
// its bonds are at hand, so no gradient of distances or densities is stored for it.
#pragma once

#include "kernels/environment_densities.h"
#include "kernels/environment_features.h"
#include "kernels/lanes.h"

#include <cstdint>

namespace gnncv::kernels {

// Numbers of a padded row.
template <typename T>
constexpr std::int64_t padded_row(std::int64_t n_channels) {
    constexpr std::int64_t width = LanesOf<T>::width;
    return (n_channels + width - 1) / width * width;
}

// `environment` has row_stride = padded_row(row_size()); mean, scale and floor as in FeatureInput.
template <typename T>
struct InvariantsInput {
    EnvironmentInput<T> environment;
    const double* mean;
    const double* scale;
    double floor;
};

// What the forward passes leave: densities, averaged (n_centers, row_stride), coordination (n_centers),
// switching (n_pairs).
template <typename T>
struct InvariantsState {
    T* densities;
    T* averaged;
    T* coordination;
    T* switching;
};

// After environment_densities_kernel has filled all of densities, coordination and switching: averaged, and
// features (n_centers, n_features) of the rows' own centers.
template <typename T>
void environment_invariants_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                   T* features);

// Gradients of densities and averaged (n_centers, row_stride) and of the coordination numbers by the features
// alone, of the rows' own centers.
template <typename T>
void environment_invariants_sites_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const T* features_gradient, const FeatureGradients<T>& gradients);

// After it has run for all centers: vectors_gradient (n_pairs,3), overwritten, of the rows' own pairs.
template <typename T>
void environment_invariants_pairs_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const FeatureGradients<T>& gradients, T* vectors_gradient);

} // namespace gnncv::kernels
