// torch.ops.gnncv: site_network, reconstruction_error, which files of earlier versions call with a tensor for
// each layer: site_layers on the tensors put together.
#include "model/operator_arguments.h"
#include "model/site_network_arguments.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

namespace gnncv {
namespace {

using at::IntArrayRef;
using at::TensorList;

struct Packed {
    Tensor parameters;
    std::vector<int64_t> widths;
};

// Layers on so many columns; an empty bias is zero.
Packed packed(const char* op, TensorList weights, TensorList biases, int64_t width) {
    TORCH_CHECK_VALUE(biases.size() == weights.size(), "gnncv::", op, ": ", weights.size(),
                      " weights need as many biases (empty for none), got ", biases.size());
    Packed result{{}, {width}};
    std::vector<Tensor> parts;
    for (size_t l = 0; l < weights.size(); ++l) {
        const Tensor &weight = weights[l], &bias = biases[l];
        TORCH_CHECK_VALUE(weight.dim() == 2 && weight.size(0) > 0 && weight.size(1) == width, "gnncv::", op,
                          ": weight ", l, " must have shape (outputs, ", width, "), got ", weight.sizes());
        width = weight.size(0);
        TORCH_CHECK_VALUE(bias.numel() == 0 || bias.numel() == width, "gnncv::", op, ": bias ", l,
                          " must be empty or have ", width, " numbers, got ", bias.numel());
        parts.push_back(weight.flatten());
        parts.push_back(bias.numel() ? bias.flatten() : at::zeros({width}, weight.options()));
        result.widths.push_back(width);
    }
    result.parameters = at::cat(parts);
    return result;
}

std::vector<Tensor> site_layers(TensorList inputs, const std::optional<Tensor>& added, const Packed& layers,
                                int64_t activation, bool activate_input, IntArrayRef columns) {
    static const auto op =
        c10::Dispatcher::singleton()
            .findSchemaOrThrow("gnncv::site_layers", "")
            .typed<std::vector<Tensor>(TensorList, const std::optional<Tensor>&, const Tensor&, IntArrayRef,
                                       int64_t, IntArrayRef, int64_t, IntArrayRef, bool)>();
    const size_t n_layers = layers.widths.size() - 1;
    std::vector<int64_t> activated = activated_between(n_layers);
    activated[0] = activate_input;
    return op.call(inputs, added, layers.parameters, layers.widths, activation, activated,
                   static_cast<int64_t>(n_layers), columns, false);
}

std::vector<Tensor> site_network(TensorList inputs, TensorList weights, TensorList biases,
                                 IntArrayRef columns, int64_t activation, bool activate_input,
                                 bool residual) {
    constexpr const char* name = "site_network";
    TORCH_CHECK_VALUE(!inputs.empty() && !weights.empty(), "gnncv::", name, ": needs an input and a layer");
    int64_t width = 0;
    for (const Tensor& input : inputs) {
        check_matrix(name, "an input", input, inputs[0].size(0), weights[0]);
        width += input.size(1);
    }
    const Packed layers = packed(name, weights, biases, width);
    TORCH_CHECK_VALUE(!residual || inputs[0].size(1) == layers.widths.back(), "gnncv::", name,
                      ": a residual needs as many columns of the first input as outputs (",
                      layers.widths.back(), "), got ", inputs[0].size(1));
    return site_layers(inputs, residual ? std::optional(inputs[0]) : std::nullopt, layers, activation,
                       activate_input, columns);
}

Tensor reconstruction_error(const Tensor& latents, const Tensor& target, TensorList weights,
                            TensorList biases, int64_t activation) {
    constexpr const char* name = "reconstruction_error";
    TORCH_CHECK_VALUE(latents.dim() == 2 && !weights.empty(), "gnncv::", name,
                      ": needs latents of shape (N, L) and a layer");
    const Packed layers = packed(name, weights, biases, latents.size(1));
    const int64_t n_columns = layers.widths.back();
    check_matrix(name, "target", target, latents.size(0), latents);
    TORCH_CHECK_VALUE(target.size(1) == n_columns, "gnncv::", name, ": target must have ", n_columns,
                      " columns, got ", target.size(1));
    const Tensor rebuilt = site_layers(latents, {}, layers, activation, false, n_columns)[0];
    return rebuilt.sub(target).square().mean(1, true);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("site_network(Tensor[] inputs, Tensor[] weights, Tensor[] biases, int[] columns, int "
                "activation, bool activate_input, bool residual) -> Tensor[]");
    library.def("reconstruction_error(Tensor latents, Tensor target, Tensor[] weights, Tensor[] biases, int "
                "activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl("site_network", site_network);
    library.impl("reconstruction_error", reconstruction_error);
}

} // namespace gnncv
