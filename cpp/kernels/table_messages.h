// Message passing whose filters are tabulated, nothing stored per pair:
//   messages[i,c] = sum_j F^(s_i s_j)_c(d_ij) features[j,c]
// the continuous-filter convolution of SchNet (K. T. Schuett et al., J. Chem. Phys. 148, 241722, 2018, eq. 7)
// with a filter for each pair of species or one for all.
//
// Gradients need each bond in both directions (see averaged_densities.h), or half a list.
#pragma once

#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cstdint>

namespace gnncv::kernels {

// distances (n_pairs); table of all pairs of species one after the other, that of s_i, s_j at
// s_i n_species + s_j; types (n_centers), not looked at if n_species is one; features (n_centers,n_channels).
template <typename T>
struct TableMessagesInput {
    const T* distances;
    PairRows pairs;
    RadialTable<T> table; // n_intervals of one pair of species
    const std::int64_t* types;
    std::int64_t n_species;
    const T* features;
};

// messages (n_centers,n_channels); overwritten.
template <typename T>
void table_messages_kernel(const TableMessagesInput<T>& input, T* messages);

// Gradients in the shapes of the inputs, overwritten for the centers worked on; features null if not wanted.
// The slope of bond i <- j goes to the pair of center j with neighbor i, where the same bond's other
// direction is: the length is one.
template <typename T>
struct TableMessagesGradients {
    T* distances;
    T* features;
};
template <typename T>
void table_messages_backward_kernel(const TableMessagesInput<T>& input, const T* messages_gradient,
                                    const TableMessagesGradients<T>& gradients);

// Both for half a list (pairs.half_begin): messages and the features' gradient are added to, at the centers
// and at their neighbors, and so are not of a share of the centers alone; the slope of a bond, both of its
// directions together, goes to it, and zero to the pairs before the half.
template <typename T>
void table_messages_half_kernel(const TableMessagesInput<T>& input, T* messages);
template <typename T>
void table_messages_half_backward_kernel(const TableMessagesInput<T>& input, const T* messages_gradient,
                                         const TableMessagesGradients<T>& gradients);

// The gradient of the table's coefficients, from a full list; added to.
template <typename T>
void table_messages_table_backward_kernel(const TableMessagesInput<T>& input, const T* messages_gradient,
                                          T* coefficients_gradient);

} // namespace gnncv::kernels
