// What the models behind a TorchScript file share. For the *_model.cpp beside it.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <span>
#include <string>

namespace gnncv {

// A tensor over somebody else's memory, which must outlive it and is only read.
template <typename T>
at::Tensor borrow(std::span<const T> data, at::IntArrayRef shape, at::ScalarType type) {
    return at::from_blob(const_cast<T*>(data.data()), shape, at::TensorOptions().dtype(type));
}

// A module to evaluate: on the CPU, its parameters fixed.
inline torch::jit::Module load_module(const std::string& path) {
    torch::jit::Module module = torch::jit::load(path, at::kCPU);
    module.eval();
    for (const at::Tensor& parameter : module.parameters()) {
        at::Tensor(parameter).set_requires_grad(false);
    }
    return module;
}

} // namespace gnncv
