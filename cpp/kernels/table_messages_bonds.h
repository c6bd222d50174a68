// The bonds of one center at a time, and where in the tables they lie. For the table_messages_*.cpp.
#pragma once

#include "kernels/register_shuffles.h"
#include "kernels/table_messages.h"
#include "kernels/table_places.h"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

// GNNCV_INSTANCE(attribute, bytes, channels, type) for all that with_channels chooses from.
#define GNNCV_CHANNEL_INSTANCES(attribute, bytes)                                                            \
    GNNCV_INSTANCE(attribute, bytes, 0, float)                                                               \
    GNNCV_INSTANCE(attribute, bytes, 0, double)                                                              \
    GNNCV_INSTANCE(attribute, bytes, 16, float)                                                              \
    GNNCV_INSTANCE(attribute, bytes, 16, double)                                                             \
    GNNCV_INSTANCE(attribute, bytes, 32, float)                                                              \
    GNNCV_INSTANCE(attribute, bytes, 32, double)                                                             \
    GNNCV_INSTANCE(attribute, bytes, 64, float)                                                              \
    GNNCV_INSTANCE(attribute, bytes, 64, double)

namespace gnncv::kernels {

// The bonds of one center: where in the tables each lies, the center as receiver and as sender, its place
// within the interval, and its neighbor.
template <typename T>
struct CenterBonds {
    std::int64_t center, first, n;
    const std::int32_t* receiving;
    const std::int32_t* sending;
    const T* t;
    const std::int32_t* neighbor;
};

// What a pair of species adds to the places in one table, in both roles of the center.
class SpeciesOffsets {
public:
    template <typename T>
    GNNCV_INLINE void fill(const TableMessagesInput<T>& input, CenterBonds<T>& bonds) {
        const std::int64_t stride = input.table.grid.n_intervals * table_terms * input.table.n_channels;
        const std::int64_t own = input.types[bonds.center], n_species = input.n_species;
        offsets_.resize(static_cast<std::size_t>(2 * bonds.n));
        std::int32_t *const receiving = offsets_.data(), *const sending = receiving + bonds.n;
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            const std::int64_t other = input.types[bonds.neighbor[b]];
            const std::int32_t within = bonds.receiving[b];
            receiving[b] = within + static_cast<std::int32_t>((own * n_species + other) * stride);
            sending[b] = within + static_cast<std::int32_t>((other * n_species + own) * stride);
        }
        bonds.receiving = receiving;
        bonds.sending = sending;
    }

private:
    std::vector<std::int32_t> offsets_;
};

// f(bonds) for each center; of half a list, for those bonds that stand for both directions.
template <typename T, typename F>
GNNCV_INLINE void for_centers(const TableMessagesInput<T>& input, const F& f) {
    const PairRows& pairs = input.pairs;
    TablePlaces<T> places;
    SpeciesOffsets species;
    std::int64_t center = pairs.first_center;
    while (center < pairs.n_centers) {
        places.fill(input.table, table_terms * input.table.n_channels, input.distances, pairs, center);
        for (; center < places.end_center(); ++center) {
            const std::int64_t first = pairs.begin(center);
            CenterBonds<T> bonds{center,
                                 first,
                                 pairs.end(center) - first,
                                 places.offset(first),
                                 places.offset(first),
                                 places.t(first),
                                 pairs.neighbor + first};
            if (input.n_species > 1) {
                species.fill(input, bonds);
            }
            f(bonds);
        }
    }
}

// sums[r] of the lanes of register r, for n registers in a row in memory with room for as many as lanes
// behind them. Registers of 64 bytes are folded as they are read: as many of them at once fit beside one
// another.
template <int bytes, typename T>
GNNCV_INLINE void sums_of_rows(T* rows, std::int64_t n, T* sums) {
    constexpr int width = LanesOf<T, bytes>::width, part = bytes < 32 ? bytes : 32;
    constexpr int at_once = LanesOf<T, part>::width;
    const auto some = [rows](std::int64_t first) __attribute__((always_inline)) {
        Lanes<T, part> x[at_once];
#pragma GCC unroll 16
        for (int k = 0; k < at_once; ++k) {
            const T* row = rows + (first + k) * width;
            x[k] = load_lanes<T, part>(row);
            if constexpr (width > at_once) {
                x[k] += load_lanes<T, part>(row + at_once);
            }
        }
        return sums_of_registers(x);
    };
    std::int64_t r = 0;
    for (; r + at_once <= n; r += at_once) {
        store_lanes<T>(sums + r, some(r));
    }
    if (r < n) {
        std::fill(rows + n * width, rows + (r + at_once) * width, T(0));
        T last[at_once];
        store_lanes<T>(last, some(r));
        std::copy_n(last, n - r, sums + r);
    }
}

// f(channels): how many, if kernels for so many are compiled, else 0.
template <typename F>
void with_channels(std::int64_t n_channels, const F& f) {
    switch (n_channels) {
    case 16:
        return f(std::integral_constant<int, 16>{});
    case 32:
        return f(std::integral_constant<int, 32>{});
    case 64:
        return f(std::integral_constant<int, 64>{});
    default:
        return f(std::integral_constant<int, 0>{});
    }
}

} // namespace gnncv::kernels
