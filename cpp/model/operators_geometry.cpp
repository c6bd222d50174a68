// torch.ops.gnncv: pair_geometry, bond_densities, density_invariants. Each has first derivatives only.
#include "kernels/bond_densities.h"
#include "kernels/cuda_kernels.h"
#include "kernels/density_invariants.h"
#include "kernels/pair_geometry.h"
#include "kernels/pair_rows.h"
#include "kernels/spherical_harmonics.h"
#include "model/operator_arguments.h"
#include "model/operator_device.h"

#include <torch/library.h>

namespace gnncv {
namespace {

// --- pair_geometry
// ---------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> compute_pair_geometry(const Tensor& vectors) {
    check_vectors("pair_geometry", vectors);
    const Tensor v = vectors.contiguous();
    Tensor distances = at::empty({v.size(0)}, v.options());
    Tensor directions = at::empty_like(v);
    with_precision("pair_geometry", v, [&](auto zero) {
        using T = decltype(zero);
        const T* const r = v.const_data_ptr<T>();
        T *const d = distances.mutable_data_ptr<T>(), *const u = directions.mutable_data_ptr<T>();
        if (v.is_cuda()) {
            kernels::pair_geometry_cuda<T>(r, v.size(0), d, u, OnGpu(v).queue);
        } else {
            kernels::pair_geometry_kernel<T>(r, v.size(0), d, u);
        }
    });
    return {distances, directions};
}

struct PairGeometry : torch::autograd::Function<PairGeometry> {
    static variable_list forward(AutogradContext* context, const Tensor& vectors) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({vectors});
        auto [distances, directions] = compute_pair_geometry(vectors);
        return {distances, directions};
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives("pair_geometry");
        const Tensor v = context->get_saved_variables()[0].contiguous();
        const Tensor distances = gradients[0].contiguous(), directions = gradients[1].contiguous();
        Tensor result = at::empty_like(v);
        with_precision("pair_geometry", v, [&](auto zero) {
            using T = decltype(zero);
            const T *const r = v.const_data_ptr<T>(), *const d = distances.const_data_ptr<T>(),
                           *const u = directions.const_data_ptr<T>();
            T* const out = result.mutable_data_ptr<T>();
            if (v.is_cuda()) {
                kernels::pair_geometry_backward_cuda<T>(r, v.size(0), d, u, out, OnGpu(v).queue);
            } else {
                kernels::pair_geometry_backward_kernel<T>(r, v.size(0), d, u, out);
            }
        });
        return {result};
    }
};

std::tuple<Tensor, Tensor> pair_geometry_autograd(const Tensor& vectors) {
    const variable_list out = PairGeometry::apply(vectors);
    return {out[0], out[1]};
}

// --- pair_distances

template <typename F>
void for_pairs(int64_t n_pairs, const F& f) {
    constexpr int64_t fewest_pairs = 1 << 14;
    at::parallel_for(0, n_pairs, fewest_pairs, [&](int64_t begin, int64_t end) { f(begin, end - begin); });
}

Tensor compute_pair_distances(const Tensor& vectors) {
    check_vectors("pair_distances", vectors);
    const Tensor v = vectors.contiguous();
    Tensor distances = at::empty({v.size(0)}, v.options());
    with_precision("pair_distances", v, [&](auto zero) {
        using T = decltype(zero);
        const T* const r = v.const_data_ptr<T>();
        T* const d = distances.mutable_data_ptr<T>();
        if (v.is_cuda()) {
            kernels::pair_distances_cuda<T>(r, v.size(0), d, OnGpu(v).queue);
            return;
        }
        for_pairs(v.size(0),
                  [&](int64_t p, int64_t n) { kernels::pair_distances_kernel<T>(r + 3 * p, n, d + p); });
    });
    return distances;
}

