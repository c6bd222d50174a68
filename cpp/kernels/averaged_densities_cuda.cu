// One warp a center.
#include "kernels/averaged_densities_center.h"
#include "kernels/cuda_kernels.h"
#include "kernels/launch.cuh"

namespace gnncv::kernels {

template <typename T>
void averaged_densities_cuda(const AveragedInput<T>& input, T* averaged, const CudaQueue& queue) {
    launch_centers("averaged_densities", queue, input.pairs.n_centers,
                   AveragedDensitiesAtCenter<T>{input, averaged});
}

template <typename T>
void averaged_densities_backward_cuda(const AveragedInput<T>& input, const T* averaged,
                                      const T* averaged_gradient, const AveragedGradients<T>& gradients,
                                      const CudaQueue& queue) {
    launch_centers("averaged_densities_backward", queue, input.pairs.n_centers,
                   AveragedDensitiesGradientAtCenter<T>{input, averaged, averaged_gradient, gradients});
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void averaged_densities_cuda(const AveragedInput<T>&, T*, const CudaQueue&);                    \
    template void averaged_densities_backward_cuda(const AveragedInput<T>&, const T*, const T*,              \
                                                   const AveragedGradients<T>&, const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
