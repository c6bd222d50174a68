// torch.ops.gnncv: skip_zero_gradient, which passes its input on, and back a gradient only if it is not zero:
// a branch of the model that an output does not depend on then costs nothing in its backward pass.
#include "model/operator_arguments.h"

#include <ATen/ops/any.h>
#include <torch/library.h>

namespace gnncv {
namespace {

struct SkipZeroGradient : torch::autograd::Function<SkipZeroGradient> {
    static Tensor forward(AutogradContext*, const Tensor& input) {
        const at::AutoDispatchBelowADInplaceOrView below;
        return input.view_as(input);
    }
    static variable_list backward(AutogradContext*, variable_list gradients) {
        const Tensor& gradient = gradients[0];
        // To look at a GPU's numbers would wait for them: there every branch is differentiated.
        const bool passes = gradient.defined() && (!gradient.is_cpu() || at::any(gradient).item<bool>());
        return {passes ? gradient : Tensor()};
    }
};

Tensor skip_zero_gradient_autograd(const Tensor& input) {
    return SkipZeroGradient::apply(input);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("skip_zero_gradient(Tensor(a) input) -> Tensor(a)");
}
TORCH_LIBRARY_IMPL(gnncv, CompositeExplicitAutograd, library) {
    library.impl("skip_zero_gradient", [](const Tensor& input) { return input.view_as(input); });
}
TORCH_LIBRARY_IMPL(gnncv, Autograd, library) {
    library.impl("skip_zero_gradient", skip_zero_gradient_autograd);
}

} // namespace gnncv
