// torch.ops.gnncv: site_network, reconstruction_error: multilayer perceptrons on sites, nothing of their
// hidden layers stored. Evaluated with parameters that are fixed; where one of them is to be differentiated,
// and on devices without a kernel, they are what they are made of, and so differentiable any number of times.
#include "kernels/site_network.h"
#include "model/operator_arguments.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/split_with_sizes.h>
#include <ATen/ops/tanh.h>
#include <torch/library.h>

namespace gnncv {
namespace {

using at::IntArrayRef;
using at::TensorList;
using kernels::SiteColumns;

struct Kind {
    int64_t activation;
    bool activate_input = false, residual = false;
};

bool differentiates(TensorList weights, TensorList biases) {
    const auto wanted = [](const Tensor& parameter) { return parameter.requires_grad(); };
    return at::GradMode::is_enabled() && (std::any_of(weights.begin(), weights.end(), wanted) ||
                                          std::any_of(biases.begin(), biases.end(), wanted));
}

// --- what the operators are made of

Tensor activated(const Tensor& x, int64_t kind) {
    TORCH_CHECK_VALUE(kind >= 0 && kind < kernels::n_activations,
                      "gnncv: activation must be 0 (silu), 1 (softplus) or 2 (tanh), got ", kind);
    switch (static_cast<kernels::Activation>(kind)) {
    case kernels::Activation::silu:
        return at::silu(x);
    case kernels::Activation::softplus:
        return at::softplus(x);
    case kernels::Activation::tanh:
        return at::tanh(x);
    }
    return x;
}

Tensor composed(TensorList inputs, TensorList weights, TensorList biases, const Kind& kind) {
    Tensor x = inputs.size() == 1 ? inputs[0] : at::cat(inputs, 1);
    for (size_t l = 0; l < weights.size(); ++l) {
        if (l > 0 || kind.activate_input) {
            x = activated(x, kind.activation);
        }
        x = biases[l].numel() ? at::linear(x, weights[l], biases[l]) : at::linear(x, weights[l]);
    }
    return kind.residual ? inputs[0].add(x) : x;
}

std::vector<Tensor> site_network_composed(TensorList inputs, TensorList weights, TensorList biases,
                                          IntArrayRef columns, int64_t activation, bool activate_input,
                                          bool residual) {
    return composed(inputs, weights, biases, {activation, activate_input, residual})
        .split_with_sizes(columns, 1);
}

Tensor reconstruction_error_composed(const Tensor& latents, const Tensor& target, TensorList weights,
                                     TensorList biases, int64_t activation) {
    return composed(latents, weights, biases, {activation}).sub(target).square().mean(1, true);
}

// --- arguments of the kernels

struct NetworkArguments {
    const char* op;
    std::vector<Tensor> inputs, weights, biases;
    Kind kind;
    int64_t n_sites, n_outputs;

    NetworkArguments(const char* op, TensorList given, TensorList given_weights, TensorList given_biases,
                     const Kind& kind)
        : op(op), kind(kind) {
        TORCH_CHECK_VALUE(!given.empty() && !given_weights.empty(), "gnncv::", op,
                          ": needs an input and a layer");
        TORCH_CHECK_VALUE(given_biases.size() == given_weights.size(), "gnncv::", op, ": ",
                          given_weights.size(), " weights need as many biases (empty for none), got ",
                          given_biases.size());
        TORCH_CHECK_VALUE(kind.activation >= 0 && kind.activation < kernels::n_activations, "gnncv::", op,
                          ": activation must be 0 (silu), 1 (softplus) or 2 (tanh), got ", kind.activation);
        TORCH_CHECK_VALUE(given[0].dim() == 2, "gnncv::", op, ": inputs must have shape (N, C), got ",
                          given[0].sizes());
        n_sites = given[0].size(0);
        int64_t width = 0;
        for (const Tensor& input : given) {
            check_matrix(op, "an input", input, n_sites, given_weights[0]);
            inputs.push_back(input.contiguous());
            width += input.size(1);
        }
        for (size_t l = 0; l < given_weights.size(); ++l) {
            width = add_layer(given_weights[l], given_biases[l], width);
        }
        n_outputs = width;
        TORCH_CHECK_VALUE(!kind.residual || inputs[0].size(1) == n_outputs, "gnncv::", op,
                          ": a residual needs as many columns of the first input as outputs (", n_outputs,
                          "), got ", inputs[0].size(1));
    }

