// The arguments of the operators that make densities of a site's environment.
#pragma once

#include "kernels/environment_densities.h"
#include "kernels/spherical_harmonics.h"
#include "model/table_arguments.h"

namespace gnncv {

struct EnvironmentArguments : TableArguments {
    Tensor types;
    int64_t n_species, l_max;

    EnvironmentArguments(const char* op, const Tensor& vectors, const Tensor& neighbor, const Tensor& row_ptr,
                         const Tensor& types, const Tensor& table, double cutoff, int64_t n_species,
                         int64_t l_max)
        : TableArguments(op, Geometry::vectors, vectors, neighbor, row_ptr, table, cutoff),
          types(types.contiguous()), n_species(n_species), l_max(l_max) {
        TORCH_CHECK_VALUE(types.dim() == 1 && types.size(0) == pairs.n_centers &&
                              types.scalar_type() == at::kLong,
                          "gnncv::", op, ": types must be int64 of shape (", pairs.n_centers, ",)");
        check_devices(op, table, {{"types", &types}});
        TORCH_CHECK_VALUE(n_species >= 1, "gnncv::", op, ": n_species must be at least 1, got ", n_species);
        TORCH_CHECK_VALUE(l_max >= 0 && l_max <= kernels::max_degree, "gnncv::", op, ": l_max must be 0 to ",
                          kernels::max_degree, ", got ", l_max);
        TORCH_CHECK_VALUE(table.size(2) >= 2, "gnncv::", op,
                          ": table needs a radial channel and the switching function, got ", table.size(2),
                          " channels");
    }

    template <typename T>
    kernels::EnvironmentInput<T> input(const kernels::PairRows& share) const {
        return {geometry.const_data_ptr<T>(),    share,
                types.const_data_ptr<int64_t>(), radial_table<T>(),
                static_cast<int>(n_species),     static_cast<int>(l_max)};
    }
};

} // namespace gnncv
