// The arguments that the operators on tables share. With operator_arguments.h one of the headers with
// libtorch.
#pragma once

#include "kernels/radial_table.h"
#include "model/operator_arguments.h"
#include "model/operator_device.h"

#include <optional>

namespace gnncv {

enum class Geometry { vectors, distances }; // (P, 3) or (P,)

// The pairs and the table, which all of them take first; half_begin is undefined for lists of both
// directions.
struct TableArguments {
    Tensor geometry, neighbor, row_ptr, table, half_begin;
    double cutoff;
    kernels::PairRows pairs;

    TableArguments(const char* op, Geometry kind, const Tensor& geometry, const Tensor& neighbor,
                   const Tensor& row_ptr, const Tensor& table, double cutoff,
                   const std::optional<Tensor>& half_begin = std::nullopt)
        : geometry(geometry.contiguous()), neighbor(narrow(op, neighbor)), row_ptr(row_ptr.contiguous()),
          table(table.contiguous()), half_begin(half_begin ? half_begin->contiguous() : Tensor()),
          cutoff(cutoff) {
        const char* name = kind == Geometry::vectors ? "vectors" : "distances";
        if (kind == Geometry::vectors) {
            check_vectors(op, geometry);
        } else {
            TORCH_CHECK_VALUE(geometry.dim() == 1, "gnncv::", op, ": distances must have shape (P,), got ",
                              geometry.sizes());
        }
        TORCH_CHECK_TYPE(geometry.scalar_type() == table.scalar_type(), "gnncv::", op, ": ", name, " are ",
                         geometry.scalar_type(), ", expected ", table.scalar_type(), " as the table");
        TORCH_CHECK_VALUE(table.dim() == 3 && table.size(0) >= 1 && table.size(1) == kernels::table_terms,
                          "gnncv::", op, ": table must have shape (intervals, ", kernels::table_terms,
                          ", channels), got ", table.sizes());
        check_devices(op, table, {{name, &geometry}, {"neighbor", &neighbor}, {"row_ptr", &row_ptr}});
        TORCH_CHECK_VALUE(cutoff > 0.0, "gnncv::", op, ": cutoff must be positive, got ", cutoff);
        pairs = pair_rows(op, this->neighbor, this->row_ptr, geometry.size(0), this->half_begin);
    }

    template <typename T>
    kernels::RadialTable<T> radial_table() const {
        return {table.const_data_ptr<T>(), {table.size(0), cutoff}, table.size(2)};
    }
};

inline void check_columns(const char* op, const char* name, const Tensor& tensor, const TableArguments& in,
                          int64_t columns) {
    check_matrix(op, name, tensor, in.pairs.n_centers, in.table);
    TORCH_CHECK_VALUE(tensor.size(1) == columns, "gnncv::", op, ": ", name, " must have ", columns,
                      " columns, got ", tensor.size(1));
}

// The sum over all bonds in an interval of the table would need an order of them.
inline void check_table_is_on_the_cpu(const char* op, const Tensor& table) {
    TORCH_CHECK_NOT_IMPLEMENTED(table.is_cpu(), "gnncv::", op,
                                " has no gradient of its table on a GPU: train on the CPU, or with "
                                "gnncv.nn.operators.use_references");
}

} // namespace gnncv
