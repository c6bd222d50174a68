// Attention message passing, switched smoothly at the cutoff.
//
//   a[p,h] = s_p exp(logits[p,h]) / (lone + sum over pairs q of the same center of s_q exp(logits[q,h]))
//   messages[i, h D + d] = sum_p a[p,h] filters[p, h D + d] features[neighbor[p], h D + d]
//
// s is the switching function, so that a pair enters with weight zero. `lone` > 0 is the weight of attending
// to nobody: it keeps the sum smooth when the last neighbor leaves. The largest logit of the center is
// subtracted inside the exponentials. Source of the graph attention form: P. Velickovic et al., ICLR 2018,
// arXiv:1710.10903; the switching factor is ours.
#pragma once

#include "kernels/message_passing.h"

#include <cstdint>

namespace gnncv::kernels {

// logits (n_pairs,n_heads), switching (n_pairs), filters (n_pairs,n_channels), features
// (n_centers,n_channels).
template <typename T>
struct AttentionInput {
    const T* logits;
    const T* switching;
    const T* filters;
    const T* features;
    PairRows pairs;
    std::int64_t n_heads;
    std::int64_t n_channels;
    double lone;
};

// Gradients in the shapes of the inputs, overwritten.
template <typename T>
struct AttentionGradients {
    T* logits;
    T* switching;
    T* filters;
    T* features;
};

// messages (n_centers,n_channels), overwritten. A center whose denominator is zero has message and gradient
// zero.
template <typename T>
void attention_kernel(const AttentionInput<T>& input, T* messages);
template <typename T>
void attention_backward_kernel(const AttentionInput<T>& input, const T* messages_gradient,
                               const AttentionGradients<T>& gradients);

} // namespace gnncv::kernels
