// Attention message passing whose filters and distance logits are tabulated, nothing stored per pair:
//   l[i,j,h]  = b tanh((receiver[i,h] + sender[j,h] + w_h(d_ij)) / b)
//   a[i,j,h]  = s(d_ij) exp(l[i,j,h]) / (lone + sum_k s(d_ik) exp(l[i,k,h]))
//   messages[i, h D + d] = sum_j a[i,j,h] F_(h D + d)(d_ij) value[j, h D + d]
// The table's channels are F (n_channels), w (n_heads), s (one). The logits are bounded by b, so that no
// exponential overflows. Source of the form: see attention.h.
//
// The pair list must be full: each bond in both directions (see averaged_densities.h), or half of it.
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

// What the forward pass gave, and the gradient of its messages.
template <typename T>
struct TableAttentionOutput {
    const T* messages;
    const T* denominators;
    const T* messages_gradient;
};

// Gradients in the shapes of the inputs. Those of sender and value are overwritten for the centers worked on
// (columns of the heads worked on), that of distances is added to for those centers, those of receiver and
// table for all: threads need one each. Null where not wanted, except distances. The table's is in the order
// of AttentionHeads.
template <typename T>
struct TableAttentionGradients {
    T* distances;
    T* receiver;
    T* sender;
    T* value;
    T* arranged_table;
};

template <typename T>
class AttentionHeads;

// Some heads of all (see attention_heads.h). messages (n_centers,n_channels), denominators
// (n_centers,n_heads); the columns of those heads are overwritten.
template <typename T>
void table_attention_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads, T* messages,
                            T* denominators);

template <typename T>
void table_attention_backward_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                     const TableAttentionGradients<T>& gradients);

// The same for half a list (pairs.half_begin): what is added to at the centers and at their neighbors, so not
// of a share of the centers alone, are sums (n_centers, heads.n_sums()), from which the heads then make the
// results.
template <typename T>
void table_attention_half_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                 T* sums);

// distances: the slopes of both directions of a bond together, zero for the pairs before the half; added to
// by the heads that are not the first.
template <typename T>
struct TableAttentionHalfGradients {
    T* distances;
    T* sums;
};
template <typename T>
void table_attention_half_backward_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                          const TableAttentionHalfGradients<T>& gradients);

} // namespace gnncv::kernels
