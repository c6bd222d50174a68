// The kernels on a GPU: like those of the same names in the headers of the operators, all centers at once, on
// a queue. They return before the work is done, and throw DeviceError where it cannot be started.
#pragma once

#include "kernels/averaged_densities.h"
#include "kernels/cuda_queue.h"
#include "kernels/environment_densities.h"
#include "kernels/environment_features.h"
#include "kernels/orientation_densities.h"
#include "kernels/table_attention.h"
#include "kernels/table_messages.h"

#include <cstdint>

namespace gnncv::kernels {

template <typename T>
void pair_geometry_cuda(const T* vectors, std::int64_t n_pairs, T* distances, T* directions,
                        const CudaQueue& queue);
template <typename T>
void pair_geometry_backward_cuda(const T* vectors, std::int64_t n_pairs, const T* distances_gradient,
                                 const T* directions_gradient, T* vectors_gradient, const CudaQueue& queue);
template <typename T>
void pair_distances_cuda(const T* vectors, std::int64_t n_pairs, T* distances, const CudaQueue& queue);
template <typename T>
void pair_distances_backward_cuda(const T* vectors, std::int64_t n_pairs, const T* distances_gradient,
                                  T* vectors_gradient, const CudaQueue& queue);

template <typename T>
void environment_densities_cuda(const EnvironmentInput<T>& input, T* densities, T* coordination,
                                const CudaQueue& queue);
template <typename T>
void environment_densities_backward_cuda(const EnvironmentInput<T>& input, const T* densities_gradient,
                                         const T* coordination_gradient, T* vectors_gradient,
                                         const CudaQueue& queue);

template <typename T>
void orientation_densities_cuda(const OrientationInput<T>& input, T* densities, T* coordination,
                                const CudaQueue& queue);
// axes_gradient is overwritten; the pair list must be full, each bond in both directions.
template <typename T>
void orientation_densities_backward_cuda(const OrientationInput<T>& input,
                                         const OrientationGradients<T>& gradients, T* vectors_gradient,
                                         T* axes_gradient, const CudaQueue& queue);

template <typename T>
void averaged_densities_cuda(const AveragedInput<T>& input, T* averaged, const CudaQueue& queue);
template <typename T>
void averaged_densities_backward_cuda(const AveragedInput<T>& input, const T* averaged,
                                      const T* averaged_gradient, const AveragedGradients<T>& gradients,
                                      const CudaQueue& queue);

template <typename T>
void environment_features_cuda(const FeatureInput<T>& input, T* features, const CudaQueue& queue);
template <typename T>
void environment_features_backward_cuda(const FeatureInput<T>& input, const T* features_gradient,
                                        const FeatureGradients<T>& gradients, const CudaQueue& queue);

template <typename T>
void table_messages_cuda(const TableMessagesInput<T>& input, T* messages, const CudaQueue& queue);
template <typename T>
void table_messages_backward_cuda(const TableMessagesInput<T>& input, const T* messages_gradient,
                                  const TableMessagesGradients<T>& gradients, const CudaQueue& queue);

// Gradients in the shapes of the inputs, all overwritten.
template <typename T>
struct AttentionGradientsCuda {
    T* distances;
    T* receiver;
    T* sender;
    T* value;
};
template <typename T>
void table_attention_cuda(const TableAttentionInput<T>& input, T* messages, T* denominators,
                          const CudaQueue& queue);
// messages, denominators: what the forward pass gave; mean (n_centers,n_heads): scratch.
template <typename T>
void table_attention_backward_cuda(const TableAttentionInput<T>& input, const T* messages,
                                   const T* denominators, const T* messages_gradient, T* mean,
                                   const AttentionGradientsCuda<T>& gradients, const CudaQueue& queue);

} // namespace gnncv::kernels