    template <typename T>
    kernels::SiteNetwork<T> network() const {
        std::vector<kernels::DenseLayer<T>> layers;
        for (size_t l = 0; l < weights.size(); ++l) {
            layers.push_back({weights[l].const_data_ptr<T>(),
                              biases[l].numel() ? biases[l].const_data_ptr<T>() : nullptr, weights[l].size(1),
                              weights[l].size(0)});
        }
        return {layers, static_cast<kernels::Activation>(kind.activation), kind.activate_input,
                kind.residual};
    }

private:
    int64_t add_layer(const Tensor& weight, const Tensor& bias, int64_t width) {
        TORCH_CHECK_VALUE(weight.dim() == 2 && weight.size(0) > 0 && weight.size(1) == width, "gnncv::", op,
                          ": weight ", weights.size(), " must have shape (outputs, ", width, "), got ",
                          weight.sizes());
        TORCH_CHECK_VALUE(bias.numel() == 0 || bias.numel() == weight.size(0), "gnncv::", op, ": bias ",
                          weights.size(), " must be empty or have ", weight.size(0), " numbers, got ",
                          bias.numel());
        for (const Tensor* parameter : {&weight, &bias}) {
            TORCH_CHECK_TYPE(parameter->scalar_type() == inputs[0].scalar_type(), "gnncv::", op,
                             ": the layers are ", parameter->scalar_type(), ", expected ",
                             inputs[0].scalar_type(), " as the inputs");
        }
        weights.push_back(weight.contiguous());
        biases.push_back(bias.contiguous());
        return weight.size(0);
    }
};

template <typename T>
std::vector<SiteColumns<const T>> columns_of(TensorList tensors) {
    std::vector<SiteColumns<const T>> columns;
    for (const Tensor& tensor : tensors) {
        columns.push_back({tensor.const_data_ptr<T>(), tensor.size(1)});
    }
    return columns;
}

// Of undefined tensors null, with the columns of `like`.
template <typename T>
std::vector<SiteColumns<T>> mutable_columns_of(TensorList tensors, TensorList like) {
    std::vector<SiteColumns<T>> columns;
    for (size_t k = 0; k < tensors.size(); ++k) {
        columns.push_back(
            {tensors[k].defined() ? tensors[k].mutable_data_ptr<T>() : nullptr, like[k].size(1)});
    }
    return columns;
}

// Tensors like `tensors` where their gradient is wanted, undefined ones elsewhere.
variable_list wanted_gradients(AutogradContext* context, const std::vector<Tensor>& tensors) {
    variable_list gradients;
    for (size_t k = 0; k < tensors.size(); ++k) {
        gradients.push_back(context->needs_input_grad(k) ? at::empty_like(tensors[k]) : Tensor());
    }
    return gradients;
}

// What autograd keeps: the tensors one after the other, and how many of them are inputs and layers.
void save_network(AutogradContext* context, TensorList inputs, TensorList weights, TensorList biases,
                  const Kind& kind) {
    variable_list saved(inputs.begin(), inputs.end());
    saved.insert(saved.end(), weights.begin(), weights.end());
    saved.insert(saved.end(), biases.begin(), biases.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["layers"] = static_cast<int64_t>(weights.size());
    context->saved_data["activation"] = kind.activation;
    context->saved_data["activate_input"] = kind.activate_input;
    context->saved_data["residual"] = kind.residual;
}

struct SavedNetwork {
    variable_list tensors;
    size_t n_layers;
    Kind kind;

    explicit SavedNetwork(AutogradContext* context)
        : tensors(context->get_saved_variables()),
          n_layers(static_cast<size_t>(context->saved_data["layers"].toInt())),
          kind{context->saved_data["activation"].toInt(), context->saved_data["activate_input"].toBool(),
               context->saved_data["residual"].toBool()} {}

    TensorList inputs() const { return TensorList(tensors).slice(0, tensors.size() - 2 * n_layers); }
    TensorList weights() const { return TensorList(tensors).slice(inputs().size(), n_layers); }
    TensorList biases() const { return TensorList(tensors).slice(tensors.size() - n_layers); }
};

// --- site_network

constexpr const char* network_name = "site_network";

std::vector<Tensor> site_network_cpu(TensorList inputs, TensorList weights, TensorList biases,
                                     IntArrayRef columns, int64_t activation, bool activate_input,
                                     bool residual) {
    const NetworkArguments in(network_name, inputs, weights, biases, {activation, activate_input, residual});
    std::vector<Tensor> outputs;
    int64_t total = 0;
    for (const int64_t n : columns) {
        TORCH_CHECK_VALUE(n >= 0, "gnncv::", network_name, ": columns must not be negative, got ", columns);
        outputs.push_back(at::empty({in.n_sites, n}, in.inputs[0].options()));
        total += n;
    }
    TORCH_CHECK_VALUE(total == in.n_outputs, "gnncv::", network_name, ": columns ", columns,
                      " must add up to the last layer's ", in.n_outputs);
    with_precision(network_name, in.inputs[0], [&](auto zero) {
        using T = decltype(zero);
        const auto network = in.network<T>();
        const auto from = columns_of<T>(in.inputs);
        const auto to = mutable_columns_of<T>(outputs, outputs);
        for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
            kernels::site_network_kernel<T>(network, from, to, {begin, end});
        });
    });
    return outputs;
}

struct SiteNetworkFunction : torch::autograd::Function<SiteNetworkFunction> {
    static variable_list forward(AutogradContext* context, TensorList inputs, TensorList weights,
                                 TensorList biases, IntArrayRef columns, int64_t activation,
                                 bool activate_input, bool residual) {
        const at::AutoDispatchBelowADInplaceOrView below;
        save_network(context, inputs, weights, biases, {activation, activate_input, residual});
        context->saved_data["columns"] = columns.vec();
        context->set_materialize_grads(false);
        return site_network_cpu(inputs, weights, biases, columns, activation, activate_input, residual);
    }
    static variable_list backward(AutogradContext* context, variable_list received) {
        refuse_second_derivatives(network_name);
        const SavedNetwork saved(context);
        if (none_defined(received)) {
            return variable_list(saved.tensors.size() + 4);
        }
        const NetworkArguments in(network_name, saved.inputs(), saved.weights(), saved.biases(), saved.kind);
        variable_list gradients = wanted_gradients(context, in.inputs);
        const auto columns = context->saved_data["columns"].toIntVector();
        with_precision(network_name, in.inputs[0], [&](auto zero) {
            using T = decltype(zero);
            std::vector<SiteColumns<const T>> of_outputs;
            for (size_t k = 0; k < columns.size(); ++k) {
                received[k] = received[k].defined() ? received[k].contiguous() : received[k];
                of_outputs.push_back(
                    {received[k].defined() ? received[k].const_data_ptr<T>() : nullptr, columns[k]});
            }
            const auto network = in.network<T>();
            const auto from = columns_of<T>(in.inputs);
            const auto to = mutable_columns_of<T>(gradients, in.inputs);
            for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
                kernels::site_network_backward_kernel<T>(network, from, of_outputs, to, {begin, end});
            });
        });
        gradients.resize(saved.tensors.size() + 4);
        return gradients;
    }
};

