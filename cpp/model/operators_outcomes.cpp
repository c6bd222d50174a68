// torch.ops.gnncv: site_outcomes, what an exported model says of each site: decoder, classifier, density of
// the latents and the columns made of them in one pass. Backward, what no output asked for depends on gets no
// gradient at all, and so costs nothing. On devices without a kernel, and where parameters are
// differentiated, it is what it is made of.
#include "model/outcome_arguments.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

namespace gnncv {
namespace {

using at::IntArrayRef;
using at::TensorList;

constexpr const char* name = outcomes_name;
constexpr size_t n_mixture = 4; // tensors

Tensor plain_network(const Tensor& latents, const Tensor& parameters, IntArrayRef widths,
                     int64_t activation) {
    const std::vector<int64_t> activated = activated_between(widths.size() - 1);
    const auto n_layers = static_cast<int64_t>(activated.size());
    return composed_network(latents, {}, parameters, {name, widths, activated, activation, n_layers}).second;
}

Tensor composed(const Tensor& latents, const Tensor& target, const OutcomeNetworks& networks,
                TensorList mixture, const Tensor& scales) {
    using Four = Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&);
    using Seven = Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                         const Tensor&, const Tensor&);
    auto& dispatcher = c10::Dispatcher::singleton();
    static const auto density = dispatcher.findSchemaOrThrow("gnncv::latent_density", "").typed<Four>();
    static const auto columns = dispatcher.findSchemaOrThrow("gnncv::site_columns", "").typed<Seven>();
    const Tensor rebuilt =
        plain_network(latents, networks.decoder, networks.decoder_widths, networks.activation);
    const Tensor errors = rebuilt.sub(target).square().mean(1, true);
    const Tensor logits =
        networks.n_classes() == 0
            ? latents.slice(1, 0, 0)
            : plain_network(latents, networks.classifier, networks.classifier_widths, networks.activation);
    return columns.call(latents, logits, errors,
                        density.call(latents, mixture[0], mixture[1], mixture[2], mixture[3]), scales[0],
                        scales[1], scales[2]);
}

struct Results {
    Tensor columns, errors, surprises;
};

Results evaluated(const OutcomeArguments& in) {
    Results results{{}, in.matrix(1), at::empty({in.n_sites, 1}, in.scales.options())};
    with_precision(name, in.latents, [&](auto zero) {
        using T = decltype(zero);
        const auto input = in.input<T>();
        results.columns = at::empty({in.n_sites, input.n_columns()}, in.scales.options());
        const kernels::SiteOutcomes<T> outcomes{results.columns.mutable_data_ptr<double>(),
                                                results.errors.mutable_data_ptr<T>(),
                                                results.surprises.mutable_data_ptr<double>()};
        for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
            kernels::site_outcomes_kernel<T>(input, outcomes, {begin, end});
        });
    });
    return results;
}

// Whether any number in columns first .. last-1 is not zero.
bool any_in(const Tensor& gradient, int64_t first, int64_t last) {
    const double* numbers = gradient.const_data_ptr<double>();
    const int64_t n_rows =
        gradient.stride(0) == 0 ? std::min<int64_t>(gradient.size(0), 1) : gradient.size(0);
    for (int64_t i = 0; i < n_rows; ++i) {
        for (int64_t c = first; c < last; ++c) {
            if (numbers[i * gradient.stride(0) + c] != 0.0) { // also what is not a number
                return true;
            }
        }
    }
    return false;
}

// Gradients of the latents and, unless undefined, of the target.
struct Gradients {
    Tensor latents, target;
};

template <typename T>
void add_numbers(const T* from, int64_t begin, int64_t end, T* to) {
    for (int64_t k = begin; k < end; ++k) {
        to[k] += from[k];
    }
}

// Where novelty or a class is asked for.
void differentiate(const OutcomeArguments& in, const Results& results, const Tensor& gradient, bool novelty,
                   bool classes, const Gradients& to) {
    const Tensor of_logits = in.matrix(classes ? in.n_classes : 0), part = in.matrix(in.n_latent);
    const Tensor of_errors = at::empty_like(results.errors), of_surprises = at::empty_like(results.surprises);
    with_precision(name, in.latents, [&](auto zero) {
        using T = decltype(zero);
        const auto input = in.columns_input<T>(results.errors, results.surprises);
        const kernels::SiteNetwork<T> decoder(in.decoder.const_data_ptr<T>(), in.decoder_shape);
        std::optional<kernels::SiteNetwork<T>> classifier;
        if (classes) {
            classifier.emplace(in.classifier.const_data_ptr<T>(), *in.classifier_shape);
        }
        T* const of_latents = to.latents.mutable_data_ptr<T>();
        T* const of_target = to.target.defined() ? to.target.mutable_data_ptr<T>() : nullptr;
        const kernels::SiteColumnsGradients<T> columns{
            of_latents, classes ? of_logits.mutable_data_ptr<T>() : nullptr,
            novelty ? of_errors.mutable_data_ptr<T>() : nullptr,
            novelty ? of_surprises.mutable_data_ptr<double>() : nullptr};
        const auto latents = columns_of<T>(in.latents);
        const auto of_classes = columns_of<T>(of_logits);
        const auto into = mutable_columns_of<T>(part);
        for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
            const auto add = [&] {
                add_numbers(into.data, begin * in.n_latent, end * in.n_latent, of_latents);
            };
            kernels::site_columns_backward_kernel<T>(input, results.columns.const_data_ptr<double>(),
                                                     gradient.const_data_ptr<double>(), columns, begin, end);
            if (novelty) {
                kernels::site_error_backward_kernel<T>(decoder, latents, columns_of<T>(in.target),
                                                       columns.errors, into, of_target, {begin, end});
                add();
                kernels::latent_density_backward_kernel<T>(in.density.mixture(), latents.data,
                                                           columns.surprises, into.data, begin, end);
                add();
            }
            if (classes) {
                kernels::site_network_backward_kernel<T>(*classifier, {std::span(&latents, 1), {}},
                                                         {std::span(&of_classes, 1), {}, nullptr},
                                                         {std::span(&into, 1), {}}, {begin, end});
                add();
            }
        });
    });
}

