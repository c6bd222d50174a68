// The mixture of normal distributions as the operators get it. For the operators_*.cpp beside it.
#pragma once

#include "kernels/latent_density.h"
#include "model/operator_arguments.h"

namespace gnncv {

struct DensityArguments {
    Tensor latents, log_weights, means, whitenings;
    double floor;

    DensityArguments(const char* op, const Tensor& latents, const Tensor& log_weights, const Tensor& means,
                     const Tensor& whitenings, const Tensor& floor)
        : latents(latents.contiguous()), log_weights(log_weights.contiguous()), means(means.contiguous()),
          whitenings(whitenings.contiguous()) {
        check_matrix(op, "latents", latents, latents.dim() == 2 ? latents.size(0) : 0, latents);
        const int64_t n_latent = latents.size(1), n_components = log_weights.numel();
        TORCH_CHECK_VALUE(
            log_weights.dim() == 1 && means.sizes() == at::IntArrayRef({n_components, n_latent}) &&
                whitenings.sizes() == at::IntArrayRef({n_components, n_latent, n_latent}),
            "gnncv::", op, ": for ", n_latent, " latents the mixture must have shapes (K,), (K, ", n_latent,
            "), (K, ", n_latent, ", ", n_latent, "), got ", log_weights.sizes(), ", ", means.sizes(), ", ",
            whitenings.sizes());
        for (const Tensor* part : {&log_weights, &means, &whitenings, &floor}) {
            TORCH_CHECK_TYPE(part->scalar_type() == at::kDouble, "gnncv::", op,
                             ": the mixture must be float64, got ", part->scalar_type());
        }
        TORCH_CHECK_VALUE(floor.numel() == 1, "gnncv::", op, ": floor must be one number, got shape ",
                          floor.sizes());
        TORCH_CHECK_VALUE(n_latent > 0, "gnncv::", op, ": needs at least one latent");
        this->floor = *floor.const_data_ptr<double>();
    }

    [[nodiscard]] kernels::NormalMixture mixture() const {
        return {log_weights.const_data_ptr<double>(),
                means.const_data_ptr<double>(),
                whitenings.const_data_ptr<double>(),
                floor,
                latents.size(1),
                log_weights.numel()};
    }
};

} // namespace gnncv
