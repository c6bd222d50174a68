#include "model/site_network_arguments.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/tanh.h>

namespace gnncv {

namespace {

Tensor activated(const Tensor& x, kernels::Activation kind) {
    switch (kind) {
    case kernels::Activation::silu:
        return at::silu(x);
    case kernels::Activation::softplus:
        return at::softplus(x);
    case kernels::Activation::tanh:
        return at::tanh(x);
    }
    return x;
}

} // namespace

kernels::NetworkShape NetworkDescription::shape(const Tensor& parameters, int64_t n_columns) const {
    const size_t n_layers = activated.size();
    TORCH_CHECK_VALUE(n_layers > 0 && widths.size() == n_layers + 1, "gnncv::", op, ": ", n_layers,
                      " layers need one width more, got ", widths);
    for (const int64_t width : widths) {
        TORCH_CHECK_VALUE(width > 0, "gnncv::", op, ": widths must be positive, got ", widths);
    }
    TORCH_CHECK_VALUE(widths[0] == n_columns, "gnncv::", op, ": the inputs have ", n_columns,
                      " columns side by side, the first layer expects ", widths[0]);
    TORCH_CHECK_VALUE(activation >= 0 && activation < kernels::n_activations, "gnncv::", op,
                      ": activation must be 0 (silu), 1 (softplus) or 2 (tanh), got ", activation);
    TORCH_CHECK_VALUE(joint >= 1 && joint <= static_cast<int64_t>(n_layers), "gnncv::", op,
                      ": the joint must be after 1 to ", n_layers, " layers, got ", joint);
    kernels::NetworkShape shape{widths.vec(), std::vector<bool>(activated.begin(), activated.end()),
                                static_cast<kernels::Activation>(activation), static_cast<size_t>(joint)};
    TORCH_CHECK_VALUE(parameters.dim() == 1 && parameters.numel() == shape.n_parameters(), "gnncv::", op,
                      ": layers of widths ", widths, " have ", shape.n_parameters(),
                      " parameters, got a tensor of shape ", parameters.sizes());
    return shape;
}

std::pair<Tensor, Tensor> composed_network(at::TensorList inputs, const Tensor& added,
                                           const Tensor& parameters, const NetworkDescription& network) {
    Tensor x = inputs.size() == 1 ? inputs[0] : at::cat(inputs, 1), joint;
    const kernels::NetworkShape shape = network.shape(parameters, x.size(1));
    int64_t offset = 0;
    for (size_t l = 0; l < shape.n_layers(); ++l) {
        const int64_t n_in = shape.widths[l], n_out = shape.widths[l + 1], n_weights = n_in * n_out;
        const Tensor weight = parameters.slice(0, offset, offset + n_weights).view({n_out, n_in});
        const Tensor bias = parameters.slice(0, offset + n_weights, offset + n_weights + n_out);
        x = at::linear(shape.activated[l] ? activated(x, shape.activation) : x, weight, bias);
        if (l + 1 == shape.joint) {
            x = added.defined() ? x.add(added) : x;
            joint = x;
        }
        offset += n_weights + n_out;
    }
    return {joint, x};
}

} // namespace gnncv
