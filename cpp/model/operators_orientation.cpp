// torch.ops.gnncv.orientation_densities: how the molecules around a site are turned, from pair vectors, axes
// and tabulated functions of distance; nothing stored per pair. First derivatives only.
#include "kernels/cuda_kernels.h"
#include "kernels/orientation_densities.h"
#include "model/scattered_sums.h"
#include "model/table_arguments.h"

#include <torch/library.h>

namespace gnncv {
namespace {

constexpr const char* name = "orientation_densities";

struct OrientationArguments : TableArguments {
    Tensor axes, types;
    int64_t n_species;
    kernels::OrientationTerms terms;

    OrientationArguments(const Tensor& vectors, const Tensor& axes, const Tensor& neighbor,
                         const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                         int64_t n_species, at::IntArrayRef headless, int64_t degree)
        : TableArguments(name, Geometry::vectors, vectors, neighbor, row_ptr, table, cutoff),
          axes(axes.contiguous()), types(types.contiguous()), n_species(n_species) {
        const auto n_axes = static_cast<int64_t>(headless.size());
        TORCH_CHECK_VALUE(n_axes >= 1 && n_axes <= kernels::max_axes, "gnncv::", name,
                          ": headless must say of 1 to ", kernels::max_axes, " axes whether they are, got ",
                          n_axes);
        TORCH_CHECK_VALUE(axes.dim() == 3 && axes.size(0) == pairs.n_centers && axes.size(1) == n_axes &&
                              axes.size(2) == 3,
                          "gnncv::", name, ": axes must have shape (", pairs.n_centers, ", ", n_axes,
                          ", 3), got ", axes.sizes());
        TORCH_CHECK_TYPE(axes.scalar_type() == table.scalar_type(), "gnncv::", name, ": axes are ",
                         axes.scalar_type(), ", expected ", table.scalar_type(), " as the table");
        TORCH_CHECK_VALUE(types.dim() == 1 && types.size(0) == pairs.n_centers &&
                              types.scalar_type() == at::kLong,
                          "gnncv::", name, ": types must be int64 of shape (", pairs.n_centers, ",)");
        check_devices(name, table, {{"axes", &axes}, {"types", &types}});
        TORCH_CHECK_VALUE(n_species >= 1, "gnncv::", name, ": n_species must be at least 1, got ", n_species);
        TORCH_CHECK_VALUE(degree == 2 || degree == 4, "gnncv::", name, ": degree must be 2 or 4, got ",
                          degree);
        TORCH_CHECK_VALUE(table.size(2) >= 2, "gnncv::", name,
                          ": table needs a radial channel and the switching function, got ", table.size(2),
                          " channels");
        terms = {static_cast<int>(n_axes), static_cast<int>(degree), 0};
        for (int64_t a = 0; a < n_axes; ++a) {
            terms.polar |= headless[a] == 0 ? 1U << a : 0U;
        }
    }

    template <typename T>
    kernels::OrientationInput<T> input(const kernels::PairRows& share) const {
        return {geometry.const_data_ptr<T>(),
                axes.const_data_ptr<T>(),
                share,
                types.const_data_ptr<int64_t>(),
                radial_table<T>(),
                static_cast<int>(n_species),
                terms};
    }
};

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
    return densities_of(OrientationArguments(vectors, axes, neighbor, row_ptr, types, table, cutoff,
                                             n_species, headless, degree));
}

struct Densities : torch::autograd::Function<Densities> {
    static variable_list forward(AutogradContext* context, const Tensor& vectors, const Tensor& axes,
                                 const Tensor& neighbor, const Tensor& row_ptr, const Tensor& types,
                                 const Tensor& table, double cutoff, int64_t n_species,
                                 at::IntArrayRef headless, int64_t degree) {
        const at::AutoDispatchBelowADInplaceOrView below;
        const OrientationArguments in(vectors, axes, neighbor, row_ptr, types, table, cutoff, n_species,
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
        const OrientationArguments in(saved[0], saved[1], saved[2], saved[3], saved[4], saved[5],
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
