#include "kernels/attention_heads.h"

#include "kernels/attention_lanes.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

// One number a head, with zeros up to the fourth.
template <typename T>
Quad<T> load_heads(const T* numbers, std::int64_t n_heads) {
    if (n_heads == heads_at_once) { // without a call
        return load_as<Quad<T>>(numbers);
    }
    T quad[heads_at_once] = {};
    std::copy_n(numbers, n_heads, quad);
    return load_as<Quad<T>>(quad);
}
template <typename T>
void store_heads(T* numbers, std::int64_t n_heads, const Quad<T>& quad) {
    if (n_heads == heads_at_once) {
        store_as(numbers, quad);
        return;
    }
    T each[heads_at_once];
    store_as(each, quad);
    std::copy_n(each, n_heads, numbers);
}

// Channel c of four heads, one after the other with `head_width` channels each, to number 4 c + h.
template <typename T>
GNNCV_INLINE void join_heads(const T* from, std::int64_t head_width, T* to) {
    for (std::int64_t c = 0; c < head_width; c += heads_at_once) {
        Quad<T> rows[heads_at_once];
        for (int h = 0; h < heads_at_once; ++h) {
            rows[h] = load_as<Quad<T>>(from + h * head_width + c);
        }
        transpose_quads<T>(rows);
        for (int k = 0; k < heads_at_once; ++k) {
            store_as(to + heads_at_once * (c + k), rows[k]);
        }
    }
}
template <typename T>
GNNCV_INLINE void part_heads(const T* from, std::int64_t head_width, T* to) {
    for (std::int64_t c = 0; c < head_width; c += heads_at_once) {
        Quad<T> rows[heads_at_once];
        for (int k = 0; k < heads_at_once; ++k) {
            rows[k] = load_as<Quad<T>>(from + heads_at_once * (c + k));
        }
        transpose_quads<T>(rows);
        for (int h = 0; h < heads_at_once; ++h) {
            store_as(to + h * head_width + c, rows[h]);
        }
    }
}

} // namespace

template <typename T>
AttentionHeads<T>::AttentionHeads(const TableAttentionInput<T>& input, std::int64_t first, AttentionPass pass)
    : first_head(first), n_heads(std::min<std::int64_t>(heads_at_once, input.n_heads - first)),
      head_width(input.n_channels / input.n_heads), n_registers((head_width + quads - 1) / quads),
      n_channels(input.n_channels) {
    const std::int64_t n_centers = input.pairs.n_centers;
    table_ = reserve(0, input.table.grid.n_intervals * row());
    values_ = reserve(1, n_centers * n_registers * width);
    quantities_ = reserve(2, n_centers * n_quantities);
    if (pass == AttentionPass::backward) {
        gradients_ = reserve(3, n_centers * n_registers * width);
    }
    arrange_table(input.table);
}

template <typename T>
T* AttentionHeads<T>::reserve(int which, std::int64_t n) {
    return reinterpret_cast<T*>(memory_[which].reserve((n + width - 1) / width));
}

template <typename T>
template <typename F>
void AttentionHeads<T>::for_filters(const F& place) const {
    for (std::int64_t h = 0; h < n_heads; ++h) {
        for (std::int64_t c = 0; c < head_width; ++c) {
            place(heads_at_once * c + h, h * head_width + c);
        }
    }
}

template <typename T>
template <typename F>
void AttentionHeads<T>::for_extra(const F& place) const {
    const std::int64_t all_heads = n_channels / head_width;
    for (std::int64_t h = 0; h < n_heads; ++h) {
        place(h, n_channels + first_head + h);
        place(heads_at_once + h, n_channels + all_heads);
    }
}

template <typename T>
void AttentionHeads<T>::arrange_table(const RadialTable<T>& given) {
    const std::int64_t term = n_registers * width, extra = table_terms * term;
    const std::int64_t first_channel = first_head * head_width;
    std::fill(table_, table_ + given.grid.n_intervals * row(), T(0));
    for (std::int64_t interval = 0; interval < given.grid.n_intervals; ++interval) {
        for (int k = 0; k < table_terms; ++k) {
            const T* from = given.coefficients + (interval * table_terms + k) * given.n_channels;
            T* to = table_ + interval * row();
            for_filters(
                [&](std::int64_t at, std::int64_t c) { to[k * term + at] = from[first_channel + c]; });
            for_extra([&](std::int64_t at, std::int64_t c) { to[extra + k * n_extra + at] = from[c]; });
        }
    }
}

