// One warp a center.
#include "kernels/cuda_kernels.h"
#include "kernels/environment_densities_center.h"
#include "kernels/launch.cuh"

namespace gnncv::kernels {
namespace {

// Compiled for the degree of most models; any other takes the general instance (L = -1).
template <typename F>
void with_compiled_degree(int l_max, const F& f) {
    if (l_max == 6) {
        f(std::integral_constant<int, 6>{});
    } else {
        f(std::integral_constant<int, -1>{});
    }
}

} // namespace

template <typename T>
void environment_densities_cuda(const EnvironmentInput<T>& input, T* densities, T* coordination,
                                const CudaQueue& queue) {
    const HarmonicCoefficients<T> coefficients(input.l_max);
    with_compiled_degree(input.l_max, [&](auto degree) {
        launch_centers(
            "environment_densities", queue, input.pairs.n_centers,
            EnvironmentDensitiesAtCenter<degree(), T>{input, coefficients, densities, coordination});
    });
}

template <typename T>
void environment_densities_backward_cuda(const EnvironmentInput<T>& input, const T* densities_gradient,
                                         const T* coordination_gradient, T* vectors_gradient,
                                         const CudaQueue& queue) {
    const HarmonicCoefficients<T> coefficients(input.l_max);
    with_compiled_degree(input.l_max, [&](auto degree) {
        launch_centers("environment_densities_backward", queue, input.pairs.n_centers,
                       EnvironmentDensitiesGradientAtCenter<degree(), T>{
                           input, coefficients, densities_gradient, coordination_gradient, vectors_gradient});
    });
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void environment_densities_cuda(const EnvironmentInput<T>&, T*, T*, const CudaQueue&);          \
    template void environment_densities_backward_cuda(const EnvironmentInput<T>&, const T*, const T*, T*,    \
                                                      const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
