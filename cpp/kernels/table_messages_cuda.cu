// One warp a center.
#include "kernels/cuda_kernels.h"
#include "kernels/launch.cuh"
#include "kernels/table_messages_center.h"

namespace gnncv::kernels {

template <typename T>
void table_messages_cuda(const TableMessagesInput<T>& input, T* messages, const CudaQueue& queue) {
    launch_centers("table_messages", queue, input.pairs.n_centers, TableMessagesAtCenter<T>{input, messages});
}

template <typename T>
void table_messages_backward_cuda(const TableMessagesInput<T>& input, const T* messages_gradient,
                                  const TableMessagesGradients<T>& gradients, const CudaQueue& queue) {
    launch_centers("table_messages_backward", queue, input.pairs.n_centers,
                   TableMessagesGradientAtCenter<T>{input, messages_gradient, gradients});
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void table_messages_cuda(const TableMessagesInput<T>&, T*, const CudaQueue&);                   \
    template void table_messages_backward_cuda(const TableMessagesInput<T>&, const T*,                       \
                                               const TableMessagesGradients<T>&, const CudaQueue&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
