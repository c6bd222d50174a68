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
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
