#include "model/model_device.h"

#include "gnncv/error.h"
#include "kernels/cuda_queue.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <charconv>
#include <dlfcn.h>

namespace gnncv {
namespace {

// A program that links libtorch_cpu alone, as an engine with gnncv does, loads libtorch's CUDA part only when
// it is asked to.
bool libtorch_has_cuda() {
    constexpr c10::DeviceType cuda = c10::DeviceType::CUDA;
    if (!c10::impl::hasDeviceGuardImpl(cuda)) {
        (void)dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL); // stays loaded
    }
    return c10::impl::hasDeviceGuardImpl(cuda);
}

} // namespace

int device_number(const std::string& device) {
    if (device == "cpu") {
        return -1;
    }
    if (device == "cuda") {
        return 0;
    }
    const std::string prefix = "cuda:";
    int number = -1;
    if (device.rfind(prefix, 0) == 0) {
        const char *first = device.data() + prefix.size(), *last = device.data() + device.size();
        const auto [end, error] = std::from_chars(first, last, number);
        number = error == std::errc() && end == last ? number : -1;
    }
    if (number < 0) {
        throw DeviceError("device '" + device + "' is not known: use cpu, cuda, or cuda:N");
    }
    return number;
}

void check_gpu(int device) {
    const std::string asked = "device 'cuda:" + std::to_string(device) + "' was asked for, but ";
    if (!kernels::cuda_compiled()) {
        throw DeviceError(asked + kernels::cuda_problem(device));
    }
    if (!libtorch_has_cuda()) {
        throw DeviceError(asked +
                          "the installed torch is a build for the CPU: use device 'cpu', or install a "
                          "torch with CUDA and build gnncv again beside it");
    }
    const std::string problem = kernels::cuda_problem(device);
    if (!problem.empty()) {
        throw DeviceError(asked + problem + ": use device 'cpu', or another GPU");
    }
}

} // namespace gnncv
