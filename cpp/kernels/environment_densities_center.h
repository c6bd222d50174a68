// Bond-orientational densities at one center, by a group of lanes (see environment_densities.h): the lanes
// are bonds while harmonics and radial functions are made, and components lm while they are summed.
#pragma once

#include "kernels/environment_densities.h"
#include "kernels/lane_group.h"
#include "kernels/pair_geometry_items.h"
#include "kernels/spherical_harmonics.h"

#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

inline constexpr int radial_block = 4; // radial channels of a lane, kept in registers

// L: the degree if it is known to the compiler, else -1.
template <int L, typename T>
struct EnvironmentDensitiesAtCenter {
    EnvironmentInput<T> input;
    HarmonicCoefficients<T> harmonics;
    T* densities;
    T* coordination;

    // A row a bond: harmonics, table channels, room for reading a block beyond them; odd, so that lanes that
    // write rows at once write to different banks.
    GNNCV_INLINE int row_length() const {
        return static_cast<int>((n_lm() + input.table.n_channels + radial_block) | 1);
    }
    template <typename G>
    std::size_t scratch_bytes() const {
        return G::size * (row_length() * sizeof(T) + sizeof(std::int32_t));
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char* scratch) const {
        T* const rows = reinterpret_cast<T*>(scratch);
        std::int32_t* const species =
            reinterpret_cast<std::int32_t*>(scratch + G::size * row_length() * sizeof(T));
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        T switching = 0;
        // At least once: a center without bonds has densities of zero.
        for (std::int64_t p = first; p == first || p < last; p += G::size) {
            group.sync(); // the bonds before have been read
            if (p + group.lane() < last) {
                T* row = rows + group.lane() * row_length();
                switching += stage(p + group.lane(), row);
                species[group.lane()] = species_of(p + group.lane());
            }
            group.sync();
            const int n_bonds = static_cast<int>(last - p < G::size ? last - p : G::size);
            for (int s = 0; s < input.n_species; ++s) {
                for (int lm = group.lane(); lm < n_lm(); lm += G::size) {
                    sum_bonds(i, s, lm, rows, species, n_bonds, p == first);
                }
            }
        }
        switching = sum_of_group(group, switching);
        if (group.lane() == 0) {
            coordination[i] = switching;
        }
    }

private:
    GNNCV_INLINE int l_max() const { return L >= 0 ? L : input.l_max; }
    GNNCV_INLINE int n_lm() const { return (l_max() + 1) * (l_max() + 1); }
    GNNCV_INLINE std::int32_t species_of(std::int64_t p) const {
        return input.n_species == 1 ? 0 : static_cast<std::int32_t>(input.types[input.pairs.neighbor[p]]);
    }

    // One bond's row; returns its switching function.
    GNNCV_INLINE T stage(std::int64_t p, T* row) const {
        const Bond<T> bond(input.vectors + 3 * p);
        spherical_harmonics<T, T>(harmonics, l_max(), bond.x * bond.inverse, bond.y * bond.inverse,
                                  bond.z * bond.inverse, row);
        const TablePlace<T> place(input.table, bond.distance);
        T* radial = row + n_lm();
        for (std::int64_t k = 0; k < input.table.n_channels; ++k) {
            radial[k] = table_value(input.table, place, k);
        }
        return radial[input.table.n_channels - 1];
    }

    GNNCV_INLINE void sum_bonds(std::int64_t i, int s, int lm, const T* rows, const std::int32_t* species,
                                int n_bonds, bool anew) const {
        const int n_radial = static_cast<int>(input.table.n_channels) - 1;
        T* const out = densities + (i * input.n_species + s) * n_radial * n_lm() + lm;
        for (int k = 0; k < n_radial; k += radial_block) {
            T sum[radial_block] = {};
            for (int b = 0; b < n_bonds; ++b) {
                if (species[b] == s) { // the same for all lanes
                    const T* row = rows + b * row_length();
                    const T y = row[lm];
                    for (int v = 0; v < radial_block; ++v) {
                        sum[v] += row[n_lm() + k + v] * y;
                    }
                }
            }
            for (int v = 0; v < radial_block; ++v) {
                if (k + v < n_radial) {
                    T& total = out[(k + v) * n_lm()];
                    total = anew ? sum[v] : total + sum[v];
                }
            }
        }
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
        for (int lm = 0; lm < n_lm; ++lm) {
            weights[lm] = 0;
        }
        const TablePlace<T> place(input.table, bond.distance);
        T stretch = coordination_gradient[i] * table_value_and_slope(input.table, place, n_radial).slope;
        for (std::int64_t k = 0; k < n_radial; k += radial_block) {
            ValueAndSlope<T> radial[radial_block];
            for (int v = 0; v < radial_block; ++v) {
                radial[v] =
                    k + v < n_radial ? table_value_and_slope(input.table, place, k + v) : ValueAndSlope<T>{};
            }
            for (int lm = 0; lm < n_lm; ++lm) {
                T with_slope = 0;
                for (int v = 0; v < radial_block; ++v) {
                    const T g = k + v < n_radial ? gradient[(k + v) * n_lm + lm] : T(0);
                    weights[lm] += radial[v].value * g;
                    with_slope += radial[v].slope * g;
                }
                stretch += with_slope * harmonics[lm];
            }
        }
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
