// torch.ops.gnncv: latent_density, the negative log-density of latents under a mixture of normal
// distributions. The mixture is fixed. On devices without a kernel it is what it is made of.
#include "model/density_arguments.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/logsumexp.h>
#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* density_name = "latent_density";

Tensor latent_density_composed(const Tensor& latents, const Tensor& log_weights, const Tensor& means,
                               const Tensor& whitenings, const Tensor& floor) {
    const Tensor offsets = latents.to(at::kDouble).unsqueeze(0).sub(means.unsqueeze(1));
    const Tensor squares = at::bmm(offsets, whitenings).square().sum(2);
    return at::logsumexp(log_weights.unsqueeze(1).sub(squares, 0.5), 0).add(floor).neg().unsqueeze(1);
}

Tensor latent_density_cpu(const Tensor& latents, const Tensor& log_weights, const Tensor& means,
                          const Tensor& whitenings, const Tensor& floor) {
    const DensityArguments in(density_name, latents, log_weights, means, whitenings, floor);
    Tensor surprises = at::empty({latents.size(0), 1}, latents.options().dtype(at::kDouble));
    with_precision(density_name, latents, [&](auto zero) {
        using T = decltype(zero);
        double* const out = surprises.mutable_data_ptr<double>();
        for_sites(latents.size(0), [&](int64_t begin, int64_t end) {
            kernels::latent_density_kernel<T>(in.mixture(), in.latents.const_data_ptr<T>(), out, begin, end);
        });
    });
    return surprises;
}

struct LatentDensity : torch::autograd::Function<LatentDensity> {
    static Tensor forward(AutogradContext* context, const Tensor& latents, const Tensor& log_weights,
                          const Tensor& means, const Tensor& whitenings, const Tensor& floor) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->set_materialize_grads(false);
        context->save_for_backward({latents, log_weights, means, whitenings, floor});
        return latent_density_cpu(latents, log_weights, means, whitenings, floor);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(density_name);
        if (none_defined(gradients)) {
            return variable_list(5);
        }
        const variable_list saved = context->get_saved_variables();
        const DensityArguments in(density_name, saved[0], saved[1], saved[2], saved[3], saved[4]);
        const Tensor gradient = gradients[0].contiguous();
        Tensor result = at::empty_like(in.latents);
        with_precision(density_name, in.latents, [&](auto zero) {
            using T = decltype(zero);
            T* const out = result.mutable_data_ptr<T>();
            for_sites(in.latents.size(0), [&](int64_t begin, int64_t end) {
                kernels::latent_density_backward_kernel<T>(in.mixture(), in.latents.const_data_ptr<T>(),
                                                           gradient.const_data_ptr<double>(), out, begin,
                                                           end);
            });
        });
        return {result, Tensor(), Tensor(), Tensor(), Tensor()};
    }
};

Tensor latent_density_autograd(const Tensor& latents, const Tensor& log_weights, const Tensor& means,
                               const Tensor& whitenings, const Tensor& floor) {
    return LatentDensity::apply(latents, log_weights, means, whitenings, floor);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("latent_density(Tensor latents, Tensor log_weights, Tensor means, Tensor whitenings, Tensor "
                "floor) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("latent_density", latent_density_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl("latent_density", latent_density_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl("latent_density", latent_density_composed);
}

} // namespace gnncv
