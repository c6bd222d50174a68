// Densities of orientation at one center, by a group of lanes (see orientation_densities.h).
#pragma once

#include "kernels/orientation_densities.h"
#include "kernels/pair_geometry_items.h"
#include "kernels/staged_bonds.h"

#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

// A: the number of axes if it is known to the compiler, else -1.
template <int A, typename T>
struct OrientationDensitiesAtCenter {
    OrientationInput<T> input;
    T* densities;
    T* coordination;

    template <typename G>
    std::size_t scratch_bytes() const {
        return bonds().template scratch_bytes<G>();
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char* scratch) const {
        const int n_axes = A >= 0 ? A : input.terms.n_axes;
        const T* const own = input.axes + i * 3 * n_axes;
        bonds().sum(group, i, scratch, [&](std::int64_t p, T* row) {
            const Bond<T> bond(input.vectors + 3 * p);
            const T u[3] = {bond.x * bond.inverse, bond.y * bond.inverse, bond.z * bond.inverse};
            BondCosines<A, T> cosines;
            const std::int64_t j = input.pairs.neighbor[p];
            cosines_of_bond(n_axes, u, own, input.axes + j * 3 * n_axes, cosines);
            orientation_terms<T>(input.terms, cosines, row);
            return bond.place(input.table);
        });
    }

private:
    GNNCV_INLINE StagedBonds<T> bonds() const {
        return {input.pairs,         input.types, input.table, input.n_species,
                input.terms.count(), densities,   coordination};
    }
};

// The lanes are bonds. What the center's axes are to its neighbors' densities is found at these: the pair
// list must be full, each bond in both directions.
template <int A, typename T>
struct OrientationDensitiesGradientAtCenter {
    OrientationInput<T> input;
    OrientationGradients<T> gradients;
    T* vectors_gradient;
    T* axes_gradient; // null if not wanted

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char*) const {
        const int n_axes = A >= 0 ? A : input.terms.n_axes;
        const std::int64_t last = input.pairs.row_ptr[i + 1];
        T of_axes[3 * OrientationRoom<A>::axes] = {};
        for (std::int64_t p = input.pairs.row_ptr[i] + group.lane(); p < last; p += G::size) {
            bond_gradient(i, p, of_axes);
        }
        if (axes_gradient == nullptr) {
            return;
        }
        for (int c = 0; c < 3 * n_axes; ++c) {
            const T sum = sum_of_group(group, of_axes[c]);
            if (group.lane() == 0) {
                axes_gradient[i * 3 * n_axes + c] = sum;
            }
        }
    }

private:
    GNNCV_INLINE void bond_gradient(std::int64_t i, std::int64_t p, T* of_axes) const {
        const int n_axes = A >= 0 ? A : input.terms.n_axes;
        const std::int64_t j = input.pairs.neighbor[p];
        const T *const own = input.axes + i * 3 * n_axes, *const other = input.axes + j * 3 * n_axes;
        const Bond<T> bond(input.vectors + 3 * p);
        const TablePlace<T> place = bond.place(input.table);
        const T u[3] = {bond.x * bond.inverse, bond.y * bond.inverse, bond.z * bond.inverse};
        BondCosines<A, T> cosines, slopes;
        cosines_of_bond(n_axes, u, own, other, cosines);
        const T stretch = slopes_of(i, j, place, cosines, slopes) +
                          gradients.coordination[i] *
                              table_value_and_slope(input.table, place, input.table.n_channels - 1).slope;
        T g[3];
        direction_gradient<A>(n_axes, slopes, own, other, g);
        const T along = stretch - (g[0] * u[0] + g[1] * u[1] + g[2] * u[2]) * bond.inverse;
        for (int k = 0; k < 3; ++k) {
            vectors_gradient[3 * p + k] = along * u[k] + g[k] * bond.inverse;
        }
        if (axes_gradient != nullptr) {
            add_own_gradient<A>(n_axes, slopes, u, own, other, of_axes);
            const T back[3] = {-u[0], -u[1], -u[2]};
            cosines_of_bond(n_axes, back, other, own, cosines);
            slopes_of(j, i, place, cosines, slopes);
            add_other_gradient<A>(n_axes, slopes, back, other, own, of_axes);
        }
    }

    // Of the densities at i, through the terms of the bond to j; returns the slope by its length.
    GNNCV_INLINE T slopes_of(std::int64_t i, std::int64_t j, const TablePlace<T>& place,
                             const BondCosines<A, T>& cosines, BondCosines<A, T>& slopes) const {
        const std::int64_t s = input.n_species == 1 ? 0 : input.types[j];
        const int n_terms = input.terms.count();
        const T* const gradient =
            gradients.densities + (i * input.n_species + s) * (input.table.n_channels - 1) * n_terms;
        T terms[OrientationRoom<A>::terms], weights[OrientationRoom<A>::terms];
        orientation_terms<T>(input.terms, cosines, terms);
        const T stretch = weigh_angular(input.table, place, gradient, n_terms, terms, weights);
        orientation_slopes<T>(input.terms, cosines, weights, slopes);
        return stretch;
    }
};

} // namespace gnncv::kernels
