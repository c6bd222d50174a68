// One warp a site.
#include "kernels/cuda_kernels.h"
#include "kernels/environment_features_center.h"
#include "kernels/launch.cuh"

namespace gnncv::kernels {

template <typename T>
void environment_features_cuda(const FeatureInput<T>& input, T* features, const CudaQueue& queue) {
    launch_centers("environment_features", queue, input.n_sites,
                   EnvironmentFeaturesAtSite<T>{input, features});
}

template <typename T>
void environment_features_backward_cuda(const FeatureInput<T>& input, const T* features_gradient,
                                        const FeatureGradients<T>& gradients, const CudaQueue& queue) {
    launch_centers("environment_features_backward", queue, input.n_sites,
                   EnvironmentFeaturesGradientAtSite<T>{input, features_gradient, gradients});
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void environment_features_cuda(const FeatureInput<T>&, T*, const CudaQueue&);                   \
    template void environment_features_backward_cuda(const FeatureInput<T>&, const T*,                       \
                                                     const FeatureGradients<T>&, const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
