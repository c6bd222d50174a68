// Filtered message passing at one center, by a group of lanes (see table_messages.h): the lanes are channels.
#pragma once

#include "kernels/channel_lanes.h"
#include "kernels/table_messages.h"

#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

// The filters of the bond with this receiver and this sender.
template <typename T>
GNNCV_INLINE RadialTable<T> filters_of(const TableMessagesInput<T>& input, std::int64_t receiver,
                                       std::int64_t sender) {
    RadialTable<T> table = input.table;
    if (input.n_species > 1) {
        const std::int64_t pair = input.types[receiver] * input.n_species + input.types[sender];
        table.coefficients += pair * table.grid.n_intervals * table_terms * table.n_channels;
    }
    return table;
}

template <typename T>
struct TableMessagesAtCenter {
    TableMessagesInput<T> input;
    T* messages;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char*) const {
        const std::int64_t n_channels = input.table.n_channels;
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        const ChannelLanes<G> lanes(group, n_channels);
        for (std::int64_t begin = 0; begin < n_channels; begin += lanes.width) {
            const std::int64_t c = begin + lanes.channel;
            T sum = 0;
            if (c < n_channels) {
                for (std::int64_t p = first + lanes.bond; p < last; p += lanes.n_bonds) {
                    const std::int64_t j = input.pairs.neighbor[p];
                    const RadialTable<T> table = filters_of(input, i, j);
                    const TablePlace<T> place(table, input.distances[p]);
                    sum += table_value(table, place, c) * input.features[j * n_channels + c];
                }
            }
            sum = sum_beyond(group, sum, lanes.width);
            if (lanes.bond == 0 && c < n_channels) {
                messages[i * n_channels + c] = sum;
            }
        }
    }
};

// At the sender: its bonds' slopes are put on the pairs of its own row.
template <typename T>
struct TableMessagesGradientAtCenter {
    TableMessagesInput<T> input;
    const T* messages_gradient;
    TableMessagesGradients<T> gradients;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t j, char*) const {
        const std::int64_t n_channels = input.table.n_channels;
        const std::int64_t first = input.pairs.row_ptr[j], last = input.pairs.row_ptr[j + 1];
        const ChannelLanes<G> lanes(group, n_channels);
        for (std::int64_t begin = 0; begin < n_channels; begin += lanes.width) {
            const std::int64_t c = begin + lanes.channel;
            const T own = c < n_channels ? input.features[j * n_channels + c] : T(0);
            T sum = 0;
            for (std::int64_t at = first; at < last; at += lanes.n_bonds) { // for all lanes as often
                const std::int64_t p = at + lanes.bond;
                T stretch = 0;
                if (c < n_channels && p < last) {
                    const std::int64_t i = input.pairs.neighbor[p];
                    const RadialTable<T> table = filters_of(input, i, j);
                    const TablePlace<T> place(table, input.distances[p]);
                    const ValueAndSlope<T> filter = table_value_and_slope(table, place, c);
                    const T g = messages_gradient[i * n_channels + c];
                    sum += filter.value * g;
                    stretch = filter.slope * own * g;
                }
                stretch = sum_within(group, stretch, lanes.width);
                if (lanes.channel == 0 && p < last) {
                    gradients.distances[p] = (begin == 0 ? T(0) : gradients.distances[p]) + stretch;
                }
            }
            sum = sum_beyond(group, sum, lanes.width);
            if (gradients.features != nullptr && lanes.bond == 0 && c < n_channels) {
                gradients.features[j * n_channels + c] = sum;
            }
        }
    }
};

} // namespace gnncv::kernels
