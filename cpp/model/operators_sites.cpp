// torch.ops.gnncv: site_layers, multilayer perceptrons on sites one after the other. Evaluated with
// parameters that are fixed; where they are to be differentiated, and on devices without a kernel, it is what
// it is made of, and so differentiable any number of times.
#include "model/site_network_arguments.h"

#include <ATen/ops/split_with_sizes.h>
#include <torch/library.h>

namespace gnncv {
namespace {

using at::IntArrayRef;
using at::TensorList;
using kernels::SiteColumns;

constexpr const char* name = "site_layers";

// Everything but the tensors, as the schema has it.
struct Plan {
    IntArrayRef widths, activated;
    int64_t activation, joint;
    IntArrayRef columns;
    bool give_joint;

    NetworkDescription description() const { return {name, widths, activated, activation, joint}; }
};

std::vector<Tensor> composed(TensorList inputs, const Tensor& added, const Tensor& parameters,
                             const Plan& plan) {
    const auto [joint, last] = composed_network(inputs, added, parameters, plan.description());
    std::vector<Tensor> results = last.split_with_sizes(plan.columns, 1);
    if (plan.give_joint) {
        results.insert(results.begin(), joint);
    }
    return results;
}

struct Arguments {
    std::vector<Tensor> inputs;
    Tensor added, parameters;
    kernels::NetworkShape shape;
    int64_t n_sites;

    Arguments(TensorList given, const Tensor& given_added, const Tensor& given_parameters, const Plan& plan) {
        TORCH_CHECK_VALUE(!given.empty() && given[0].dim() == 2, "gnncv::", name,
                          ": needs inputs of shape (N, C)");
        n_sites = given[0].size(0);
        int64_t n_columns = 0;
        for (const Tensor& input : given) {
            check_matrix(name, "an input", input, n_sites, given[0]);
            inputs.push_back(with_whole_rows(input));
            n_columns += input.size(1);
        }
        parameters = given_parameters.contiguous();
        TORCH_CHECK_TYPE(parameters.scalar_type() == inputs[0].scalar_type(), "gnncv::", name,
                         ": the parameters are ", parameters.scalar_type(), ", expected ",
                         inputs[0].scalar_type(), " as the inputs");
        shape = plan.description().shape(parameters, n_columns);
        if (given_added.defined()) {
            check_matrix(name, "what is added", given_added, n_sites, given[0]);
            TORCH_CHECK_VALUE(given_added.size(1) == shape.widths[shape.joint], "gnncv::", name,
                              ": what is added must have ", shape.widths[shape.joint], " columns, got ",
                              given_added.size(1));
            added = with_whole_rows(given_added);
        }
        int64_t total = 0;
        for (const int64_t n : plan.columns) {
            TORCH_CHECK_VALUE(n >= 0, "gnncv::", name, ": columns must not be negative, got ", plan.columns);
            total += n;
        }
        TORCH_CHECK_VALUE(total == shape.widths.back(), "gnncv::", name, ": columns ", plan.columns,
                          " must add up to the last layer's ", shape.widths.back());
    }

    at::TensorOptions options() const { return inputs[0].options(); }
};

struct Results {
    std::vector<Tensor> outputs; // the joint first if it is given
    Tensor slopes;
};

// With the slopes of the activations if they are wanted. Of a last block of sites more are read than there
// are.
Results evaluated(const Arguments& in, const Plan& plan, bool with_slopes) {
    Results results;
    if (plan.give_joint) {
        results.outputs.push_back(at::empty({in.n_sites, in.shape.widths[in.shape.joint]}, in.options()));
    }
    for (const int64_t n : plan.columns) {
        results.outputs.push_back(at::empty({in.n_sites, n}, in.options()));
    }
    with_precision(name, in.inputs[0], [&](auto zero) {
        using T = decltype(zero);
        const kernels::SiteNetwork<T> network(in.parameters.const_data_ptr<T>(), in.shape);
        std::vector<SiteColumns<const T>> from;
        std::vector<SiteColumns<T>> to;
        for (const Tensor& input : in.inputs) {
            from.push_back(columns_of<T>(input));
        }
        for (const Tensor& output : results.outputs) {
            to.push_back(mutable_columns_of<T>(output));
        }
        kernels::NetworkOutputs<T> outputs{std::span(to).subspan(plan.give_joint), {}, nullptr};
        if (plan.give_joint) {
            outputs.joint = to[0];
        }
        if (with_slopes) {
            results.slopes = at::empty({in.n_sites + kernels::row_tile, network.n_slopes()}, in.options());
            outputs.slopes = results.slopes.mutable_data_ptr<T>();
        }
        for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
            kernels::site_network_kernel<T>(network, {from, columns_of<T>(in.added)}, outputs, {begin, end});
        });
    });
    return results;
}

std::vector<Tensor> site_layers_cpu(TensorList inputs, const std::optional<Tensor>& added,
                                    const Tensor& parameters, IntArrayRef widths, int64_t activation,
                                    IntArrayRef activated, int64_t joint, IntArrayRef columns,
                                    bool give_joint) {
    const Plan plan{widths, activated, activation, joint, columns, give_joint};
    return evaluated({inputs, added.value_or(Tensor()), parameters, plan}, plan, false).outputs;
}