struct PairDistances : torch::autograd::Function<PairDistances> {
    static Tensor forward(AutogradContext* context, const Tensor& vectors) {
        const at::AutoDispatchBelowADInplaceOrView below;
        Tensor distances = compute_pair_distances(vectors);
        context->save_for_backward({vectors, distances});
        return distances;
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives("pair_distances");
        const variable_list saved = context->get_saved_variables();
        const Tensor v = saved[0].contiguous(), gradient = gradients[0].contiguous();
        Tensor result = at::empty_like(v);
        with_precision("pair_distances", v, [&](auto zero) {
            using T = decltype(zero);
            const T *const r = v.const_data_ptr<T>(), *const d = saved[1].const_data_ptr<T>(),
                           *const g = gradient.const_data_ptr<T>();
            T* const out = result.mutable_data_ptr<T>();
            if (v.is_cuda()) {
                kernels::pair_distances_backward_cuda<T>(r, v.size(0), g, out, OnGpu(v).queue);
                return;
            }
            for_pairs(v.size(0), [&](int64_t p, int64_t n) {
                kernels::pair_distances_backward_kernel<T>(r + 3 * p, d + p, n, g + p, out + 3 * p);
            });
        });
        return {result};
    }
};

Tensor pair_distances_autograd(const Tensor& vectors) {
    return PairDistances::apply(vectors);
}

// --- bond_densities
// --------------------------------------------------------------------------------------------------

void check_densities(const Tensor& vectors, const Tensor& radial, const Tensor& row_ptr, int64_t l_max) {
    check_vectors("bond_densities", vectors);
    TORCH_CHECK_VALUE(radial.dim() == 2 && radial.size(0) == vectors.size(0),
                      "gnncv::bond_densities: radial must have shape (", vectors.size(0), ", K), got ",
                      radial.sizes());
    TORCH_CHECK_TYPE(radial.scalar_type() == vectors.scalar_type(), "gnncv::bond_densities: radial is ",
                     radial.scalar_type(), " but vectors are ", vectors.scalar_type());
    TORCH_CHECK_TYPE(row_ptr.scalar_type() == at::kLong, "gnncv::bond_densities: row_ptr must be int64");
    TORCH_CHECK_VALUE(row_ptr.dim() == 1 && row_ptr.size(0) >= 1,
                      "gnncv::bond_densities: row_ptr must have shape (N + 1,), got ", row_ptr.sizes());
    TORCH_CHECK_VALUE(l_max >= 0 && l_max <= kernels::max_degree,
                      "gnncv::bond_densities: l_max must be 0 to ", kernels::max_degree, ", got ", l_max);
    const Tensor rows = row_ptr.contiguous();
    const std::string wrong =
        kernels::rows_error({nullptr, rows.const_data_ptr<int64_t>(), rows.size(0) - 1}, vectors.size(0));
    TORCH_CHECK_VALUE(wrong.empty(), "gnncv::bond_densities: ", wrong);
}

template <typename T>
kernels::BondDensityInput<T> density_input(const Tensor& vectors, const Tensor& radial, const Tensor& row_ptr,
                                           int64_t l_max) {
    return {vectors.const_data_ptr<T>(),
            radial.const_data_ptr<T>(),
            row_ptr.const_data_ptr<int64_t>(),
            row_ptr.size(0) - 1,
            radial.size(1),
            static_cast<int>(l_max)};
}

Tensor bond_densities_cpu(const Tensor& vectors, const Tensor& radial, const Tensor& row_ptr, int64_t l_max) {
    check_densities(vectors, radial, row_ptr, l_max);
    const Tensor v = vectors.contiguous(), r = radial.contiguous(), rows = row_ptr.contiguous();
    Tensor densities = at::empty({rows.size(0) - 1, r.size(1), (l_max + 1) * (l_max + 1)}, v.options());
    with_precision("bond_densities", v, [&](auto zero) {
        using T = decltype(zero);
        kernels::bond_densities_kernel<T>(density_input<T>(v, r, rows, l_max),
                                          densities.mutable_data_ptr<T>());
    });
    return densities;
}

