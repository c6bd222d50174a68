// Where CUDA kernels are launched. In builds without CUDA everything here and every kernel named *_cuda
// exists, and those throw.
#pragma once

#include <string>

namespace gnncv::kernels {

struct CudaQueue {
    int device;
    void* stream; // cudaStream_t
};

// Whether the library holds CUDA kernels.
[[nodiscard]] bool cuda_compiled();

// Why they cannot run on this device, in words; empty if they can.
[[nodiscard]] std::string cuda_problem(int device);

} // namespace gnncv::kernels