struct SiteLayers : torch::autograd::Function<SiteLayers> {
    // tensors: the inputs, what is added if it is not the first of them, the parameters
    static variable_list forward(AutogradContext* context, TensorList tensors, const Arguments* in,
                                 const Plan& plan, bool first_is_added) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->set_materialize_grads(false);
        Results results = evaluated(*in, plan, true);
        context->save_for_backward({results.slopes, in->parameters});
        std::vector<int64_t> inputs;
        for (const Tensor& input : in->inputs) {
            inputs.push_back(input.size(1));
        }
        auto& saved = context->saved_data;
        saved["n_sites"] = in->n_sites;
        saved["inputs"] = std::move(inputs);
        saved["widths"] = plan.widths.vec();
        saved["activated"] = plan.activated.vec();
        saved["numbers"] = std::vector<int64_t>{plan.activation, plan.joint, plan.give_joint, first_is_added,
                                                static_cast<int64_t>(tensors.size())};
        saved["columns"] = plan.columns.vec();
        return std::move(results.outputs);
    }
    static variable_list backward(AutogradContext* context, variable_list received);
};

variable_list SiteLayers::backward(AutogradContext* context, variable_list received) {
    refuse_second_derivatives(name);
    auto& saved = context->saved_data;
    const auto numbers = saved["numbers"].toIntVector();
    const auto n_tensors = static_cast<size_t>(numbers[4]);
    variable_list gradients(n_tensors + 3);
    if (none_defined(received)) {
        return gradients;
    }
    const variable_list tensors = context->get_saved_variables();
    const Tensor &slopes = tensors[0], &parameters = tensors[1];
    const auto widths = saved["widths"].toIntVector(), activated = saved["activated"].toIntVector();
    const auto columns = saved["columns"].toIntVector(), inputs = saved["inputs"].toIntVector();
    const int64_t n_sites = saved["n_sites"].toInt();
    const bool give_joint = numbers[2] != 0, first_is_added = numbers[3] != 0;
    const auto shape =
        NetworkDescription{name, widths, activated, numbers[0], numbers[1]}.shape(parameters, widths[0]);
    with_precision(name, slopes, [&](auto zero) {
        using T = decltype(zero);
        const kernels::SiteNetwork<T> network(parameters.const_data_ptr<T>(), shape);
        std::vector<SiteColumns<const T>> from;
        for (size_t k = 0; k < received.size(); ++k) {
            if (received[k].defined()) {
                received[k] = with_whole_rows(received[k]);
                from.push_back(columns_of<T>(received[k]));
            } else {
                from.push_back(
                    {nullptr, give_joint && k == 0 ? shape.widths[shape.joint] : columns[k - give_joint]});
            }
        }
        kernels::NetworkReceived<T> of_outputs{
            std::span(from).subspan(give_joint), {}, slopes.const_data_ptr<T>()};
        if (give_joint) {
            of_outputs.joint = from[0];
        }
        const auto wanted = [&](size_t k, int64_t n) -> SiteColumns<T> {
            if (!context->needs_input_grad(k)) {
                return {nullptr, n};
            }
            gradients[k] = at::empty({n_sites, n}, slopes.options());
            return mutable_columns_of<T>(gradients[k]);
        };
        std::vector<SiteColumns<T>> to;
        for (size_t k = 0; k < inputs.size(); ++k) {
            to.push_back(wanted(k, inputs[k]));
        }
        kernels::NetworkGradients<T> of_inputs{to, {}, first_is_added};
        if (n_tensors == inputs.size() + 2) {
            of_inputs.added = wanted(inputs.size(), shape.widths[shape.joint]);
        }
        for_sites(n_sites, [&](int64_t begin, int64_t end) {
            kernels::site_network_backward_kernel<T>(network, {}, of_outputs, of_inputs, {begin, end});
        });
    });
    return gradients;
}

std::vector<Tensor> site_layers_autograd(TensorList inputs, const std::optional<Tensor>& added,
                                         const Tensor& parameters, IntArrayRef widths, int64_t activation,
                                         IntArrayRef activated, int64_t joint, IntArrayRef columns,
                                         bool give_joint) {
    const Plan plan{widths, activated, activation, joint, columns, give_joint};
    const Tensor what = added.value_or(Tensor());
    if (at::GradMode::is_enabled() && parameters.requires_grad()) {
        return composed(inputs, what, parameters, plan);
    }
    const Arguments in(inputs, what, parameters, plan);
    std::vector<Tensor> tensors(inputs.begin(), inputs.end());
    const bool first_is_added = what.defined() && what.is_same(tensors[0]);
    if (what.defined() && !first_is_added) {
        tensors.push_back(what);
    }
    const bool differentiated = std::any_of(tensors.begin(), tensors.end(),
                                            [](const Tensor& tensor) { return tensor.requires_grad(); });
    if (!differentiated || !at::GradMode::is_enabled()) {
        const at::AutoDispatchBelowADInplaceOrView below;
        return evaluated(in, plan, false).outputs;
    }
    tensors.push_back(parameters);
    return SiteLayers::apply(TensorList(tensors), &in, plan, first_is_added);
}

std::vector<Tensor> site_layers_composed(TensorList inputs, const std::optional<Tensor>& added,
                                         const Tensor& parameters, IntArrayRef widths, int64_t activation,
                                         IntArrayRef activated, int64_t joint, IntArrayRef columns,
                                         bool give_joint) {
    return composed(inputs, added.value_or(Tensor()), parameters,
                    {widths, activated, activation, joint, columns, give_joint});
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def(
        "site_layers(Tensor[] inputs, Tensor? added, Tensor parameters, int[] widths, int activation, "
        "int[] activated, int joint, int[] columns, bool give_joint) -> Tensor[]");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl(name, site_layers_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl(name, site_layers_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl(name, site_layers_composed);
}

} // namespace gnncv
