// Sums over the pairs of a center: plain (segment sum), and of filtered features of the neighbor (message
// passing).
#pragma once

#include "kernels/pair_rows.h"

#include <cstdint>

namespace gnncv::kernels {

// sums[i,c] = sum_p values[p,c]; values (n_pairs,n_channels), sums (n_centers,n_channels).
template <typename T>
void segment_sum_kernel(const T* values, const PairRows& pairs, std::int64_t n_channels, T* sums);

// values_gradient[p,c] = sums_gradient[i,c].
template <typename T>
void segment_sum_backward_kernel(const T* sums_gradient, const PairRows& pairs, std::int64_t n_channels,
                                 T* values_gradient);

// messages[i,c] = sum_p filters[p,c] features[neighbor[p],c]; one filter channel serves all where n_filters
// is 1. filters (n_pairs,n_filters), features and messages (n_centers,n_channels).
template <typename T>
void message_passing_kernel(const T* filters, std::int64_t n_filters, const T* features,
                            const PairRows& pairs, std::int64_t n_channels, T* messages);

// Gradients of both inputs, overwritten; the features' are summed in the order of the pairs.
template <typename T>
struct MessageGradients {
    T* filters;  // (n_pairs, n_filters)
    T* features; // (n_centers, n_channels)
};
template <typename T>
void message_passing_backward_kernel(const T* filters, std::int64_t n_filters, const T* features,
                                     const PairRows& pairs, std::int64_t n_channels,
                                     const T* messages_gradient, const MessageGradients<T>& gradients);

} // namespace gnncv::kernels
