// Bond-orientational densities and coordination numbers straight from pair vectors:
//   A[i, s, k, lm] = sum over the neighbors j of species s of R_k(d_ij) Y_lm(u_ij),   n[i] = sum_j f(d_ij)
// with R_k and f the channels of a table, f the last. Nothing is stored per pair.
#pragma once

#include "kernels/center_gradients.h"
#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cstdint>

namespace gnncv::kernels {

// vectors (n_pairs,3), types (n_centers); table of n_radial + 1 channels.
template <typename T>
struct EnvironmentInput {
    const T* vectors;
    PairRows pairs;
    const std::int64_t* types;
    RadialTable<T> table;
    int n_species;
    int l_max;
    std::int64_t row_stride = 0; // numbers from one center's densities to the next one's; 0: no gaps
    bool divided = false;        // the forward kernel leaves densities over 1 + coordination

    [[nodiscard]] std::int64_t row_size() const {
        return n_species * (table.n_channels - 1) * (l_max + 1) * (l_max + 1);
    }
    [[nodiscard]] std::int64_t stride() const { return row_stride > 0 ? row_stride : row_size(); }
};

// densities (n_centers, n_species * n_radial, (l_max+1)^2), coordination (n_centers); overwritten, gaps with
// zeros. `switching` (n_pairs) may be null: f of each pair.
template <typename T>
void environment_densities_kernel(const EnvironmentInput<T>& input, T* densities, T* coordination,
                                  T* switching = nullptr);

// vectors_gradient (n_pairs,3), overwritten. A vector of length zero has gradient zero.
template <typename T>
void environment_densities_backward_kernel(const EnvironmentInput<T>& input, const T* densities_gradient,
                                           const T* coordination_gradient, T* vectors_gradient);

// The same with gradients that come center by center.
template <typename T>
void environment_densities_backward_kernel(const EnvironmentInput<T>& input, CenterGradients<T>& gradients,
                                           T* vectors_gradient);

} // namespace gnncv::kernels
