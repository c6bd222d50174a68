// The CUDA kernels of a build without CUDA.
#include "gnncv/error.h"
#include "kernels/cuda_kernels.h"

namespace gnncv::kernels {

bool cuda_compiled() {
    return false;
}

std::string cuda_problem(int) {
    return "gnncv was built without CUDA kernels, because no nvcc was found or GNNCV_CUDA was OFF: use the "
           "CPU, "
           "or build gnncv again where there is one";
}

namespace {

[[noreturn]] void absent() {
    throw DeviceError(cuda_problem(0));
}

} // namespace

template <typename T>
void pair_geometry_cuda(const T*, std::int64_t, T*, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void pair_geometry_backward_cuda(const T*, std::int64_t, const T*, const T*, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void pair_distances_cuda(const T*, std::int64_t, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void pair_distances_backward_cuda(const T*, std::int64_t, const T*, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void environment_densities_cuda(const EnvironmentInput<T>&, T*, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void environment_densities_backward_cuda(const EnvironmentInput<T>&, const T*, const T*, T*,
                                         const CudaQueue&) {
    absent();
}
template <typename T>
void orientation_densities_cuda(const OrientationInput<T>&, T*, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void orientation_densities_backward_cuda(const OrientationInput<T>&, const OrientationGradients<T>&, T*, T*,
                                         const CudaQueue&) {
    absent();
}
template <typename T>
void averaged_densities_cuda(const AveragedInput<T>&, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void averaged_densities_backward_cuda(const AveragedInput<T>&, const T*, const T*,
                                      const AveragedGradients<T>&, const CudaQueue&) {
    absent();
}
template <typename T>
void table_messages_cuda(const TableMessagesInput<T>&, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void table_messages_backward_cuda(const TableMessagesInput<T>&, const T*, const TableMessagesGradients<T>&,
                                  const CudaQueue&) {
    absent();
}
template <typename T>
void table_attention_cuda(const TableAttentionInput<T>&, T*, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void table_attention_backward_cuda(const TableAttentionInput<T>&, const T*, const T*, const T*, T*,
                                   const AttentionGradientsCuda<T>&, const CudaQueue&) {
    absent();
}
template <typename T>
void environment_features_cuda(const FeatureInput<T>&, T*, const CudaQueue&) {
    absent();
}
template <typename T>
void environment_features_backward_cuda(const FeatureInput<T>&, const T*, const FeatureGradients<T>&,
                                        const CudaQueue&) {
    absent();
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void environment_features_cuda(const FeatureInput<T>&, T*, const CudaQueue&);                   \
    template void environment_features_backward_cuda(const FeatureInput<T>&, const T*,                       \
                                                     const FeatureGradients<T>&, const CudaQueue&);          \
    template void pair_geometry_cuda(const T*, std::int64_t, T*, T*, const CudaQueue&);                      \
    template void pair_geometry_backward_cuda(const T*, std::int64_t, const T*, const T*, T*,                \
                                              const CudaQueue&);                                             \
    template void pair_distances_cuda(const T*, std::int64_t, T*, const CudaQueue&);                         \
    template void pair_distances_backward_cuda(const T*, std::int64_t, const T*, T*, const CudaQueue&);      \
    template void environment_densities_cuda(const EnvironmentInput<T>&, T*, T*, const CudaQueue&);          \
    template void environment_densities_backward_cuda(const EnvironmentInput<T>&, const T*, const T*, T*,    \
                                                      const CudaQueue&);                                     \
    template void orientation_densities_cuda(const OrientationInput<T>&, T*, T*, const CudaQueue&);          \
    template void orientation_densities_backward_cuda(                                                       \
        const OrientationInput<T>&, const OrientationGradients<T>&, T*, T*, const CudaQueue&);               \
    template void averaged_densities_cuda(const AveragedInput<T>&, T*, const CudaQueue&);                    \
    template void averaged_densities_backward_cuda(const AveragedInput<T>&, const T*, const T*,              \
                                                   const AveragedGradients<T>&, const CudaQueue&);           \
    template void table_messages_cuda(const TableMessagesInput<T>&, T*, const CudaQueue&);                   \
    template void table_messages_backward_cuda(const TableMessagesInput<T>&, const T*,                       \
                                               const TableMessagesGradients<T>&, const CudaQueue&);          \
    template void table_attention_cuda(const TableAttentionInput<T>&, T*, T*, const CudaQueue&);             \
    template void table_attention_backward_cuda(const TableAttentionInput<T>&, const T*, const T*, const T*, \
                                                T*, const AttentionGradientsCuda<T>&, const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
