// Bond-orientational densities at one center, by a group of lanes (see environment_densities.h).
#pragma once

#include "kernels/environment_densities.h"
#include "kernels/pair_geometry_items.h"
#include "kernels/spherical_harmonics.h"
#include "kernels/staged_bonds.h"

#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

// L: the degree if it is known to the compiler, else -1.
template <int L, typename T>
struct EnvironmentDensitiesAtCenter {
    EnvironmentInput<T> input;
    HarmonicCoefficients<T> harmonics;
    T* densities;
    T* coordination;

    template <typename G>
    std::size_t scratch_bytes() const {
        return bonds().template scratch_bytes<G>();
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char* scratch) const {
        bonds().sum(group, i, scratch, [this](std::int64_t p, T* row) {
            const Bond<T> bond(input.vectors + 3 * p);
            spherical_harmonics<T, T>(harmonics, l_max(), bond.x * bond.inverse, bond.y * bond.inverse,
                                      bond.z * bond.inverse, row);
            return bond.place(input.table);
        });
    }

private:
    GNNCV_INLINE int l_max() const { return L >= 0 ? L : input.l_max; }
    GNNCV_INLINE StagedBonds<T> bonds() const {
        const int n_lm = (l_max() + 1) * (l_max() + 1);
        return {input.pairs, input.types, input.table, input.n_species, n_lm, densities, coordination};
    }
};

// The lanes are bonds; all of one center read the same gradient at once.
template <int L, typename T>
struct EnvironmentDensitiesGradientAtCenter {
    EnvironmentInput<T> input;
    HarmonicCoefficients<T> coefficients;
    const T* densities_gradient;
    const T* coordination_gradient;
    T* vectors_gradient;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char*) const {
        const std::int64_t last = input.pairs.row_ptr[i + 1];
        for (std::int64_t p = input.pairs.row_ptr[i] + group.lane(); p < last; p += G::size) {
            bond_gradient(i, p);
        }
    }

private:
    GNNCV_INLINE void bond_gradient(std::int64_t i, std::int64_t p) const {
        const int l_max = L >= 0 ? L : input.l_max, n_lm = (l_max + 1) * (l_max + 1);
        const std::int64_t n_radial = input.table.n_channels - 1;
        const std::int64_t s = input.n_species == 1 ? 0 : input.types[input.pairs.neighbor[p]];
        const T* const gradient = densities_gradient + (i * input.n_species + s) * n_radial * n_lm;
        const Bond<T> bond(input.vectors + 3 * p);
        const T x = bond.x * bond.inverse, y = bond.y * bond.inverse, z = bond.z * bond.inverse;
        T harmonics[L >= 0 ? (L + 1) * (L + 1) : max_harmonics];
        T weights[L >= 0 ? (L + 1) * (L + 1) : max_harmonics]; // sum_k R_k G_k,lm
        spherical_harmonics<T, T>(coefficients, l_max, x, y, z, harmonics);
        const TablePlace<T> place = bond.place(input.table);
        const T stretch =
            weigh_angular(input.table, place, gradient, n_lm, harmonics, weights) +
            coordination_gradient[i] * table_value_and_slope(input.table, place, n_radial).slope;
        T slope[3];
        contract_harmonic_gradients<T, T>(coefficients, l_max, x, y, z, weights, slope);
        const T along = slope[0] * x + slope[1] * y + slope[2] * z;
        T* const out = vectors_gradient + 3 * p;
        out[0] = stretch * x + (slope[0] - along * x) * bond.inverse;
        out[1] = stretch * y + (slope[1] - along * y) * bond.inverse;
        out[2] = stretch * z + (slope[2] - along * z) * bond.inverse;
    }
};

} // namespace gnncv::kernels
