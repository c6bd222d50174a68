// Attention message passing at one center, by a group of lanes (see table_attention.h): the lanes are
// channels.
#pragma once

#include "kernels/channel_lanes.h"
#include "kernels/table_attention.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace gnncv::kernels {

// What a bond's logit of one head gives: exp(l), d l / d(its argument), and the switching function.
template <typename T>
struct BondLogit {
    T exponential, damping;
    ValueAndSlope<T> argument, switching; // of the table: w_h and s

    GNNCV_INLINE BondLogit(const TableAttentionInput<T>& input, const TablePlace<T>& place,
                           std::int64_t receiver, std::int64_t sender, std::int64_t h)
        : argument(table_value_and_slope(input.table, place, input.n_channels + h)),
          switching(table_value_and_slope(input.table, place, input.n_channels + input.n_heads)) {
        const T bound = static_cast<T>(input.bound);
        const T squashed = std::tanh((input.receiver[receiver * input.n_heads + h] +
                                      input.sender[sender * input.n_heads + h] + argument.value) /
                                     bound);
        exponential = std::exp(bound * squashed);
        damping = T(1) - squashed * squashed;
    }
};

template <typename T>
GNNCV_INLINE T inverse_or_zero(T x) {
    return x > T(0) ? T(1) / x : T(0);
}

// Every lane makes its head's weights itself.
template <typename T>
struct TableAttentionAtCenter {
    TableAttentionInput<T> input;
    T* messages;
    T* denominators;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char*) const {
        const std::int64_t n_channels = input.n_channels, width = n_channels / input.n_heads;
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        const ChannelLanes<G> lanes(group, n_channels);
        for (std::int64_t begin = 0; begin < n_channels; begin += lanes.width) {
            const std::int64_t c = begin + lanes.channel, h = c / width;
            T sum = 0, denominator = 0;
            if (c < n_channels) {
                for (std::int64_t p = first + lanes.bond; p < last; p += lanes.n_bonds) {
                    const std::int64_t j = input.pairs.neighbor[p];
                    const TablePlace<T> place(input.table, input.distances[p]);
                    const BondLogit<T> logit(input, place, i, j, h);
                    const T weight = logit.switching.value * logit.exponential;
                    denominator += weight;
                    sum += weight * table_value(input.table, place, c) * input.value[j * n_channels + c];
                }
            }
            sum = sum_beyond(group, sum, lanes.width);
            denominator = sum_beyond(group, denominator, lanes.width) + static_cast<T>(input.lone);
            if (lanes.bond == 0 && c < n_channels) {
                messages[i * n_channels + c] = sum * inverse_or_zero(denominator);
                if (c % width == 0) {
                    denominators[i * input.n_heads + h] = denominator;
                }
            }
        }
    }
};

// At the receiver, with G the gradient of its messages and a the weights of its bonds:
//   mean_h = sum_c messages G,   d receiver_h = sum_j a damping (sum_c F V[j] G - mean_h)
// where the sum over j is taken before that over channels. One head at a time.
template <typename T>
struct TableAttentionReceiverGradient {
    TableAttentionInput<T> input;
    const T* messages;
    const T* denominators;
    const T* messages_gradient;
    T* mean;
    T* receiver;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t i, char*) const {
        const std::int64_t n_channels = input.n_channels, width = n_channels / input.n_heads;
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        const ChannelLanes<G> lanes(group, width);
        for (std::int64_t h = 0; h < input.n_heads; ++h) {
            T with_messages = 0, damped = 0, damped_weight = 0; // sums of this lane
            for (std::int64_t begin = 0; begin < width; begin += lanes.width) {
                if (begin + lanes.channel >= width) {
                    continue;
                }
                const std::int64_t c = h * width + begin + lanes.channel;
                const T g = messages_gradient[i * n_channels + c];
                if (lanes.bond == 0) {
                    with_messages += messages[i * n_channels + c] * g;
                }
                for (std::int64_t p = first + lanes.bond; p < last; p += lanes.n_bonds) {
                    const std::int64_t j = input.pairs.neighbor[p];
                    const TablePlace<T> place(input.table, input.distances[p]);
                    const BondLogit<T> logit(input, place, i, j, h);
                    const T weight = logit.switching.value * logit.exponential * logit.damping;
                    damped +=
                        weight * table_value(input.table, place, c) * input.value[j * n_channels + c] * g;
                    damped_weight += begin + lanes.channel == 0 ? weight : T(0);
                }
            }
            with_messages = sum_of_group(group, with_messages);
            damped = sum_of_group(group, damped);
            damped_weight = sum_of_group(group, damped_weight);
            if (group.lane() == 0) {
                const std::int64_t row = i * input.n_heads + h;
                mean[row] = with_messages;
                receiver[row] = (damped - damped_weight * with_messages) * inverse_or_zero(denominators[row]);
            }
        }
    }
};

