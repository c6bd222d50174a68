// The GPU that an operator's tensors are on. With operator_arguments.h one of the headers with libtorch.
#pragma once

#include "kernels/cuda_queue.h"

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <initializer_list>
#include <utility>

namespace gnncv {

// While it lives, the tensor's GPU is the current one; kernels go to the queue, libtorch's current stream
// there.
class OnGpu {
public:
    explicit OnGpu(const at::Tensor& tensor)
        : guard_(tensor.device()),
          queue{static_cast<int>(tensor.device().index()), c10::impl::VirtualGuardImpl(tensor.device().type())
                                                               .getStream(tensor.device())
                                                               .native_handle()} {}

private:
    c10::DeviceGuard guard_;

public:
    const kernels::CudaQueue queue;
};

// A pointer of one device is nothing on another.
inline void check_devices(const char* op, const at::Tensor& like,
                          std::initializer_list<std::pair<const char*, const at::Tensor*>> others) {
    for (const auto& [name, tensor] : others) {
        TORCH_CHECK_VALUE(!tensor->defined() || tensor->device() == like.device(), "gnncv::", op, ": ", name,
                          " is on ", tensor->device(), ", expected ", like.device(),
                          ", where the others are");
    }
}

} // namespace gnncv
