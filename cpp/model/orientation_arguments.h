// The arguments of the operators that make densities of orientation.
#pragma once

#include "kernels/orientation_densities.h"
#include "model/table_arguments.h"

namespace gnncv {

struct OrientationArguments : TableArguments {
    Tensor axes, types;
    int64_t n_species;
    kernels::OrientationTerms terms;

    OrientationArguments(const char* op, const Tensor& vectors, const Tensor& axes, const Tensor& neighbor,
                         const Tensor& row_ptr, const Tensor& types, const Tensor& table, double cutoff,
                         int64_t n_species, at::IntArrayRef headless, int64_t degree)
        : TableArguments(op, Geometry::vectors, vectors, neighbor, row_ptr, table, cutoff),
          axes(axes.contiguous()), types(types.contiguous()), n_species(n_species) {
        const auto n_axes = static_cast<int64_t>(headless.size());
        TORCH_CHECK_VALUE(n_axes >= 1 && n_axes <= kernels::max_axes, "gnncv::", op,
                          ": headless must say of 1 to ", kernels::max_axes, " axes whether they are, got ",
                          n_axes);
        TORCH_CHECK_VALUE(axes.dim() == 3 && axes.size(0) == pairs.n_centers && axes.size(1) == n_axes &&
                              axes.size(2) == 3,
                          "gnncv::", op, ": axes must have shape (", pairs.n_centers, ", ", n_axes,
                          ", 3), got ", axes.sizes());
        TORCH_CHECK_TYPE(axes.scalar_type() == table.scalar_type(), "gnncv::", op, ": axes are ",
                         axes.scalar_type(), ", expected ", table.scalar_type(), " as the table");
        TORCH_CHECK_VALUE(types.dim() == 1 && types.size(0) == pairs.n_centers &&
                              types.scalar_type() == at::kLong,
                          "gnncv::", op, ": types must be int64 of shape (", pairs.n_centers, ",)");
        check_devices(op, table, {{"axes", &axes}, {"types", &types}});
        TORCH_CHECK_VALUE(n_species >= 1, "gnncv::", op, ": n_species must be at least 1, got ", n_species);
        TORCH_CHECK_VALUE(degree == 2 || degree == 4, "gnncv::", op, ": degree must be 2 or 4, got ", degree);
        TORCH_CHECK_VALUE(table.size(2) >= 2, "gnncv::", op,
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

} // namespace gnncv