struct SiteOutcomes : torch::autograd::Function<SiteOutcomes> {
    static Tensor forward(AutogradContext* context, const Tensor& latents, const Tensor& target,
                          const OutcomeNetworks& networks, TensorList mixture, const Tensor& scales) {
        const at::AutoDispatchBelowADInplaceOrView below;
        const Results results = evaluated({latents, target, networks, mixture, scales});
        variable_list saved{latents, target,          networks.decoder, networks.classifier,
                            scales,  results.columns, results.errors,   results.surprises};
        saved.insert(saved.end(), mixture.begin(), mixture.end());
        context->set_materialize_grads(false);
        context->save_for_backward(std::move(saved));
        context->saved_data["decoder"] = networks.decoder_widths.vec();
        context->saved_data["classifier"] = networks.classifier_widths.vec();
        context->saved_data["activation"] = networks.activation;
        return results.columns;
    }
    static variable_list backward(AutogradContext* context, variable_list received) {
        refuse_second_derivatives(name);
        variable_list gradients(4 + n_mixture);
        if (none_defined(received)) {
            return gradients;
        }
        const variable_list saved = context->get_saved_variables();
        const auto decoder_widths = context->saved_data["decoder"].toIntVector();
        const auto classifier_widths = context->saved_data["classifier"].toIntVector();
        const OutcomeNetworks networks{saved[2], decoder_widths, saved[3], classifier_widths,
                                       context->saved_data["activation"].toInt()};
        const Tensor whole = with_whole_rows(received[0]);
        const int64_t n_latent = saved[0].size(1), n_columns = whole.size(1);
        const bool novelty = any_in(whole, n_columns - 1, n_columns);
        const bool classes = any_in(whole, n_latent, n_columns - 1);
        if (!novelty && !classes) { // of the same row for all sites it is one row again
            const Tensor of_latents = whole.slice(1, 0, n_latent);
            gradients[0] = whole.stride(0) == 0 && whole.size(0) > 0
                               ? of_latents.slice(0, 0, 1).to(saved[0].scalar_type()).expand_as(of_latents)
                               : of_latents.to(saved[0].scalar_type());
            return gradients;
        }
        const OutcomeArguments in(saved[0], saved[1], networks, TensorList(saved).slice(8), saved[4]);
        const Gradients to{at::empty_like(in.latents),
                           novelty && context->needs_input_grad(1) ? in.matrix(in.target.size(1)) : Tensor()};
        differentiate(in, {saved[5], saved[6], saved[7]}, whole.contiguous(), novelty, classes, to);
        gradients[0] = to.latents;
        gradients[1] = to.target;
        return gradients;
    }
};

Tensor site_outcomes_cpu(const Tensor& latents, const Tensor& target, const Tensor& decoder,
                         IntArrayRef decoder_widths, const Tensor& classifier, IntArrayRef classifier_widths,
                         int64_t activation, TensorList mixture, const Tensor& scales) {
    const OutcomeNetworks networks{decoder, decoder_widths, classifier, classifier_widths, activation};
    return evaluated({latents, target, networks, mixture, scales}).columns;
}

Tensor site_outcomes_autograd(const Tensor& latents, const Tensor& target, const Tensor& decoder,
                              IntArrayRef decoder_widths, const Tensor& classifier,
                              IntArrayRef classifier_widths, int64_t activation, TensorList mixture,
                              const Tensor& scales) {
    const OutcomeNetworks networks{decoder, decoder_widths, classifier, classifier_widths, activation};
    if (at::GradMode::is_enabled() && (decoder.requires_grad() || classifier.requires_grad())) {
        return composed(latents, target, networks, mixture, scales);
    }
    return SiteOutcomes::apply(latents, target, networks, mixture, scales);
}

Tensor site_outcomes_composed(const Tensor& latents, const Tensor& target, const Tensor& decoder,
                              IntArrayRef decoder_widths, const Tensor& classifier,
                              IntArrayRef classifier_widths, int64_t activation, TensorList mixture,
                              const Tensor& scales) {
    return composed(latents, target, {decoder, decoder_widths, classifier, classifier_widths, activation},
                    mixture, scales);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("site_outcomes(Tensor latents, Tensor target, Tensor decoder, int[] decoder_widths, Tensor "
                "classifier, int[] classifier_widths, int activation, Tensor[] mixture, Tensor scales) -> "
                "Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl(name, site_outcomes_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl(name, site_outcomes_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl(name, site_outcomes_composed);
}

} // namespace gnncv
