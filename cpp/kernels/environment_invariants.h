// From pair vectors to the standardized invariants of each site: densities A (environment_densities.h), their
// averages over neighbors B (averaged_densities.h) and features (environment_features.h), the later ones of a
// site while its densities are near. Rows of densities are padded with zeros to whole registers.
//
// Forward: densities of all centers, then averages and features. Backward: gradients of B by the features of
// all sites, then of the vectors. What features and averages do to a center's densities is summed where its
// bonds are at hand, so no gradient of distances or densities is stored for it.
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

// `environment` has row_stride = padded_row(row_size()) and its densities divided; mean, scale and floor as
// in FeatureInput.
template <typename T>
struct InvariantsInput {
    EnvironmentInput<T> environment;
    const double* mean;
    const double* scale;
    double floor;
};

// What the forward passes leave: densities, averaged (n_centers, row_stride), both over 1 + coordination;
// coordination (n_centers), switching (n_pairs), slopes (n_centers, n_features - 1; see site_magnitudes.h).
template <typename T>
struct InvariantsState {
    T* densities;
    T* averaged;
    T* coordination;
    T* switching;
    T* slopes;
};

// After environment_densities_kernel has filled all of densities, coordination and switching: averaged,
// slopes, and features (n_centers, n_features) of the rows' own centers.
template <typename T>
void environment_invariants_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                   T* features);

// By the features: their own gradient (n_centers, n_features), and what it makes of averaged (n_centers,
// row_stride; it may be written over the state's, which only the sites' kernel reads) and of the coordination
// numbers where they are not in densities.
template <typename T>
struct InvariantsGradients {
    const T* features;
    T* averaged;
    T* coordination;
};
// averaged and coordination of the rows' own centers.
template <typename T>
void environment_invariants_sites_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const InvariantsGradients<T>& gradients);

// After it has run for all centers: vectors_gradient (n_pairs,3), overwritten, of the rows' own pairs.
template <typename T>
void environment_invariants_pairs_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const InvariantsGradients<T>& gradients, T* vectors_gradient);

} // namespace gnncv::kernels
