// Which processor a model is evaluated on.
#pragma once

#include <string>

namespace gnncv {

// -1 for "cpu", the number of the GPU for "cuda" (0) and "cuda:N". Throws DeviceError for anything else.
[[nodiscard]] int device_number(const std::string& device);

// Throws DeviceError if libtorch or gnncv's kernels cannot use this GPU, with what to do about it.
void check_gpu(int device);

} // namespace gnncv
