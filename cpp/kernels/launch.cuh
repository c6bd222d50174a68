// How the CUDA kernels are launched: a thread a pair, or a warp a center. For the .cu files beside it.
#pragma once

#include "gnncv/error.h"
#include "kernels/cuda_queue.h"
#include "kernels/lane_group.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <string>

namespace gnncv::kernels {

inline void check_cuda(cudaError_t status, const char* kernel) {
    if (status != cudaSuccess) {
        throw DeviceError(std::string("the CUDA kernel ") + kernel +
                          " cannot run: " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) +
                          "); use device 'cpu', or see `gnncv doctor`");
    }
}

constexpr int threads_of_block = 128; // at most

template <typename F>
__global__ void __launch_bounds__(threads_of_block)
    each_item_kernel(const __grid_constant__ F f, std::int64_t n) {
    const std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * threads_of_block + threadIdx.x;
    if (item < n) {
        f(item);
    }
}

// The scratch of a center is `stride` bytes of shared memory, which its warp alone uses.
template <typename F>
__global__ void __launch_bounds__(threads_of_block)
    each_center_kernel(const __grid_constant__ F f, std::int64_t n_centers, std::size_t stride) {
    extern __shared__ double scratch[]; // of doubles: aligned for every type
    const std::int64_t center =
        static_cast<std::int64_t>(blockIdx.x) * (blockDim.x / Warp::size) + threadIdx.x / Warp::size;
    if (center < n_centers) { // the same for all lanes of a warp
        f(Warp{}, center, reinterpret_cast<char*>(scratch) + threadIdx.x / Warp::size * stride);
    }
}

inline cudaStream_t stream_of(const CudaQueue& queue, const char* kernel) {
    check_cuda(cudaSetDevice(queue.device), kernel); // of this runtime, which is not libtorch's copy
    return static_cast<cudaStream_t>(queue.stream);
}

// f(item) of items 0 .. n-1, a thread each.
template <typename F>
void launch_items(const char* kernel, const CudaQueue& queue, std::int64_t n, const F& f) {
    const cudaStream_t stream = stream_of(queue, kernel);
    if (n > 0) {
        const auto blocks = static_cast<unsigned>((n + threads_of_block - 1) / threads_of_block);
        each_item_kernel<<<blocks, threads_of_block, 0, stream>>>(f, n);
        check_cuda(cudaGetLastError(), kernel);
    }
}

// f(warp, center, scratch) of centers 0 .. n-1, a warp each.
template <typename F>
void launch_centers(const char* kernel, const CudaQueue& queue, std::int64_t n, const F& f) {
    const cudaStream_t stream = stream_of(queue, kernel);
    const std::size_t stride = (f.template scratch_bytes<Warp>() + 15) / 16 * 16;
    constexpr std::size_t always_there = 48 << 10;
    const auto warps = static_cast<unsigned>(std::clamp<std::size_t>(
        always_there / std::max<std::size_t>(stride, 1), 1, threads_of_block / Warp::size));
    if (stride > always_there) {
        check_cuda(cudaFuncSetAttribute(each_center_kernel<F>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(stride)),
                   kernel);
    }
    if (n > 0) {
        const auto blocks = static_cast<unsigned>((n + warps - 1) / warps);
        each_center_kernel<<<blocks, warps * Warp::size, stride * warps, stream>>>(f, n, stride);
        check_cuda(cudaGetLastError(), kernel);
    }
}

} // namespace gnncv::kernels
