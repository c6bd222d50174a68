// One warp a center.
#include "kernels/cuda_kernels.h"
#include "kernels/launch.cuh"
#include "kernels/table_attention_center.h"

namespace gnncv::kernels {

template <typename T>
void table_attention_cuda(const TableAttentionInput<T>& input, T* messages, T* denominators,
                          const CudaQueue& queue) {
    launch_centers("table_attention", queue, input.pairs.n_centers,
                   TableAttentionAtCenter<T>{input, messages, denominators});
}

template <typename T>
void table_attention_backward_cuda(const TableAttentionInput<T>& input, const T* messages,
                                   const T* denominators, const T* messages_gradient, T* mean,
                                   const AttentionGradientsCuda<T>& gradients, const CudaQueue& queue) {
    launch_centers("table_attention_backward (receivers)", queue, input.pairs.n_centers,
                   TableAttentionReceiverGradient<T>{input, messages, denominators, messages_gradient, mean,
                                                     gradients.receiver});
    launch_centers("table_attention_backward (senders)", queue, input.pairs.n_centers,
                   TableAttentionSenderGradient<T>{input, denominators, messages_gradient, mean,
                                                   gradients.distances, gradients.sender, gradients.value});
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void table_attention_cuda(const TableAttentionInput<T>&, T*, T*, const CudaQueue&);             \
    template void table_attention_backward_cuda(const TableAttentionInput<T>&, const T*, const T*, const T*, \
                                                T*, const AttentionGradientsCuda<T>&, const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
