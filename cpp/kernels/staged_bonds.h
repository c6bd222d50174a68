// Densities at one center, by a group of lanes: the lanes are bonds while functions of angles and of distance
// are made, a row a bond, and functions of angles while their products are summed.
#pragma once

#include "kernels/lane_group.h"
#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

inline constexpr int radial_block = 4; // radial channels of a lane, kept in registers

// densities (n_centers, n_species * n_radial, n_angular), coordination (n_centers).
template <typename T>
struct StagedBonds {
    PairRows pairs;
    const std::int64_t* types;
    RadialTable<T> table;
    int n_species;
    int n_angular;
    T* densities;
    T* coordination;

    // A row a bond: functions of angles, table channels, room for reading a block beyond them; odd, so that
    // lanes that write rows at once write to different banks.
    [[nodiscard]] GNNCV_INLINE int row_length() const {
        return static_cast<int>((n_angular + table.n_channels + radial_block) | 1);
    }
    template <typename G>
    [[nodiscard]] std::size_t scratch_bytes() const {
        return G::size * (row_length() * sizeof(T) + sizeof(std::int32_t));
    }

    // angular(p, row) writes the functions of the angles of pair p, and returns its length.
    template <typename G, typename F>
    GNNCV_INLINE void sum(const G& group, std::int64_t i, char* scratch, const F& angular) const {
        T* const rows = reinterpret_cast<T*>(scratch);
        std::int32_t* const species =
            reinterpret_cast<std::int32_t*>(scratch + G::size * row_length() * sizeof(T));
        const std::int64_t first = pairs.row_ptr[i], last = pairs.row_ptr[i + 1];
        T switching = 0;
        // At least once: a center without bonds has densities of zero.
        for (std::int64_t p = first; p == first || p < last; p += G::size) {
            group.sync(); // the bonds before have been read
            if (p + group.lane() < last) {
                T* const row = rows + group.lane() * row_length();
                switching += stage_radial(angular(p + group.lane(), row), row + n_angular);
                species[group.lane()] = species_of(p + group.lane());
            }
            group.sync();
            const int n_bonds = static_cast<int>(last - p < G::size ? last - p : G::size);
            for (int s = 0; s < n_species; ++s) {
                for (int t = group.lane(); t < n_angular; t += G::size) {
                    sum_bonds(i, s, t, rows, species, n_bonds, p == first);
                }
            }
        }
        switching = sum_of_group(group, switching);
        if (group.lane() == 0) {
            coordination[i] = switching;
        }
    }

private:
    GNNCV_INLINE std::int32_t species_of(std::int64_t p) const {
        return n_species == 1 ? 0 : static_cast<std::int32_t>(types[pairs.neighbor[p]]);
    }

    // All channels at this distance; returns the last, the switching function.
    GNNCV_INLINE T stage_radial(const TablePlace<T>& place, T* radial) const {
        for (std::int64_t k = 0; k < table.n_channels; ++k) {
            radial[k] = table_value(table, place, k);
        }
        return radial[table.n_channels - 1];
    }

    GNNCV_INLINE void sum_bonds(std::int64_t i, int s, int t, const T* rows, const std::int32_t* species,
                                int n_bonds, bool anew) const {
        const int n_radial = static_cast<int>(table.n_channels) - 1;
        T* const out = densities + (i * n_species + s) * n_radial * n_angular + t;
        for (int k = 0; k < n_radial; k += radial_block) {
            T sum[radial_block] = {};
            for (int b = 0; b < n_bonds; ++b) {
                if (species[b] == s) { // the same for all lanes
                    const T* row = rows + b * row_length();
                    const T y = row[t];
                    for (int v = 0; v < radial_block; ++v) {
                        sum[v] += row[n_angular + k + v] * y;
                    }
                }
            }
            for (int v = 0; v < radial_block; ++v) {
                if (k + v < n_radial) {
                    T& total = out[(k + v) * n_angular];
                    total = anew ? sum[v] : total + sum[v];
                }
            }
        }
    }
};

// At one bond, the densities' gradient of its center and its species, (n_radial, n_angular): weights
// sum_k R_k G_kt of the functions of angles; returns the slope by its length through the radial functions.
template <typename T>
GNNCV_INLINE T weigh_angular(const RadialTable<T>& table, const TablePlace<T>& place, const T* gradient,
                             int n_angular, const T* angular, T* weights) {
    const std::int64_t n_radial = table.n_channels - 1;
    for (int t = 0; t < n_angular; ++t) {
        weights[t] = 0;
    }
    T stretch = 0;
    for (std::int64_t k = 0; k < n_radial; k += radial_block) {
        ValueAndSlope<T> radial[radial_block];
        for (int v = 0; v < radial_block; ++v) {
            radial[v] = k + v < n_radial ? table_value_and_slope(table, place, k + v) : ValueAndSlope<T>{};
        }
        for (int t = 0; t < n_angular; ++t) {
            T with_slope = 0;
            for (int v = 0; v < radial_block; ++v) {
                const T g = k + v < n_radial ? gradient[(k + v) * n_angular + t] : T(0);
                weights[t] += radial[v].value * g;
                with_slope += radial[v].slope * g;
            }
            stretch += with_slope * angular[t];
        }
    }
    return stretch;
}

} // namespace gnncv::kernels