std::vector<Tensor> site_network_autograd(TensorList inputs, TensorList weights, TensorList biases,
                                          IntArrayRef columns, int64_t activation, bool activate_input,
                                          bool residual) {
    if (differentiates(weights, biases)) {
        return site_network_composed(inputs, weights, biases, columns, activation, activate_input, residual);
    }
    return SiteNetworkFunction::apply(inputs, weights, biases, columns, activation, activate_input, residual);
}

// --- reconstruction_error

constexpr const char* error_name = "reconstruction_error";

struct ErrorArguments : NetworkArguments {
    Tensor target;

    ErrorArguments(const Tensor& latents, const Tensor& target, TensorList weights, TensorList biases,
                   int64_t activation)
        : NetworkArguments(error_name, latents, weights, biases, {activation}), target(target.contiguous()) {
        check_matrix(error_name, "target", target, n_sites, inputs[0]);
        TORCH_CHECK_VALUE(target.size(1) == n_outputs, "gnncv::", error_name, ": target must have ",
                          n_outputs, " columns, got ", target.size(1));
    }

    template <typename T>
    SiteColumns<const T> target_columns() const {
        return {target.const_data_ptr<T>(), n_outputs};
    }
};

Tensor reconstruction_error_cpu(const Tensor& latents, const Tensor& target, TensorList weights,
                                TensorList biases, int64_t activation) {
    const ErrorArguments in(latents, target, weights, biases, activation);
    Tensor errors = at::empty({in.n_sites, 1}, in.target.options());
    with_precision(error_name, in.target, [&](auto zero) {
        using T = decltype(zero);
        const auto network = in.network<T>();
        const auto from = columns_of<T>(in.inputs);
        T* const out = errors.mutable_data_ptr<T>();
        for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
            kernels::site_error_kernel<T>(network, from, in.target_columns<T>(), out, {begin, end});
        });
    });
    return errors;
}

