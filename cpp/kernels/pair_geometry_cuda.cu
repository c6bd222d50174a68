// One thread a pair.
#include "kernels/cuda_kernels.h"
#include "kernels/launch.cuh"
#include "kernels/pair_geometry_items.h"

namespace gnncv::kernels {

template <typename T>
void pair_geometry_cuda(const T* vectors, std::int64_t n_pairs, T* distances, T* directions,
                        const CudaQueue& queue) {
    launch_items("pair_geometry", queue, n_pairs, PairGeometry<T>{vectors, distances, directions});
}
template <typename T>
void pair_geometry_backward_cuda(const T* vectors, std::int64_t n_pairs, const T* distances_gradient,
                                 const T* directions_gradient, T* vectors_gradient, const CudaQueue& queue) {
    launch_items("pair_geometry_backward", queue, n_pairs,
                 PairGeometryGradient<T>{vectors, distances_gradient, directions_gradient, vectors_gradient});
}
template <typename T>
void pair_distances_cuda(const T* vectors, std::int64_t n_pairs, T* distances, const CudaQueue& queue) {
    launch_items("pair_distances", queue, n_pairs, PairDistance<T>{vectors, distances});
}
template <typename T>
void pair_distances_backward_cuda(const T* vectors, std::int64_t n_pairs, const T* distances_gradient,
                                  T* vectors_gradient, const CudaQueue& queue) {
    launch_items("pair_distances_backward", queue, n_pairs,
                 PairDistanceGradient<T>{vectors, distances_gradient, vectors_gradient});
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void pair_geometry_cuda(const T*, std::int64_t, T*, T*, const CudaQueue&);                      \
    template void pair_geometry_backward_cuda(const T*, std::int64_t, const T*, const T*, T*,                \
                                              const CudaQueue&);                                             \
    template void pair_distances_cuda(const T*, std::int64_t, T*, const CudaQueue&);                         \
    template void pair_distances_backward_cuda(const T*, std::int64_t, const T*, T*, const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
