// One warp a center.
#include "kernels/cuda_kernels.h"
#include "kernels/launch.cuh"
#include "kernels/orientation_densities_center.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

// Compiled for one axis, which most molecules have; any other number takes the general instance (A = -1).
template <typename F>
void with_compiled_axes(int n_axes, const F& f) {
    if (n_axes == 1) {
        f(std::integral_constant<int, 1>{});
    } else {
        f(std::integral_constant<int, -1>{});
    }
}

} // namespace

template <typename T>
void orientation_densities_cuda(const OrientationInput<T>& input, T* densities, T* coordination,
                                const CudaQueue& queue) {
    with_compiled_axes(input.terms.n_axes, [&](auto axes) {
        launch_centers("orientation_densities", queue, input.pairs.n_centers,
                       OrientationDensitiesAtCenter<axes(), T>{input, densities, coordination});
    });
}

template <typename T>
void orientation_densities_backward_cuda(const OrientationInput<T>& input,
                                         const OrientationGradients<T>& gradients, T* vectors_gradient,
                                         T* axes_gradient, const CudaQueue& queue) {
    with_compiled_axes(input.terms.n_axes, [&](auto axes) {
        launch_centers("orientation_densities_backward", queue, input.pairs.n_centers,
                       OrientationDensitiesGradientAtCenter<axes(), T>{input, gradients, vectors_gradient,
                                                                       axes_gradient});
    });
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void orientation_densities_cuda(const OrientationInput<T>&, T*, T*, const CudaQueue&);          \
    template void orientation_densities_backward_cuda(                                                       \
        const OrientationInput<T>&, const OrientationGradients<T>&, T*, T*, const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
