// torch.ops.gnncv.orientation_densities: how the molecules around a site are turned, from pair vectors, axes
// and tabulated functions of distance; nothing stored per pair. First derivatives only.
#include "kernels/cuda_kernels.h"
#include "model/orientation_arguments.h"
#include "model/scattered_sums.h"

#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* name = "orientation_densities";

std::tuple<Tensor, Tensor> densities_of(const OrientationArguments& in) {
    const int64_t n_rows = in.n_species * (in.table.size(2) - 1);
    Tensor densities = at::empty({in.pairs.n_centers, n_rows, in.terms.count()}, in.table.options());
    Tensor coordination = at::empty({in.pairs.n_centers, 1}, in.table.options());
    with_precision(name, in.table, [&](auto zero) {
        using T = decltype(zero);
        T* const o = densities.mutable_data_ptr<T>();
        T* const n = coordination.mutable_data_ptr<T>();
        if (in.table.is_cuda()) {
            kernels::orientation_densities_cuda<T>(in.input<T>(in.pairs), o, n, OnGpu(in.table).queue);
            return;
        }
        for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) {
            kernels::orientation_densities_kernel<T>(in.input<T>(share), o, n);
        });
    });
    return {densities, coordination};
}

// Of the vectors and, if wanted, of the axes.
variable_list gradients_of(const OrientationArguments& in, const Tensor& densities,
                           const Tensor& coordination, bool of_axes) {
    const Tensor vectors = at::empty_like(in.geometry), axes = of_axes ? at::empty_like(in.axes) : Tensor();
    with_precision(name, in.table, [&](auto zero) {
        using T = decltype(zero);
        const kernels::OrientationGradients<T> given{densities.const_data_ptr<T>(),
                                                     coordination.const_data_ptr<T>()};
        T* const out = vectors.mutable_data_ptr<T>();
        if (in.table.is_cuda()) {
            kernels::orientation_densities_backward_cuda<T>(in.input<T>(in.pairs), given, out,
                                                            of_axes ? axes.mutable_data_ptr<T>() : nullptr,
                                                            OnGpu(in.table).queue);
            return;
        }
        const auto add = [&](const kernels::PairRows& share, T* rows) {
            kernels::orientation_densities_backward_kernel<T>(in.input<T>(share), given, out, rows);
        };
        if (of_axes) {
            add_scattered<T>(in.pairs, axes.view({in.pairs.n_centers, axes.size(1) * 3}), add);
        } else {
            for_shares(in.pairs, [&](int64_t, const kernels::PairRows& share) { add(share, nullptr); });
        }
    });
    return {vectors, axes};
}

std::tuple<Tensor, Tensor> densities(const Tensor& vectors, const Tensor& axes, const Tensor& neighbor,
                                     const Tensor& row_ptr, const Tensor& types, const Tensor& table,
                                     double cutoff, int64_t n_species, at::IntArrayRef headless,
                                     int64_t degree) {
    return densities_of(OrientationArguments(name, vectors, axes, neighbor, row_ptr, types, table, cutoff,
                                             n_species, headless, degree));
}

struct Densities : torch::autograd::Function<Densities> {
    static variable_list forward(AutogradContext* context, const Tensor& vectors, const Tensor& axes,
                                 const Tensor& neighbor, const Tensor& row_ptr, const Tensor& types,
                                 const Tensor& table, double cutoff, int64_t n_species,
                                 at::IntArrayRef headless, int64_t degree) {
        const at::AutoDispatchBelowADInplaceOrView below;
        const OrientationArguments in(name, vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species,
                                      headless, degree);
        context->save_for_backward({vectors, axes, neighbor, row_ptr, types, table});
        context->saved_data["cutoff"] = cutoff;
        context->saved_data["n_species"] = n_species;
        context->saved_data["headless"] = headless.vec();
        context->saved_data["degree"] = degree;
        auto [densities, coordination] = densities_of(in);
        return {densities, coordination};
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives(name);
        const variable_list saved = context->get_saved_variables();
        const std::vector<int64_t> headless = context->saved_data["headless"].toIntVector();
        const OrientationArguments in(name, saved[0], saved[1], saved[2], saved[3], saved[4], saved[5],
                                      context->saved_data["cutoff"].toDouble(),
                                      context->saved_data["n_species"].toInt(), headless,
                                      context->saved_data["degree"].toInt());
        variable_list all = gradients_of(in, gradients[0].contiguous(), gradients[1].contiguous(),
                                         context->needs_input_grad(1));
        all.resize(10);
        return all;
    }
};

std::tuple<Tensor, Tensor> densities_autograd(const Tensor& vectors, const Tensor& axes,
                                              const Tensor& neighbor, const Tensor& row_ptr,
                                              const Tensor& types, const Tensor& table, double cutoff,
                                              int64_t n_species, at::IntArrayRef headless, int64_t degree) {
    const variable_list out =
        Densities::apply(vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species, headless, degree);
    return {out[0], out[1]};
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("orientation_densities(Tensor vectors, Tensor axes, Tensor neighbor, Tensor row_ptr, "
                "Tensor types, Tensor table, float cutoff, int n_species, int[] headless, int degree) -> "
                "(Tensor densities, Tensor coordination)");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl(name, densities);
}
TORCH_LIBRARY_IMPL(gnncv, CUDA, library) {
    if (kernels::cuda_compiled()) {
        library.impl(name, densities);
    }
}
TORCH_LIBRARY_IMPL(gnncv, Autograd, library) {
    library.impl(name, densities_autograd);
}

} // namespace gnncv