struct ReconstructionError : torch::autograd::Function<ReconstructionError> {
    static Tensor forward(AutogradContext* context, TensorList inputs, TensorList weights, TensorList biases,
                          int64_t activation) {
        const at::AutoDispatchBelowADInplaceOrView below;
        save_network(context, inputs, weights, biases, {activation});
        context->set_materialize_grads(false);
        return reconstruction_error_cpu(inputs[0], inputs[1], weights, biases, activation);
    }
    static variable_list backward(AutogradContext* context, variable_list received) {
        refuse_second_derivatives(error_name);
        const SavedNetwork saved(context);
        if (none_defined(received)) {
            return variable_list(saved.tensors.size() + 1);
        }
        const ErrorArguments in(saved.inputs()[0], saved.inputs()[1], saved.weights(), saved.biases(),
                                saved.kind.activation);
        variable_list gradients = wanted_gradients(context, {in.inputs[0], in.target});
        const Tensor of_errors = received[0].contiguous();
        with_precision(error_name, in.target, [&](auto zero) {
            using T = decltype(zero);
            const auto network = in.network<T>();
            const auto from = columns_of<T>(in.inputs);
            const auto to = mutable_columns_of<T>(TensorList(gradients).slice(0, 1), in.inputs);
            T* const of_target = gradients[1].defined() ? gradients[1].mutable_data_ptr<T>() : nullptr;
            for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
                kernels::site_error_backward_kernel<T>(network, from, in.target_columns<T>(),
                                                       of_errors.const_data_ptr<T>(), to, of_target,
                                                       {begin, end});
            });
        });
        gradients.resize(saved.tensors.size() + 1);
        return gradients;
    }
};

Tensor reconstruction_error_autograd(const Tensor& latents, const Tensor& target, TensorList weights,
                                     TensorList biases, int64_t activation) {
    if (differentiates(weights, biases)) {
        return reconstruction_error_composed(latents, target, weights, biases, activation);
    }
    const Tensor inputs[] = {latents, target};
    return ReconstructionError::apply(TensorList(inputs), weights, biases, activation);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("site_network(Tensor[] inputs, Tensor[] weights, Tensor[] biases, int[] columns, int "
                "activation, bool activate_input, bool residual) -> Tensor[]");
    library.def("reconstruction_error(Tensor latents, Tensor target, Tensor[] weights, Tensor[] biases, int "
                "activation) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("site_network", site_network_cpu);
    library.impl("reconstruction_error", reconstruction_error_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl("site_network", site_network_autograd);
    library.impl("reconstruction_error", reconstruction_error_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl("site_network", site_network_composed);
    library.impl("reconstruction_error", reconstruction_error_composed);
}

} // namespace gnncv
