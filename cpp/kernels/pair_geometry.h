// Lengths and directions of pair vectors.
#pragma once

#include <cstdint>

namespace gnncv::kernels {

// vectors (n_pairs,3) -> distances (n_pairs), directions (n_pairs,3). A vector of length zero has direction
// zero.
template <typename T>
void pair_geometry_kernel(const T* vectors, std::int64_t n_pairs, T* distances, T* directions);

// vectors_gradient = distances_gradient u + (directions_gradient - u (u . directions_gradient)) / d, with u
// the direction; zero where d = 0.
template <typename T>
void pair_geometry_backward_kernel(const T* vectors, std::int64_t n_pairs, const T* distances_gradient,
                                   const T* directions_gradient, T* vectors_gradient);

// Distances alone; vectors_gradient = distances_gradient u, zero where d = 0.
template <typename T>
void pair_distances_kernel(const T* vectors, std::int64_t n_pairs, T* distances);
template <typename T>
void pair_distances_backward_kernel(const T* vectors, const T* distances, std::int64_t n_pairs,
                                    const T* distances_gradient, T* vectors_gradient);

} // namespace gnncv::kernels
