// torch.ops.gnncv: pooled_outputs, the collective variables from what is pooled over sites: a few numbers, on
// the CPU also for a model on a GPU.
#include "kernels/pooled_outputs.h"
#include "model/operator_arguments.h"

#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* name = "pooled_outputs";

struct Arguments {
    Tensor sums, centroids;
    int64_t n_latent;
    bool sum_pooling;
    double softness, power;

    Arguments(const Tensor& given, const Tensor& given_centroids, int64_t n_latent, bool sum_pooling,
              double softness, double power)
        : n_latent(n_latent), sum_pooling(sum_pooling), softness(softness), power(power) {
        TORCH_CHECK_VALUE(given_centroids.dim() == 2 && n_latent > 0 &&
                              (given_centroids.size(0) == 0 || given_centroids.size(1) == n_latent),
                          "gnncv::", name, ": centroids must have shape (C, ", n_latent, "), got ",
                          given_centroids.sizes());
        sums = given.contiguous();
        centroids = given_centroids.contiguous();
        TORCH_CHECK_VALUE(sums.dim() == 1 && sums.size(0) == input_sizes().n_sums(), "gnncv::", name,
                          ": sums must have shape (", input_sizes().n_sums(), ",), got ", sums.sizes());
        for (const Tensor* tensor : {&sums, &centroids}) {
            TORCH_CHECK_TYPE(tensor->scalar_type() == at::kDouble, "gnncv::", name,
                             ": sums and centroids must be float64, got ", tensor->scalar_type());
        }
        TORCH_CHECK_VALUE(softness > 0.0 && power > 0.0, "gnncv::", name,
                          ": softness and power must be positive, got ", softness, " and ", power);
    }

    kernels::PooledOutputsInput input_sizes() const {
        const int64_t n_classes = std::max<int64_t>(centroids.size(0) - 1, 0);
        return {nullptr, nullptr, n_latent, n_classes, sum_pooling, softness, power};
    }
    kernels::PooledOutputsInput input() const {
        kernels::PooledOutputsInput input = input_sizes();
        input.sums = sums.const_data_ptr<double>();
        input.centroids = centroids.const_data_ptr<double>();
        return input;
    }
};

Tensor outputs_of(const Arguments& in) {
    Tensor outputs = at::empty({in.input().n_outputs()}, in.sums.options());
    kernels::pooled_outputs_kernel(in.input(), outputs.mutable_data_ptr<double>());
    return outputs;
}

struct PooledOutputs : torch::autograd::Function<PooledOutputs> {
    static Tensor forward(AutogradContext* context, const Tensor& sums, const Tensor& centroids,
                          int64_t n_latent, bool sum_pooling, double softness, double power) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({sums, centroids});
        context->saved_data["n_latent"] = n_latent;
        context->saved_data["sum_pooling"] = sum_pooling;
        context->saved_data["softness"] = softness;
        context->saved_data["power"] = power;
        return outputs_of({sums, centroids, n_latent, sum_pooling, softness, power});
    }
    static variable_list backward(AutogradContext* context, variable_list received) {
        refuse_second_derivatives(name);
        const variable_list tensors = context->get_saved_variables();
        auto& saved = context->saved_data;
        const Arguments in(tensors[0], tensors[1], saved["n_latent"].toInt(), saved["sum_pooling"].toBool(),
                           saved["softness"].toDouble(), saved["power"].toDouble());
        const Tensor of_outputs = received[0].contiguous();
        Tensor gradient = at::empty_like(in.sums);
        kernels::pooled_outputs_backward_kernel(in.input(), of_outputs.const_data_ptr<double>(),
                                                gradient.mutable_data_ptr<double>());
        variable_list gradients(6);
        gradients[0] = gradient;
        return gradients;
    }
};

Tensor pooled_outputs_cpu(const Tensor& sums, const Tensor& centroids, int64_t n_latent, bool sum_pooling,
                          double softness, double power) {
    return outputs_of({sums, centroids, n_latent, sum_pooling, softness, power});
}

Tensor pooled_outputs_autograd(const Tensor& sums, const Tensor& centroids, int64_t n_latent,
                               bool sum_pooling, double softness, double power) {
    return PooledOutputs::apply(sums, centroids, n_latent, sum_pooling, softness, power);
}

// Elsewhere: there and back.
Tensor pooled_outputs_composed(const Tensor& sums, const Tensor& centroids, int64_t n_latent,
                               bool sum_pooling, double softness, double power) {
    return pooled_outputs_autograd(sums.to(at::kCPU), centroids.to(at::kCPU), n_latent, sum_pooling, softness,
                                   power)
        .to(sums.device());
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("pooled_outputs(Tensor sums, Tensor centroids, int n_latent, bool sum_pooling, float "
                "softness, float power) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl(name, pooled_outputs_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl(name, pooled_outputs_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl(name, pooled_outputs_composed);
}

} // namespace gnncv
