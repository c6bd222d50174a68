#include "kernels/attention_heads.h"

#include <algorithm>

namespace gnncv::kernels {

template <typename T>
AttentionHeads<T>::AttentionHeads(const TableAttentionInput<T>& input, std::int64_t first)
    : first_head(first), n_heads(std::min<std::int64_t>(heads_at_once, input.n_heads - first)),
      head_width(input.n_channels / input.n_heads), n_registers((head_width + quads - 1) / quads),
      n_channels(input.n_channels) {
    const auto zeros = [this](int which, std::int64_t n) {
        const std::int64_t n_lanes = (n + width - 1) / width;
        T* numbers = reinterpret_cast<T*>(memory_[which].reserve(n_lanes));
        std::fill(numbers, numbers + n_lanes * width, T(0));
        return numbers;
    };
    table_ = zeros(0, input.table.n_intervals * row());
    channels_ = zeros(1, input.pairs.n_centers * n_registers * width);
    quantities_ = zeros(2, input.pairs.n_centers * n_extra);
    arrange_table(input.table);
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
    for (std::int64_t interval = 0; interval < given.n_intervals; ++interval) {
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
    for (std::int64_t interval = 0; interval < input.table.n_intervals; ++interval) {
        for (int k = 0; k < table_terms; ++k) {
            T* to = table_gradient + (interval * table_terms + k) * input.table.n_channels;
            const T* from = arranged + interval * row();
            for_filters(
                [&](std::int64_t at, std::int64_t c) { to[first_channel + c] += from[k * term + at]; });
            for_extra([&](std::int64_t at, std::int64_t c) { to[c] += from[extra + k * n_extra + at]; });
        }
    }
}

template <typename T>
void AttentionHeads<T>::to_registers(const T* channels, T* registers) const {
    const T* from = channels + first_head * head_width;
    if (full()) {
        for (std::int64_t quad = 0; quad < head_width; ++quad) {
            for (int h = 0; h < heads_at_once; ++h) {
                registers[heads_at_once * quad + h] = from[h * head_width + quad];
            }
        }
    } else {
        for_filters([&](std::int64_t at, std::int64_t c) { registers[at] = from[c]; });
    }
}

template <typename T>
void AttentionHeads<T>::from_registers(const T* registers, T* channels) const {
    T* to = channels + first_head * head_width;
    if (full()) {
        for (std::int64_t quad = 0; quad < head_width; ++quad) {
            for (int h = 0; h < heads_at_once; ++h) {
                to[h * head_width + quad] = registers[heads_at_once * quad + h];
            }
        }
    } else {
        for_filters([&](std::int64_t at, std::int64_t c) { to[c] = registers[at]; });
    }
}

template <typename T>
void AttentionHeads<T>::arrange_senders(const TableAttentionInput<T>& input) {
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        to_registers(input.value + i * n_channels, channels_ + i * n_registers * width);
        const std::int64_t head = i * input.n_heads + first_head;
        std::copy_n(input.sender + head, n_heads, quantities_ + i * n_extra);
        std::copy_n(input.receiver + head, n_heads, quantities_ + i * n_extra + heads_at_once);
    }
}

template <typename T>
void AttentionHeads<T>::arrange_receivers(const TableAttentionInput<T>& input,
                                          const TableAttentionOutput<T>& output) {
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        T* registers = channels_ + i * n_registers * width;
        T* receiver = quantities_ + i * n_extra;
        const T* from = input.receiver + i * input.n_heads + first_head;
        std::copy(from, from + n_heads, receiver);
        to_registers(output.messages_gradient + i * n_channels, registers);
        T inverse[heads_at_once] = {};
        for (std::int64_t h = 0; h < n_heads; ++h) {
            const T denominator = output.denominators[i * input.n_heads + first_head + h];
            inverse[h] = denominator > T(0) ? T(1) / denominator : T(0);
            const std::int64_t begin = i * n_channels + (first_head + h) * head_width;
            T mean = 0;
            for (std::int64_t c = begin; c < begin + head_width; ++c) {
                mean += output.messages[c] * output.messages_gradient[c];
            }
            receiver[heads_at_once + h] = mean * inverse[h];
        }
        for (std::int64_t at = 0; at < n_registers * width; ++at) {
            registers[at] *= inverse[at % heads_at_once];
        }
    }
}

template class AttentionHeads<float>;
template class AttentionHeads<double>;

} // namespace gnncv::kernels
