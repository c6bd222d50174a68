// The arguments of table_attention, checked. For operators_attention.cpp beside it.
#pragma once

#include "kernels/table_attention.h"
#include "model/table_arguments.h"

namespace gnncv {

inline constexpr const char* attention_name = "table_attention";

struct AttentionArguments : TableArguments {
    Tensor receiver, sender, value;
    double lone, bound;

    AttentionArguments(const Tensor& distances, const Tensor& neighbor, const Tensor& row_ptr,
                       const Tensor& table, double cutoff, const Tensor& receiver, const Tensor& sender,
                       const Tensor& value, double lone, double bound,
                       const std::optional<Tensor>& half_begin)
        : TableArguments(attention_name, Geometry::distances, distances, neighbor, row_ptr, table, cutoff,
                         half_begin),
          receiver(receiver.contiguous()), sender(sender.contiguous()), value(value.contiguous()), lone(lone),
          bound(bound) {
        TORCH_CHECK_VALUE(lone >= 0.0 && bound > 0.0, "gnncv::", attention_name,
                          ": lone must not be negative and bound must be positive, got ", lone, " and ",
                          bound);
        check_devices(attention_name, table,
                      {{"receiver", &receiver}, {"sender", &sender}, {"value", &value}});
        check_matrix(attention_name, "receiver", this->receiver, pairs.n_centers, table);
        check_columns(attention_name, "sender", this->sender, *this, receiver.size(1));
        check_matrix(attention_name, "value", this->value, pairs.n_centers, table);
        TORCH_CHECK_VALUE(receiver.size(1) > 0 && value.size(1) % receiver.size(1) == 0,
                          "gnncv::", attention_name, ": value must have a multiple of the ", receiver.size(1),
                          " heads as columns, got ", value.size(1));
        TORCH_CHECK_VALUE(table.size(2) == value.size(1) + receiver.size(1) + 1, "gnncv::", attention_name,
                          ": table must have ", value.size(1) + receiver.size(1) + 1,
                          " channels (filters, heads, switching), got ", table.size(2));
    }

    template <typename T>
    kernels::TableAttentionInput<T> input(const kernels::PairRows& share) const {
        return {geometry.const_data_ptr<T>(),
                share,
                radial_table<T>(),
                receiver.const_data_ptr<T>(),
                sender.const_data_ptr<T>(),
                value.const_data_ptr<T>(),
                receiver.size(1),
                value.size(1),
                lone,
                bound};
    }
};

} // namespace gnncv
