// Attention message passing whose filters and distance logits are tabulated, nothing stored per pair:
//   l[i,j,h]  = b tanh((receiver[i,h] + sender[j,h] + w_h(d_ij)) / b)
//   a[i,j,h]  = s(d_ij) exp(l[i,j,h]) / (lone + sum_k s(d_ik) exp(l[i,k,h]))
//   messages[i, h D + d] = sum_j a[i,j,h] F_(h D + d)(d_ij) value[j, h D + d]
// The table's channels are F (n_channels), w (n_heads), s (one). The logits are bounded by b, so that no
// exponential overflows. Source of the form: see attention.h.
//
// The pair list must be full: each bond in both directions (see averaged_densities.h).
#pragma once

#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cstdint>

namespace gnncv::kernels {

// distances (n_pairs); receiver, sender (n_centers,n_heads); value (n_centers,n_channels).
template <typename T>
struct TableAttentionInput {
    const T* distances;
    PairRows pairs;
    RadialTable<T> table;
    const T* receiver;
    const T* sender;
    const T* value;
    std::int64_t n_heads;
    std::int64_t n_channels;
    double lone;
    double bound;
};

// messages (n_centers,n_channels), denominators (n_centers,n_heads); overwritten.
template <typename T>
void table_attention_kernel(const TableAttentionInput<T>& input, T* messages, T* denominators);

// What the forward pass gave, the gradient of its messages, and per center and head the sum over channels of
// both, to which a bond's gradient is relative.
template <typename T>
struct TableAttentionOutput {
    const T* messages;
    const T* denominators;
    const T* messages_gradient;
    const T* mean_gradient; // (n_centers,n_heads)
};
// mean_gradient of all centers.
template <typename T>
void table_attention_mean_kernel(const TableAttentionInput<T>& input, const T* messages,
                                 const T* messages_gradient, T* mean_gradient);

// Gradients in the shapes of the inputs. Those of distances, sender and value are overwritten for the centers
// worked on; that of receiver is added to, for all centers: threads need one each.
template <typename T>
struct TableAttentionGradients {
    T* distances;
    T* receiver;
    T* sender;
    T* value;
};
template <typename T>
void table_attention_backward_kernel(const TableAttentionInput<T>& input,
                                     const TableAttentionOutput<T>& output,
                                     const TableAttentionGradients<T>& gradients);

} // namespace gnncv::kernels
