// Densities of orientation and coordination numbers straight from pair vectors and the axes of sites:
//   O[i, s, k, t] = sum over the neighbors j of species s of R_k(d_ij) T_t(u_ij, a_i, a_j),
//   n[i] = sum_j f(d_ij)
// with R_k and f the channels of a table, f the last, and T the terms of orientation_terms.h. Nothing is
// stored per pair.
#pragma once

#include "kernels/center_gradients.h"
#include "kernels/orientation_terms.h"
#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cstdint>

namespace gnncv::kernels {

// vectors (n_pairs,3), axes (n_centers, n_axes, 3), types (n_centers); table of n_radial + 1 channels.
template <typename T>
struct OrientationInput {
    const T* vectors;
    const T* axes;
    PairRows pairs;
    const std::int64_t* types;
    RadialTable<T> table;
    int n_species;
    OrientationTerms terms;
    bool divided = false; // the forward kernel on the CPU leaves densities over 1 + coordination

    [[nodiscard]] GNNCV_INLINE std::int64_t row_size() const {
        return n_species * (table.n_channels - 1) * terms.count();
    }
};

// densities (n_centers, n_species * n_radial, n_terms), coordination (n_centers); overwritten. `switching`
// (n_pairs) may be null: f of each pair.
template <typename T>
void orientation_densities_kernel(const OrientationInput<T>& input, T* densities, T* coordination,
                                  T* switching = nullptr);

// By the densities and the coordination numbers, in their shapes.
template <typename T>
struct OrientationGradients {
    const T* densities;
    const T* coordination;
};

// vectors_gradient (n_pairs,3), overwritten. axes_gradient (n_centers, n_axes, 3), added to, at the centers
// worked on and at their neighbors; null if not wanted. A vector of length zero has gradient zero.
template <typename T>
void orientation_densities_backward_kernel(const OrientationInput<T>& input,
                                           const OrientationGradients<T>& gradients, T* vectors_gradient,
                                           T* axes_gradient);
// The same with gradients that come center by center.
template <typename T>
void orientation_densities_backward_kernel(const OrientationInput<T>& input, CenterGradients<T>& gradients,
                                           T* vectors_gradient, T* axes_gradient);

} // namespace gnncv::kernels