struct BondDensities : torch::autograd::Function<BondDensities> {
    static Tensor forward(AutogradContext* context, const Tensor& vectors, const Tensor& radial,
                          const Tensor& row_ptr, int64_t l_max) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({vectors, radial, row_ptr});
        context->saved_data["l_max"] = l_max;
        return bond_densities_cpu(vectors, radial, row_ptr, l_max);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives("bond_densities");
        const variable_list saved = context->get_saved_variables();
        const Tensor v = saved[0].contiguous(), r = saved[1].contiguous(), rows = saved[2].contiguous();
        const Tensor gradient = gradients[0].contiguous();
        Tensor vectors_gradient = at::empty_like(v), radial_gradient = at::empty_like(r);
        with_precision("bond_densities", v, [&](auto zero) {
            using T = decltype(zero);
            kernels::bond_densities_backward_kernel<T>(
                density_input<T>(v, r, rows, context->saved_data["l_max"].toInt()),
                gradient.const_data_ptr<T>(), vectors_gradient.mutable_data_ptr<T>(),
                radial_gradient.mutable_data_ptr<T>());
        });
        return {vectors_gradient, radial_gradient, Tensor(), Tensor()};
    }
};

Tensor bond_densities_autograd(const Tensor& vectors, const Tensor& radial, const Tensor& row_ptr,
                               int64_t l_max) {
    return BondDensities::apply(vectors, radial, row_ptr, l_max);
}

// --- density_invariants
// ----------------------------------------------------------------------------------------------

Tensor density_invariants_cpu(const Tensor& densities, int64_t l_max) {
    TORCH_CHECK_VALUE(
        l_max >= 0 && l_max <= kernels::max_degree && densities.dim() == 3 &&
            densities.size(2) == (l_max + 1) * (l_max + 1),
        "gnncv::density_invariants: densities must have shape (N, K, (l_max + 1)^2) with l_max = ", l_max,
        ", got ", densities.sizes());
    const Tensor a = densities.contiguous();
    Tensor invariants = at::empty({a.size(0), a.size(1), l_max + 1}, a.options());
    with_precision("density_invariants", a, [&](auto zero) {
        using T = decltype(zero);
        kernels::density_invariants_kernel<T>(a.const_data_ptr<T>(), a.size(0) * a.size(1),
                                              static_cast<int>(l_max), invariants.mutable_data_ptr<T>());
    });
    return invariants;
}

struct DensityInvariants : torch::autograd::Function<DensityInvariants> {
    static Tensor forward(AutogradContext* context, const Tensor& densities, int64_t l_max) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({densities});
        context->saved_data["l_max"] = l_max;
        return density_invariants_cpu(densities, l_max);
    }
    static variable_list backward(AutogradContext* context, variable_list gradients) {
        refuse_second_derivatives("density_invariants");
        const Tensor a = context->get_saved_variables()[0].contiguous();
        const Tensor gradient = gradients[0].contiguous();
        Tensor result = at::empty_like(a);
        with_precision("density_invariants", a, [&](auto zero) {
            using T = decltype(zero);
            kernels::density_invariants_backward_kernel<T>(
                a.const_data_ptr<T>(), a.size(0) * a.size(1),
                static_cast<int>(context->saved_data["l_max"].toInt()), gradient.const_data_ptr<T>(),
                result.mutable_data_ptr<T>());
        });
        return {result, Tensor()};
    }
};

Tensor density_invariants_autograd(const Tensor& densities, int64_t l_max) {
    return DensityInvariants::apply(densities, l_max);
}

} // namespace

TORCH_LIBRARY(gnncv, library) {
    library.def("pair_distances(Tensor vectors) -> Tensor");
    library.def("pair_geometry(Tensor vectors) -> (Tensor distances, Tensor directions)");
    library.def("bond_densities(Tensor vectors, Tensor radial, Tensor row_ptr, int l_max) -> Tensor");
    library.def("density_invariants(Tensor densities, int l_max) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("pair_distances", compute_pair_distances);
    library.impl("pair_geometry", compute_pair_geometry);
    library.impl("bond_densities", bond_densities_cpu);
    library.impl("density_invariants", density_invariants_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, CUDA, library) {
    if (kernels::cuda_compiled()) {
        library.impl("pair_distances", compute_pair_distances);
        library.impl("pair_geometry", compute_pair_geometry);
    }
}
TORCH_LIBRARY_IMPL(gnncv, Autograd, library) {
    library.impl("pair_distances", pair_distances_autograd);
    library.impl("pair_geometry", pair_geometry_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl("bond_densities", bond_densities_autograd);
    library.impl("density_invariants", density_invariants_autograd);
}

} // namespace gnncv