// At the sender j, over its neighbors i, one head at a time (see the CPU kernel for the equations); the
// slopes of its bonds are put on the pairs of its own row. Needs `mean` of all centers.
template <typename T>
struct TableAttentionSenderGradient {
    TableAttentionInput<T> input;
    const T* denominators;
    const T* messages_gradient;
    const T* mean;
    T* distances; // gradients, of the inputs of these names
    T* sender;
    T* value;

    template <typename G>
    std::size_t scratch_bytes() const {
        return 0;
    }

    template <typename G>
    GNNCV_INLINE void operator()(const G& group, std::int64_t j, char*) const {
        const std::int64_t width = input.n_channels / input.n_heads;
        const ChannelLanes<G> lanes(group, width);
        for (std::int64_t h = 0; h < input.n_heads; ++h) {
            T of_sender = 0;
            for (std::int64_t begin = 0; begin < width; begin += lanes.width) {
                of_sender += some_channels(group, lanes, j, h, begin);
            }
            of_sender = sum_of_group(group, of_sender);
            if (group.lane() == 0) {
                sender[j * input.n_heads + h] = of_sender;
            }
        }
    }

private:
    // As many channels of head h as there are lanes; the gradient of the logits, summed by the first lane of
    // each bond.
    template <typename G>
    GNNCV_INLINE T some_channels(const G& group, const ChannelLanes<G>& lanes, std::int64_t j, std::int64_t h,
                                 std::int64_t begin) const {
        const std::int64_t n_channels = input.n_channels, width = n_channels / input.n_heads;
        const std::int64_t c = h * width + begin + lanes.channel;
        const bool there = begin + lanes.channel < width;
        const std::int64_t first = input.pairs.row_ptr[j], last = input.pairs.row_ptr[j + 1];
        const T own = there ? input.value[j * n_channels + c] : T(0);
        T value_gradient = 0, of_sender = 0;
        for (std::int64_t at = first; at < last; at += lanes.n_bonds) { // for all lanes as often
            const std::int64_t p = at + lanes.bond < last ? at + lanes.bond : first;
            const std::int64_t row = input.pairs.neighbor[p] * input.n_heads + h;
            const TablePlace<T> place(input.table, input.distances[p]);
            const BondLogit<T> logit(input, place, input.pairs.neighbor[p], j, h);
            const T raw = logit.exponential * inverse_or_zero(denominators[row]);
            const T weight = logit.switching.value * raw;
            const bool mine = at + lanes.bond < last;
            T with_filter = 0, with_slope = 0;
            if (there && mine) {
                const ValueAndSlope<T> filter = table_value_and_slope(input.table, place, c);
                const T g = messages_gradient[input.pairs.neighbor[p] * n_channels + c];
                value_gradient += weight * filter.value * g;
                with_filter = filter.value * own * g;
                with_slope = filter.slope * own * g;
            }
            with_filter = sum_within(group, with_filter, lanes.width);
            with_slope = sum_within(group, with_slope, lanes.width);
            if (lanes.channel == 0 && mine) {
                const T away = with_filter - (begin == 0 ? mean[row] : T(0));
                const T logit_gradient = weight * away * logit.damping;
                of_sender += logit_gradient;
                distances[p] = (h == 0 && begin == 0 ? T(0) : distances[p]) + weight * with_slope +
                               logit_gradient * logit.argument.slope + raw * away * logit.switching.slope;
            }
        }
        value_gradient = sum_beyond(group, value_gradient, lanes.width);
        if (lanes.bond == 0 && there) {
            value[j * n_channels + c] = value_gradient;
        }
        return of_sender;
    }
};

} // namespace gnncv::kernels
