// Averaged densities at one center, by a group of lanes (see averaged_densities.h for the equations): the
// lanes are channels, and the bonds' weights are made for as many bonds as there are lanes at once.
#pragma once

#include "kernels/averaged_densities.h"
#include "kernels/lane_group.h"

#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

inline constexpr int averaged_channels = 8; // of a lane, kept in registers

// The weights of as many bonds as there are lanes, and their other ends, where all lanes see them.
template <typename G, typename T>
struct BondWeights {
    T* weight;
    std::int32_t* neighbor;

    static std::size_t bytes() { return G::size * (sizeof(T) + sizeof(std::int32_t)); }
    GNNCV_INLINE explicit BondWeights(char* scratch)
        : weight(reinterpret_cast<T*>(scratch)),
          neighbor(reinterpret_cast<std::int32_t*>(scratch + G::size * sizeof(T))) {}
};

template <typename T>
struct AveragedDensitiesAtCenter {
    AveragedInput<T> input;
    T* averaged;

    template <typename G>
    std::size_t scratch_bytes() const {
        return BondWeights<G, T>::bytes();
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char* scratch) const {
        constexpr std::int64_t step = averaged_channels * G::size;
        const std::int64_t n_channels = input.n_channels, last = input.pairs.row_ptr[i + 1];
        const BondWeights<G, T> bonds(scratch);
        const T own = T(1) + input.coordination[i];
        for (std::int64_t first_channel = 0; first_channel < n_channels; first_channel += step) {
            const std::int64_t channel = first_channel + group.lane();
            T sum[averaged_channels];
            for (int v = 0; v < averaged_channels; ++v) {
                const std::int64_t c = channel + v * G::size;
                sum[v] = c < n_channels ? input.densities[i * n_channels + c] : T(0);
            }
            for (std::int64_t p = input.pairs.row_ptr[i]; p < last; p += G::size) {
                group.sync(); // the bonds before have been read
                if (p + group.lane() < last) {
                    stage(bonds, group.lane(), p + group.lane(), own);
                }
                group.sync();
                const int n_bonds = static_cast<int>(last - p < G::size ? last - p : G::size);
                for (int b = 0; b < n_bonds; ++b) {
                    const T weight = bonds.weight[b];
                    const T* row = input.densities + bonds.neighbor[b] * n_channels;
                    for (int v = 0; v < averaged_channels; ++v) {
                        const std::int64_t c = channel + v * G::size;
                        sum[v] += c < n_channels ? weight * row[c] : T(0);
                    }
                }
            }
            for (int v = 0; v < averaged_channels; ++v) {
                const std::int64_t c = channel + v * G::size;
                if (c < n_channels) {
                    averaged[i * n_channels + c] = sum[v];
                }
            }
        }
    }

private:
    template <typename G>
    GNNCV_INLINE void stage(const BondWeights<G, T>& bonds, int b, std::int64_t p, T own) const {
        const std::int32_t j = input.pairs.neighbor[p];
        const TablePlace<T> place(input.table, input.distances[p]);
        bonds.neighbor[b] = j;
        bonds.weight[b] = table_value(input.table, place, input.table.n_channels - 1) * own /
                          (T(1) + input.coordination[j]);
    }
};

// Bond by bond, g_i . A[j] is summed over the lanes, and each lane finishes the bond that it made.
template <typename T>
struct AveragedDensitiesGradientAtCenter {
    AveragedInput<T> input;
    const T* averaged;
    const T* averaged_gradient;
    AveragedGradients<T> gradients;

    template <typename G>
    std::size_t scratch_bytes() const {
        return BondWeights<G, T>::bytes();
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t j, char* scratch) const {
        constexpr std::int64_t step = averaged_channels * G::size;
        const std::int64_t n_channels = input.n_channels, last = input.pairs.row_ptr[j + 1];
        const BondWeights<G, T> bonds(scratch);
        const T own = T(1) + input.coordination[j];
        T shared = 0, over_bonds = 0; // sums of this lane
        for (std::int64_t first_channel = 0; first_channel < n_channels; first_channel += step) {
            const std::int64_t channel = first_channel + group.lane();
            T density[averaged_channels], sum[averaged_channels];
            for (int v = 0; v < averaged_channels; ++v) {
                const std::int64_t c = channel + v * G::size, at = j * n_channels + c;
                density[v] = c < n_channels ? input.densities[at] : T(0);
                sum[v] = c < n_channels ? averaged_gradient[at] : T(0);
                shared += c < n_channels ? sum[v] * (averaged[at] - density[v]) : T(0);
            }
            for (std::int64_t p = input.pairs.row_ptr[j]; p < last; p += G::size) {
                ValueAndSlope<T> switching{};
                T ratio = 0, product = 0; // of this lane's bond
                const std::int64_t mine = p + group.lane();
                group.sync(); // the bonds before have been read
                if (mine < last) {
                    const std::int32_t i = input.pairs.neighbor[mine];
                    const TablePlace<T> place(input.table, input.distances[mine]);
                    switching = table_value_and_slope(input.table, place, input.table.n_channels - 1);
                    ratio = (T(1) + input.coordination[i]) / own;
                    bonds.neighbor[group.lane()] = i;
                    bonds.weight[group.lane()] = switching.value * ratio;
                }
                group.sync();
                const int n_bonds = static_cast<int>(last - p < G::size ? last - p : G::size);
                for (int b = 0; b < n_bonds; ++b) {
                    const T weight = bonds.weight[b];
                    const T* row = averaged_gradient + bonds.neighbor[b] * n_channels;
                    T part = 0;
                    for (int v = 0; v < averaged_channels; ++v) {
                        const std::int64_t c = channel + v * G::size;
                        const T g = c < n_channels ? row[c] : T(0);
                        sum[v] += weight * g;
                        part += g * density[v];
                    }
                    part = sum_of_group(group, part);
                    product = b == group.lane() ? part : product;
                }
                if (mine < last) {
                    const T of_value = ratio * product;
                    const T before = first_channel == 0 ? T(0) : gradients.distances[mine];
                    gradients.distances[mine] = before + of_value * switching.slope;
                    over_bonds += of_value * switching.value;
                }
            }
            for (int v = 0; v < averaged_channels; ++v) {
                const std::int64_t c = channel + v * G::size;
                if (c < n_channels) {
                    gradients.densities[j * n_channels + c] = sum[v];
                }
            }
        }
        const T total = sum_of_group(group, shared - over_bonds);
        if (group.lane() == 0) {
            gradients.coordination[j] = total / own;
        }
    }
};

} // namespace gnncv::kernels
