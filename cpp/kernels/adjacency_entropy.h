// How well inner products of sites' features tell which pairs are joined: the sum over pairs of the binary
// cross entropy (Kipf and Welling, arXiv:1611.07308, 2016, with weights between zero and one)
//   max(z, 0) - z t + log(1 + exp(-|z|)),  z = features[i] . features[j],  t = joined[p].
//
// The pair list must be full, each bond in both directions with the same t: a center's gradient is then twice
// that of its own pairs.
#pragma once

#include "kernels/pair_rows.h"

namespace gnncv::kernels {

// features and gradient (n_centers,n_channels), joined (n_pairs). Returns the sum over the pairs of the
// centers worked on; overwrites their rows of the gradient of it, unless it is null.
template <typename T>
double adjacency_entropy_kernel(const T* features, const T* joined, const PairRows& pairs,
                                std::int64_t n_channels, T* gradient);

} // namespace gnncv::kernels
