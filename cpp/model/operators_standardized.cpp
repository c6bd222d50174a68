// torch.ops.gnncv: standardized, the first columns of sites' features less their mean, divided by their
// scale.
#include "kernels/standardized.h"
#include "model/site_network_arguments.h"

#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* name = "standardized";

Tensor standardized_composed(const Tensor& values, const Tensor& mean, const Tensor& scale) {
    return values.slice(1, 0, mean.size(0)).to(at::kDouble).sub(mean).div(scale).to(values.scalar_type());
}

void check(const Tensor& values, const Tensor& mean, const Tensor& scale) {
    check_matrix(name, "values", values, values.dim() > 0 ? values.size(0) : 0, values);
    TORCH_CHECK_VALUE(mean.dim() == 1 && scale.sizes() == mean.sizes() && mean.size(0) <= values.size(1),
                      "gnncv::", name, ": mean and scale must have shape (F,), F not more than the ",
                      values.size(1), " columns there are, got ", mean.sizes(), " and ", scale.sizes());
    for (const Tensor* tensor : {&mean, &scale}) {
        TORCH_CHECK_TYPE(tensor->scalar_type() == at::kDouble, "gnncv::", name,
                         ": mean and scale must be float64, got ", tensor->scalar_type());
    }
}

Tensor standardized_cpu(const Tensor& given, const Tensor& given_mean, const Tensor& given_scale) {
    check(given, given_mean, given_scale);
    const Tensor values = with_whole_rows(given);
    const Tensor mean = given_mean.contiguous(), scale = given_scale.contiguous();
    Tensor result = at::empty({values.size(0), mean.size(0)}, values.options());
    with_precision(name, values, [&](auto zero) {
        using T = decltype(zero);
        const auto to = mutable_columns_of<T>(result);
        for_sites(values.size(0), [&](int64_t begin, int64_t end) {
            kernels::standardized_kernel<T>(columns_of<T>(values), mean.const_data_ptr<double>(),
                                            scale.const_data_ptr<double>(), to, {begin, end});
        });
    });
    return result;
}

struct Standardized : torch::autograd::Function<Standardized> {
    static Tensor forward(AutogradContext* context, const Tensor& values, const Tensor& mean,
                          const Tensor& scale) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->set_materialize_grads(false);
        context->save_for_backward({scale});
        context->saved_data["columns"] = values.dim() == 2 ? values.size(1) : 0;
        return standardized_cpu(values, mean, scale);
    }
    static variable_list backward(AutogradContext* context, variable_list received) {
        refuse_second_derivatives(name);
        if (none_defined(received)) {
            return variable_list(3);
        }
        const Tensor scale = context->get_saved_variables()[0].contiguous();
        const Tensor gradient = with_whole_rows(received[0]);
        Tensor result =
            at::empty({gradient.size(0), context->saved_data["columns"].toInt()}, gradient.options());
        with_precision(name, gradient, [&](auto zero) {
            using T = decltype(zero);
            const auto to = mutable_columns_of<T>(result);
            for_sites(gradient.size(0), [&](int64_t begin, int64_t end) {
                kernels::standardized_backward_kernel<T>(columns_of<T>(gradient),
                                                         scale.const_data_ptr<double>(), to, {begin, end});
            });
        });
        return {result, Tensor(), Tensor()};
    }
};

Tensor standardized_autograd(const Tensor& values, const Tensor& mean, const Tensor& scale) {
    return Standardized::apply(values, mean, scale);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("standardized(Tensor values, Tensor mean, Tensor scale) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl(name, standardized_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl(name, standardized_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl(name, standardized_composed);
}

} // namespace gnncv
