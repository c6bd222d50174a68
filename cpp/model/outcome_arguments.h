// What site_outcomes is told, checked. For operators_outcomes.cpp.
#pragma once

#include "kernels/site_outcomes.h"
#include "model/density_arguments.h"
#include "model/site_network_arguments.h"

#include <optional>

namespace gnncv {

// decoder and classifier: their parameters
struct OutcomeNetworks {
    Tensor decoder;
    at::IntArrayRef decoder_widths;
    Tensor classifier;
    at::IntArrayRef classifier_widths; // empty: no classes
    int64_t activation;

    int64_t n_classes() const { return classifier_widths.empty() ? 0 : classifier_widths.back(); }
};

inline constexpr const char* outcomes_name = "site_outcomes";

struct OutcomeArguments {
    DensityArguments density;
    Tensor latents, target, decoder, classifier, scales;
    kernels::NetworkShape decoder_shape;
    std::optional<kernels::NetworkShape> classifier_shape;
    int64_t n_sites, n_latent, n_classes;
    kernels::Activation activation;

    OutcomeArguments(const Tensor& given, const Tensor& given_target, const OutcomeNetworks& networks,
                     at::TensorList mixture, const Tensor& given_scales)
        : density(checked_mixture(given, mixture)), latents(density.latents),
          decoder(networks.decoder.contiguous()), classifier(networks.classifier.contiguous()),
          scales(given_scales.contiguous()), n_sites(latents.size(0)), n_latent(latents.size(1)),
          n_classes(networks.n_classes()), activation(static_cast<kernels::Activation>(networks.activation)) {
        check_matrix(outcomes_name, "target", given_target, n_sites, latents);
        target = with_whole_rows(given_target);
        decoder_shape = shape_of(decoder, networks.decoder_widths, networks.activation, n_latent);
        TORCH_CHECK_VALUE(target.size(1) == decoder_shape.widths.back(), "gnncv::", outcomes_name,
                          ": target must have the decoder's ", decoder_shape.widths.back(), " columns, got ",
                          target.size(1));
        TORCH_CHECK_VALUE(n_classes != 1, "gnncv::", outcomes_name,
                          ": expected no or at least two classes, got one");
        if (n_classes > 0) {
            classifier_shape =
                shape_of(classifier, networks.classifier_widths, networks.activation, n_latent);
        }
        for (const Tensor* parameters : {&decoder, &classifier}) {
            TORCH_CHECK_TYPE(parameters->scalar_type() == latents.scalar_type(), "gnncv::", outcomes_name,
                             ": the parameters are ", parameters->scalar_type(), ", expected ",
                             latents.scalar_type(), " as the latents");
        }
        TORCH_CHECK_VALUE(scales.numel() == 3 && scales.scalar_type() == at::kDouble,
                          "gnncv::", outcomes_name, ": scales must be three numbers in float64, got shape ",
                          scales.sizes(), " of ", scales.scalar_type());
    }

    template <typename T>
    kernels::SiteOutcomesInput<T> input() const {
        const double* scale = scales.const_data_ptr<double>();
        kernels::SiteOutcomesInput<T> input{latents.const_data_ptr<T>(),
                                            columns_of<T>(target),
                                            {decoder.const_data_ptr<T>(), decoder_shape.widths, activation},
                                            {nullptr, {}, activation},
                                            density.mixture(),
                                            scale[0],
                                            scale[1],
                                            scale[2]};
        if (classifier_shape) {
            input.classifier.parameters = classifier.const_data_ptr<T>();
            input.classifier.widths = classifier_shape->widths;
        }
        return input;
    }

    // What the columns are made of, without the logits, which only the forward pass wants.
    template <typename T>
    kernels::SiteColumnsInput<T> columns_input(const Tensor& errors, const Tensor& surprises) const {
        const double* scale = scales.const_data_ptr<double>();
        return {latents.const_data_ptr<T>(),
                nullptr,
                errors.const_data_ptr<T>(),
                surprises.const_data_ptr<double>(),
                n_latent,
                n_classes,
                scale[0],
                scale[1],
                scale[2]};
    }

    Tensor matrix(int64_t n_columns) const { return at::empty({n_sites, n_columns}, latents.options()); }

private:
    static constexpr size_t n_mixture = 4; // tensors

    static DensityArguments checked_mixture(const Tensor& latents, at::TensorList mixture) {
        TORCH_CHECK_VALUE(mixture.size() == n_mixture, "gnncv::", outcomes_name,
                          ": the mixture is given by log-weights, means, whitenings and a floor, got ",
                          mixture.size(), " tensors");
        return {outcomes_name, latents, mixture[0], mixture[1], mixture[2], mixture[3]};
    }

    static kernels::NetworkShape shape_of(const Tensor& parameters, at::IntArrayRef widths,
                                          int64_t activation, int64_t n_latent) {
        TORCH_CHECK_VALUE(widths.size() >= 2, "gnncv::", outcomes_name,
                          ": a network has at least two widths, got ", widths);
        const std::vector<int64_t> activated = activated_between(widths.size() - 1);
        const auto n_layers = static_cast<int64_t>(activated.size());
        return NetworkDescription{outcomes_name, widths, activated, activation, n_layers}.shape(parameters,
                                                                                                n_latent);
    }
};

} // namespace gnncv
