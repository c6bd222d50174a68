// Half a list: both directions of a bond side by side, first that to the center, then that to the neighbor.
// The passes are those of table_attention_cpu.cpp; what a bond adds at its neighbor goes to memory at once.
#include "kernels/table_attention.h"

#include "kernels/attention_half_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

// Logits and switching of the bonds in both directions.
template <int bytes, typename T>
GNNCV_INLINE void fill_logits(const AttentionHeads<T>& heads, HalfBonds<T, bytes>& bonds) {
    using E = Eight<T, bytes>;
    const T *extra_terms = heads.extra_terms(), *quantities = heads.quantities(0);
    std::int64_t b = 0;
    for (int r = 0; r < bonds.n_runs; ++r) {
        const E own = exchanged(load_as<E>(heads.quantities(bonds.runs[r].center)));
        for (const std::int64_t end = b + bonds.runs[r].n; b < end; ++b) {
            const E extra = extra_functions<bytes>(extra_terms + bonds.offset[b], bonds.t[b]);
            const E other = load_as<E>(quantities + bonds.neighbor[b] * heads.n_quantities);
            store_as(bonds.logits + eight * b, first_twice(extra) + own + other);
            store_as(bonds.switching + eight * b, second_twice(extra));
        }
    }
}

// In place of the logits: s exp(l).
template <int bytes, typename T>
GNNCV_INLINE void fill_weights(const Squash<T, bytes>& squash, HalfBonds<T, bytes>& bonds) {
    constexpr int width = LanesOf<T, bytes>::width, at_once = Squash<T, bytes>::at_once;
    for (std::int64_t k = 0; k < eight * bonds.n; k += at_once * width) {
        Lanes<T, bytes> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            store_lanes<T>(bonds.logits + at, exponentials[r] * load_lanes<T, bytes>(bonds.switching + at));
        }
    }
}

// The channels of the bonds of a run, the first of which is number b.
template <int M, int bytes, typename T>
GNNCV_INLINE void add_channels(const AttentionHeads<T>& heads, const HalfBonds<T, bytes>& bonds,
                               const BondRun& run, std::int64_t b, Block<T, bytes>* buffer, T* sums) {
    using B = Block<T, bytes>;
    using E = Eight<T, bytes>;
    using Q = Quad<T, bytes>;
    constexpr int width = LanesOf<T>::width;
    const std::int64_t m = M > 0 ? M : heads.n_registers, term = m * width, row = term + width;
    const T *table = heads.table(), *values = heads.values(0);
    B fixed_value[M > 0 ? M : 1], fixed_sum[M > 0 ? M : 1];
    B *value = M > 0 ? fixed_value : buffer, *sum = M > 0 ? fixed_sum : buffer + m;
    Q denominator{};
    for (std::int64_t r = 0; r < m; ++r) {
        value[r] = load_as<B>(values + run.center * term + r * width);
        sum[r] = B{};
    }
    for (const std::int64_t end = b + run.n; b < end; ++b) {
        const std::int64_t j = bonds.neighbor[b];
        const E weight = load_as<E>(bonds.logits + eight * b);
        const B to_center = repeat_first<T, bytes>(weight), to_neighbor = repeat_second<T, bytes>(weight);
        const T t = bonds.t[b];
        T* const at_neighbor = sums + j * row;
        denominator += first_quad(weight);
        store_as(at_neighbor + term, load_as<Q>(at_neighbor + term) + second_quad(weight));
        for (std::int64_t r = 0; r < m; ++r) {
            const T* a = table + bonds.offset[b] + r * width;
            const auto terms = [&](int k) __attribute__((always_inline)) { return load_as<B>(a + k * term); };
            const B filter = polynomial<B>(t, terms);
            T* const to = at_neighbor + r * width;
            sum[r] += to_center * filter * load_as<B>(values + j * term + r * width);
            store_as(to, load_as<B>(to) + to_neighbor * filter * value[r]);
        }
    }
    T* const at_center = sums + run.center * row;
    for (std::int64_t r = 0; r < m; ++r) {
        store_as(at_center + r * width, load_as<B>(at_center + r * width) + sum[r]);
    }
    store_as(at_center + term, load_as<Q>(at_center + term) + denominator);
}

template <int M, int bytes, typename T>
GNNCV_INLINE void half_forward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                    T* sums) {
    using B = Block<T, bytes>;
    const Squash<T, bytes> squash(input.bound);
    HalfBonds<T, bytes> bonds(input.pairs);
    LaneBuffer<T> memory;
    auto* buffer = reinterpret_cast<B*>(memory.reserve(2 * heads.n_registers));
    for (bonds.fill(input, heads.row()); bonds.n > 0; bonds.fill(input, heads.row())) {
        fill_logits(heads, bonds);
        fill_weights(squash, bonds);
        for (std::int64_t r = 0, b = 0; r < bonds.n_runs; b += bonds.runs[r++].n) {
            add_channels<M>(heads, bonds, bonds.runs[r], b, buffer, sums);
        }
    }
}

#define GNNCV_INSTANCE(attribute, bytes, M, T)                                                               \
    attribute void half_forward_instance(std::integral_constant<int, M>,                                     \
                                         const TableAttentionInput<T>& input,                                \
                                         const AttentionHeads<T>& heads, T* sums) {                          \
        half_forward_body<M, bytes, T>(input, heads, sums);                                                  \
    }
GNNCV_FOR_REGISTERS(GNNCV_HEAD_INSTANCES)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void table_attention_half_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                 T* sums) {
    with_registers(heads.n_registers,
                   [&](auto n_registers) { half_forward_instance(n_registers, input, heads, sums); });
}

template void table_attention_half_kernel(const TableAttentionInput<float>&, const AttentionHeads<float>&,
                                          float*);
template void table_attention_half_kernel(const TableAttentionInput<double>&, const AttentionHeads<double>&,
                                          double*);

} // namespace gnncv::kernels
