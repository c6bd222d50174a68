// What there is to run on.
#include "kernels/cuda_queue.h"

#include <cuda_runtime.h>

namespace gnncv::kernels {

bool cuda_compiled() {
    return true;
}

std::string cuda_problem(int device) {
    int n_devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&n_devices);
    if (status != cudaSuccess) {
        return std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
    }
    if (device < 0 || device >= n_devices) {
        return "there is no CUDA device " + std::to_string(device) + ", the machine has " +
               std::to_string(n_devices);
    }
    return {};
}

} // namespace gnncv::kernels
