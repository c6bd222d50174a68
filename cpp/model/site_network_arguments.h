// Networks on sites as the operators get them: their parameters in one tensor. For the operators_*.cpp beside
// it.
#pragma once

#include "kernels/site_network.h"
#include "model/operator_arguments.h"

#include <vector>

namespace gnncv {

// What an operator is told of a network.
struct NetworkDescription {
    const char* op;
    at::IntArrayRef widths;    // of the inputs side by side, and of each layer
    at::IntArrayRef activated; // of each layer whether the activation stands before it
    int64_t activation;
    int64_t joint; // after so many layers

    // Checked, with so many columns given.
    [[nodiscard]] kernels::NetworkShape shape(const Tensor& parameters, int64_t n_columns) const;
};

// Made of what libtorch has: on devices without a kernel, and where the parameters are differentiated. The
// joint first, then the last layer's outputs. `added` may be undefined.
std::pair<Tensor, Tensor> composed_network(at::TensorList inputs, const Tensor& added,
                                           const Tensor& parameters, const NetworkDescription& network);

// Linear layers with the activation between them, and nothing else.
inline std::vector<int64_t> activated_between(size_t n_layers) {
    std::vector<int64_t> activated(n_layers, 1);
    activated[0] = 0;
    return activated;
}

// The tensor's rows; the same row for all where it was expanded.
template <typename T>
kernels::SiteColumns<const T> columns_of(const Tensor& tensor) {
    if (!tensor.defined()) {
        return {};
    }
    return {tensor.const_data_ptr<T>(), tensor.size(1), tensor.stride(0)};
}
template <typename T>
kernels::SiteColumns<T> mutable_columns_of(const Tensor& tensor) {
    return {tensor.mutable_data_ptr<T>(), tensor.size(1), tensor.stride(0)};
}

// A matrix whose rows are contiguous, and the same row of all sites if it was expanded.
inline Tensor with_whole_rows(const Tensor& tensor) {
    const bool whole = tensor.size(1) <= 1 || tensor.stride(1) == 1;
    return whole && (tensor.stride(0) == 0 || tensor.stride(0) >= tensor.size(1)) ? tensor
                                                                                  : tensor.contiguous();
}

} // namespace gnncv
