// torch.ops.gnncv: adjacency_entropy, the training loss of pairs. It has first derivatives only.
#include "kernels/adjacency_entropy.h"
#include "model/operator_arguments.h"

#include <ATen/ops/scalar_tensor.h>
#include <torch/library.h>

#include <numeric>
#include <vector>

namespace gnncv {
namespace {

constexpr const char* entropy_name = "adjacency_entropy";

// The mean over all pairs; its gradient is written where that is defined.
Tensor mean_entropy(const Tensor& features, const Tensor& joined, const Tensor& neighbor,
                    const Tensor& row_ptr, Tensor& gradient) {
    const Tensor x = features.contiguous(), t = joined.contiguous(), j = narrow(entropy_name, neighbor),
                 rows = row_ptr.contiguous();
    TORCH_CHECK_VALUE(t.dim() == 1 && t.scalar_type() == x.scalar_type(), "gnncv::", entropy_name,
                      ": joined must have shape (P,) and the type of features, got ", t.sizes(), " of ",
                      t.scalar_type());
    const kernels::PairRows pairs = pair_rows(entropy_name, j, rows, t.size(0));
    check_matrix(entropy_name, "features", x, pairs.n_centers, x);
    std::vector<double> sums(number_of_shares(pairs.n_centers));
    with_precision(entropy_name, x, [&](auto zero) {
        using T = decltype(zero);
        for_shares(pairs, [&](int64_t share, const kernels::PairRows& part) {
            sums[share] = kernels::adjacency_entropy_kernel<T>(
                x.const_data_ptr<T>(), t.const_data_ptr<T>(), part, x.size(1),
                gradient.defined() ? gradient.mutable_data_ptr<T>() : nullptr);
        });
    });
    const double scale = 1.0 / static_cast<double>(std::max<int64_t>(1, t.size(0)));
    if (gradient.defined()) {
        gradient.mul_(scale);
    }
    return at::scalar_tensor(scale * std::accumulate(sums.begin(), sums.end(), 0.0), x.options());
}

Tensor adjacency_entropy_cpu(const Tensor& features, const Tensor& joined, const Tensor& neighbor,
                             const Tensor& row_ptr) {
    Tensor none;
    return mean_entropy(features, joined, neighbor, row_ptr, none);
}

struct AdjacencyEntropy : torch::autograd::Function<AdjacencyEntropy> {
    static Tensor forward(AutogradContext* context, const Tensor& features, const Tensor& joined,
                          const Tensor& neighbor, const Tensor& row_ptr) {
        const at::AutoDispatchBelowADInplaceOrView below;
        TORCH_CHECK_VALUE(!joined.requires_grad(), "gnncv::", entropy_name,
                          ": joined cannot be differentiated; use gnncv.nn.reference");
        Tensor gradient = features.requires_grad() ? at::empty_like(features.contiguous()) : Tensor();
        Tensor mean = mean_entropy(features, joined, neighbor, row_ptr, gradient);
        context->save_for_backward({gradient});
        return mean;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(entropy_name);
        return {context->get_saved_variables()[0].mul(gradients[0]), Tensor(), Tensor(), Tensor()};
    }
};

Tensor adjacency_entropy_autograd(const Tensor& features, const Tensor& joined, const Tensor& neighbor,
                                  const Tensor& row_ptr) {
    return AdjacencyEntropy::apply(features, joined, neighbor, row_ptr);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def(
        "adjacency_entropy(Tensor features, Tensor joined, Tensor neighbor, Tensor row_ptr) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("adjacency_entropy", adjacency_entropy_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl("adjacency_entropy", adjacency_entropy_autograd);
}

} // namespace gnncv