template <typename T>
void AttentionHeads<T>::add_table_gradient(const TableAttentionInput<T>& input, const T* arranged,
                                           T* table_gradient) const {
    const std::int64_t term = n_registers * width, extra = table_terms * term;
    const std::int64_t first_channel = first_head * head_width;
    for (std::int64_t interval = 0; interval < input.table.grid.n_intervals; ++interval) {
        for (int k = 0; k < table_terms; ++k) {
            T* to = table_gradient + (interval * table_terms + k) * input.table.n_channels;
            const T* from = arranged + interval * row();
            for_filters(
                [&](std::int64_t at, std::int64_t c) { to[first_channel + c] += from[k * term + at]; });
            for_extra([&](std::int64_t at, std::int64_t c) { to[c] += from[extra + k * n_extra + at]; });
        }
    }
}

// The commonest shape as a constant: one block, which fills its registers.
template <typename T>
GNNCV_INLINE void AttentionHeads<T>::to_registers(const T* channels, T* registers) const {
    const T* from = channels + first_head * head_width;
    if (n_heads == heads_at_once && head_width == heads_at_once) {
        join_heads(from, heads_at_once, registers);
        return;
    }
    std::fill(registers, registers + n_registers * width, T(0));
    if (in_fours()) {
        join_heads(from, head_width, registers);
    } else {
        for_filters([&](std::int64_t at, std::int64_t c) { registers[at] = from[c]; });
    }
}

template <typename T>
void AttentionHeads<T>::from_registers(const T* registers, T* channels) const {
    T* to = channels + first_head * head_width;
    if (n_heads == heads_at_once && head_width == heads_at_once) {
        part_heads(registers, heads_at_once, to);
    } else if (in_fours()) {
        part_heads(registers, head_width, to);
    } else {
        for_filters([&](std::int64_t at, std::int64_t c) { to[c] = registers[at]; });
    }
}

template <typename T>
void AttentionHeads<T>::arrange(const TableAttentionInput<T>& input) {
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        to_registers(input.value + i * n_channels, values_ + i * n_registers * width);
        T* quantities = quantities_ + i * n_quantities;
        store_as(quantities, load_heads(input.sender + i * input.n_heads + first_head, n_heads));
        store_as(quantities + receivers,
                 load_heads(input.receiver + i * input.n_heads + first_head, n_heads));
        store_as(quantities + means - heads_at_once, Eight<T>{});
    }
}

template <typename T>
void AttentionHeads<T>::arrange_gradients(const TableAttentionInput<T>& input,
                                          const TableAttentionOutput<T>& output) {
    LaneBuffer<T> memory;
    T* messages = reinterpret_cast<T*>(memory.reserve(n_registers));
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        T* gradients = gradients_ + i * n_registers * width;
        to_registers(output.messages_gradient + i * n_channels, gradients);
        to_registers(output.messages + i * n_channels, messages);
        const Quad<T> inverse =
            inverse_or_zero(load_heads(output.denominators + i * input.n_heads + first_head, n_heads));
        Quad<T> mean{};
        for (std::int64_t at = 0; at < n_registers * width; at += heads_at_once) {
            const Quad<T> gradient = load_as<Quad<T>>(gradients + at) * inverse;
            mean += load_as<Quad<T>>(messages + at) * gradient;
            store_as(gradients + at, gradient);
        }
        store_as(quantities_ + i * n_quantities + means, mean);
    }
}

template <typename T>
void AttentionHeads<T>::finish_messages(const TableAttentionInput<T>& input, const T* sums, T* messages,
                                        T* denominators) const {
    LaneBuffer<T> memory;
    T* message = reinterpret_cast<T*>(memory.reserve(n_registers));
    const std::int64_t behind = n_registers * width;
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        const T* sum = sums + i * n_sums();
        const Quad<T> denominator = load_as<Quad<T>>(sum + behind) + static_cast<T>(input.lone);
        const Quad<T> inverse = inverse_or_zero(denominator);
        for (std::int64_t at = 0; at < behind; at += heads_at_once) {
            store_as(message + at, load_as<Quad<T>>(sum + at) * inverse);
        }
        from_registers(message, messages + i * n_channels);
        store_heads<T>(denominators + i * input.n_heads + first_head, n_heads, denominator);
    }
}

template <typename T>
void AttentionHeads<T>::finish_gradients(const TableAttentionInput<T>& input, const T* sums,
                                         const TableAttentionGradients<T>& gradients) const {
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        const T* sum = sums + i * n_sums();
        const T* behind = sum + n_registers * width;
        if (gradients.value != nullptr) {
            from_registers(sum, gradients.value + i * n_channels);
        }
        if (gradients.sender != nullptr) {
            const std::int64_t head = i * input.n_heads + first_head;
            store_heads<T>(gradients.sender + head, n_heads, load_as<Quad<T>>(behind));
            store_heads<T>(gradients.receiver + head, n_heads, load_as<Quad<T>>(behind + receivers));
        }
    }
}

template class AttentionHeads<float>;
template class AttentionHeads<double>;

} // namespace gnncv::kernels
