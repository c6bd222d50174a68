// torch.ops.gnncv: species_rows, what is known of the sites of each species. Where the rows are
// differentiated, and on devices without a kernel, it is what it is made of.
#include "kernels/dense_rows.h"
#include "model/operator_arguments.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/split_with_sizes.h>
#include <torch/library.h>

#include <vector>

namespace gnncv {
namespace {

constexpr const char* name = "species_rows";

std::vector<Tensor> composed(const Tensor& rows, const Tensor& types, at::IntArrayRef columns) {
    std::vector<Tensor> results;
    for (const Tensor& part : rows.split_with_sizes(columns, 1)) {
        results.push_back(part.index_select(0, types));
    }
    return results;
}

void check(const Tensor& rows, const Tensor& types, at::IntArrayRef columns) {
    check_matrix(name, "rows", rows, rows.dim() > 0 ? rows.size(0) : 0, rows);
    TORCH_CHECK_VALUE(types.dim() == 1 && types.scalar_type() == at::kLong, "gnncv::", name,
                      ": types must be int64 of shape (N,), got ", types.scalar_type(), " of shape ",
                      types.sizes());
    int64_t total = 0;
    for (const int64_t n : columns) {
        TORCH_CHECK_VALUE(n >= 0, "gnncv::", name, ": columns must not be negative, got ", columns);
        total += n;
    }
    TORCH_CHECK_VALUE(total == rows.size(1), "gnncv::", name, ": columns ", columns, " must add up to ",
                      rows.size(1));
    const auto* type = types.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < types.size(0); ++i) {
        TORCH_CHECK_VALUE(type[i] >= 0 && type[i] < rows.size(0), "gnncv::", name, ": type ", type[i],
                          " of site ", i, " is none of ", rows.size(0), " species");
    }
}

std::vector<Tensor> species_rows_cpu(const Tensor& given_rows, const Tensor& given_types,
                                     at::IntArrayRef columns) {
    const Tensor rows = given_rows.contiguous(), types = given_types.contiguous();
    check(rows, types, columns);
    std::vector<Tensor> results;
    for (const int64_t n : columns) {
        results.push_back(at::empty({types.size(0), n}, rows.options()));
    }
    with_precision(name, rows, [&](auto zero) {
        using T = decltype(zero);
        std::vector<T*> to;
        for (const Tensor& result : results) {
            to.push_back(result.mutable_data_ptr<T>());
        }
        const auto* type = types.const_data_ptr<int64_t>();
        for_sites(types.size(0), [&](int64_t begin, int64_t end) {
            const T* from = rows.const_data_ptr<T>();
            for (size_t k = 0; k < to.size(); from += columns[k], ++k) {
                kernels::select_rows<T>({from, rows.size(1)}, type + begin, end - begin, columns[k],
                                        {to[k] + begin * columns[k], columns[k]});
            }
        });
    });
    return results;
}

std::vector<Tensor> species_rows_autograd(const Tensor& rows, const Tensor& types, at::IntArrayRef columns) {
    if (at::GradMode::is_enabled() && rows.requires_grad()) {
        return composed(rows, types, columns);
    }
    const at::AutoDispatchBelowADInplaceOrView below;
    return species_rows_cpu(rows, types, columns);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("species_rows(Tensor rows, Tensor types, int[] columns) -> Tensor[]");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl(name, species_rows_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl(name, species_rows_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl(name, composed);
}

} // namespace gnncv
