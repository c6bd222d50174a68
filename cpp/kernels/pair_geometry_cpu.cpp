// One pair at a time.
#include "kernels/pair_geometry.h"

#include "kernels/lanes.h"

#include <cmath>

namespace gnncv::kernels {
namespace {

template <typename T>
GNNCV_INLINE void forward_body(const T* vectors, std::int64_t n_pairs, T* distances, T* directions) {
    for (std::int64_t p = 0; p < n_pairs; ++p) {
        const T x = vectors[3 * p], y = vectors[3 * p + 1], z = vectors[3 * p + 2];
        const T distance = std::sqrt(x * x + y * y + z * z);
        const T inverse = distance > T(0) ? T(1) / distance : T(0);
        distances[p] = distance;
        directions[3 * p] = x * inverse;
        directions[3 * p + 1] = y * inverse;
        directions[3 * p + 2] = z * inverse;
    }
}

template <typename T>
GNNCV_INLINE void backward_body(const T* vectors, std::int64_t n_pairs, const T* distances_gradient,
                                const T* directions_gradient, T* vectors_gradient) {
    for (std::int64_t p = 0; p < n_pairs; ++p) {
        const T x = vectors[3 * p], y = vectors[3 * p + 1], z = vectors[3 * p + 2];
        const T distance = std::sqrt(x * x + y * y + z * z);
        const T inverse = distance > T(0) ? T(1) / distance : T(0);
        const T ux = x * inverse, uy = y * inverse, uz = z * inverse;
        const T gx = directions_gradient[3 * p], gy = directions_gradient[3 * p + 1],
                gz = directions_gradient[3 * p + 2];
        const T along = distances_gradient[p] - (ux * gx + uy * gy + uz * gz) * inverse;
        vectors_gradient[3 * p] = along * ux + gx * inverse;
        vectors_gradient[3 * p + 1] = along * uy + gy * inverse;
        vectors_gradient[3 * p + 2] = along * uz + gz * inverse;
    }
}

template <typename T>
GNNCV_INLINE void distances_body(const T* __restrict__ vectors, std::int64_t n_pairs,
                                 T* __restrict__ distances) {
    for (std::int64_t p = 0; p < n_pairs; ++p) {
        const T x = vectors[3 * p], y = vectors[3 * p + 1], z = vectors[3 * p + 2];
        distances[p] = std::sqrt(x * x + y * y + z * z);
    }
}

template <typename T>
GNNCV_INLINE void distances_backward_body(const T* __restrict__ vectors, const T* __restrict__ distances,
                                          std::int64_t n_pairs, const T* __restrict__ distances_gradient,
                                          T* __restrict__ vectors_gradient) {
    for (std::int64_t p = 0; p < n_pairs; ++p) {
        const T d = distances[p];
        const T scale = distances_gradient[p] / (d > T(0) ? d : T(1)); // of a vector of zeros: zero
        vectors_gradient[3 * p] = scale * vectors[3 * p];
        vectors_gradient[3 * p + 1] = scale * vectors[3 * p + 1];
        vectors_gradient[3 * p + 2] = scale * vectors[3 * p + 2];
    }
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void pair_geometry_kernel(const T* vectors, std::int64_t n_pairs, T* distances,       \
                                                 T* directions) {                                            \
        forward_body<T>(vectors, n_pairs, distances, directions);                                            \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void pair_geometry_backward_kernel(                                                   \
        const T* vectors, std::int64_t n_pairs, const T* distances_gradient, const T* directions_gradient,   \
        T* vectors_gradient) {                                                                               \
        backward_body<T>(vectors, n_pairs, distances_gradient, directions_gradient, vectors_gradient);       \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void pair_distances_kernel(const T* vectors, std::int64_t n_pairs, T* distances) {    \
        distances_body<T>(vectors, n_pairs, distances);                                                      \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void pair_distances_backward_kernel(                                                  \
        const T* vectors, const T* distances, std::int64_t n_pairs, const T* distances_gradient,             \
        T* vectors_gradient) {                                                                               \
        distances_backward_body<T>(vectors, distances, n_pairs, distances_gradient, vectors_gradient);       \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
