// The numbers of table_attention for four of its heads, in the order of the registers that hold them: lane
// 4 q + h belongs to head h, so that the weights of a bond, one a head, repeat within a register, and sums
// over a head's channels are sums over the quarters of registers.
#pragma once

#include "kernels/lanes.h"
#include "kernels/table_attention.h"

#include <cstdint>
#include <type_traits>

// GNNCV_INSTANCE(attribute, bytes, registers, type) for all that with_registers chooses from.
#define GNNCV_HEAD_INSTANCES(attribute, bytes)                                                               \
    GNNCV_INSTANCE(attribute, bytes, 0, float)                                                               \
    GNNCV_INSTANCE(attribute, bytes, 0, double)                                                              \
    GNNCV_INSTANCE(attribute, bytes, 1, float)                                                               \
    GNNCV_INSTANCE(attribute, bytes, 1, double)                                                              \
    GNNCV_INSTANCE(attribute, bytes, 2, float)                                                               \
    GNNCV_INSTANCE(attribute, bytes, 2, double)

namespace gnncv::kernels {

inline constexpr int heads_at_once = 4;

enum class AttentionPass { forward, backward };

// Channel c of a head h is number 4 c + h of the registers. What is left, up to four heads and whole
// registers, is zero.
template <typename T>
class AttentionHeads {
public:
    static constexpr int width = LanesOf<T>::width, quads = width / heads_at_once;
    static constexpr int n_extra = 2 * heads_at_once, n_quantities = 4 * heads_at_once;
    static constexpr int receivers = heads_at_once, means = 3 * heads_at_once; // where among the quantities

    // Heads first_head .. first_head + 3, or up to the last.
    AttentionHeads(const TableAttentionInput<T>& input, std::int64_t first_head, AttentionPass pass);

    // Of the input's centers: values, senders and receivers.
    void arrange(const TableAttentionInput<T>& input);
    // For the backward pass as well: gradients of messages over denominators, and the mean gradients
    // sum_c messages G over denominators.
    void arrange_gradients(const TableAttentionInput<T>& input, const TableAttentionOutput<T>& output);

    // A site's channels of all heads, from registers.
    void from_registers(const T* registers, T* channels) const;
    // Adds what belongs to these heads.
    void add_table_gradient(const TableAttentionInput<T>& input, const T* arranged, T* table_gradient) const;

    // What half a list adds to at each site: the registers of the messages times denominators, or of the
    // values' gradients, and behind them the denominators without `lone`, or the gradients of senders and
    // receivers.
    [[nodiscard]] std::int64_t n_sums() const { return n_registers * width + width; }
    // From those sums, for the input's centers.
    void finish_messages(const TableAttentionInput<T>& input, const T* sums, T* messages,
                         T* denominators) const;
    void finish_gradients(const TableAttentionInput<T>& input, const T* sums,
                          const TableAttentionGradients<T>& gradients) const;

    std::int64_t first_head, n_heads, head_width, n_registers;
    std::int64_t n_channels; // of all heads

    // (n_intervals, row): six terms of the filters' registers, then six terms of the extra functions, which
    // are the distance logits of the heads and four times switching.
    [[nodiscard]] const T* table() const { return table_; }
    [[nodiscard]] const T* extra_terms() const { return table_ + table_terms * n_registers * width; }
    [[nodiscard]] std::int64_t row() const { return table_terms * (n_registers * width + n_extra); }
    // A site's values and gradients in registers; its senders, receivers, zeros and mean gradients.
    [[nodiscard]] const T* values(std::int64_t site) const { return values_ + site * n_registers * width; }
    [[nodiscard]] const T* gradients(std::int64_t site) const {
        return gradients_ + site * n_registers * width;
    }
    [[nodiscard]] const T* quantities(std::int64_t site) const { return quantities_ + site * n_quantities; }

private:
    // Blocks of four heads and four channels can be transposed.
    [[nodiscard]] bool in_fours() const {
        return n_heads == heads_at_once && head_width % heads_at_once == 0;
    }
    T* reserve(int which, std::int64_t n);
    void arrange_table(const RadialTable<T>& given);
    void to_registers(const T* channels, T* registers) const;
    // place(channel of the arranged row's term, channel of the table as given) for all that is not zero.
    template <typename F>
    void for_filters(const F& place) const;
    template <typename F>
    void for_extra(const F& place) const;

    LaneBuffer<T> memory_[4];
    T *table_, *values_, *quantities_, *gradients_ = nullptr;
};

// f(n) with the number of registers as a constant if there is code for it, else with zero.
template <typename F>
void with_registers(std::int64_t n_registers, const F& f) {
    switch (n_registers) {
    case 1:
        return f(std::integral_constant<int, 1>{});
    case 2:
        return f(std::integral_constant<int, 2>{});
    default:
        return f(std::integral_constant<int, 0>{});
    }
}

} // namespace gnncv::kernels
