// Half a list: both directions of a bond side by side, first that to the center, then that to the neighbor.
// The passes are those of table_attention_cpu.cpp; what a bond adds at its neighbor goes to memory at once.
#include "kernels/table_attention.h"

#include "kernels/attention_half_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

// Logits and switching of the bonds in both directions.
template <typename T>
GNNCV_INLINE void fill_logits(const AttentionHeads<T>& heads, HalfBonds<T>& bonds) {
    const T *extra_terms = heads.extra_terms(), *quantities = heads.quantities(0);
    std::int64_t b = 0;
    for (int r = 0; r < bonds.n_runs; ++r) {
        const Eight<T> own = exchanged<T>(load_as<Eight<T>>(heads.quantities(bonds.runs[r].center)));
        for (const std::int64_t end = b + bonds.runs[r].n; b < end; ++b) {
            const Eight<T> extra = extra_functions(extra_terms + bonds.offset[b], bonds.t[b]);
            const Eight<T> other = load_as<Eight<T>>(quantities + bonds.neighbor[b] * heads.n_quantities);
            store_as(bonds.logits + eight * b, first_twice<T>(extra) + own + other);
            store_as(bonds.switching + eight * b, second_twice<T>(extra));
        }
    }
}

// In place of the logits: s exp(l).
template <typename T>
GNNCV_INLINE void fill_weights(const Squash<T>& squash, HalfBonds<T>& bonds) {
    constexpr int width = LanesOf<T>::width, at_once = Squash<T>::at_once;
    for (std::int64_t k = 0; k < eight * bonds.n; k += at_once * width) {
        Lanes<T> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            store_lanes<T>(bonds.logits + at, exponentials[r] * load_lanes<T>(bonds.switching + at));
        }
    }
}

// The channels of the bonds of a run, the first of which is number b.
template <int M, typename T>
GNNCV_INLINE void add_channels(const AttentionHeads<T>& heads, const HalfBonds<T>& bonds, const BondRun& run,
                               std::int64_t b, Lanes<T>* buffer, T* sums) {
    constexpr int width = LanesOf<T>::width;
    const std::int64_t m = M > 0 ? M : heads.n_registers, term = m * width, row = term + width;
    const T *table = heads.table(), *values = heads.values(0);
    Lanes<T> fixed_value[M > 0 ? M : 1], fixed_sum[M > 0 ? M : 1];
    Lanes<T>*value = M > 0 ? fixed_value : buffer, *sum = M > 0 ? fixed_sum : buffer + m;
    Quad<T> denominator{};
    for (std::int64_t r = 0; r < m; ++r) {
        value[r] = load_lanes<T>(values + run.center * term + r * width);
        sum[r] = Lanes<T>{};
    }
    for (const std::int64_t end = b + run.n; b < end; ++b) {
        const std::int64_t j = bonds.neighbor[b];
        const Eight<T> weight = load_as<Eight<T>>(bonds.logits + eight * b);
        const Lanes<T> to_center = repeat_first(weight), to_neighbor = repeat_second(weight);
        const T t = bonds.t[b];
        T* const at_neighbor = sums + j * row;
        denominator += first_quad<T>(weight);
        store_as(at_neighbor + term, load_as<Quad<T>>(at_neighbor + term) + second_quad<T>(weight));
        for (std::int64_t r = 0; r < m; ++r) {
            const T* a = table + bonds.offset[b] + r * width;
            const auto terms = [&](int k)
                                   __attribute__((always_inline)) { return load_lanes<T>(a + k * term); };
            const Lanes<T> filter = polynomial<Lanes<T>>(t, terms);
            T* const to = at_neighbor + r * width;
            sum[r] += to_center * filter * load_lanes<T>(values + j * term + r * width);
            store_lanes<T>(to, load_lanes<T>(to) + to_neighbor * filter * value[r]);
        }
    }
    T* const at_center = sums + run.center * row;
    for (std::int64_t r = 0; r < m; ++r) {
        store_lanes<T>(at_center + r * width, load_lanes<T>(at_center + r * width) + sum[r]);
    }
    store_as(at_center + term, load_as<Quad<T>>(at_center + term) + denominator);
}

template <int M, typename T>
GNNCV_INLINE void half_forward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                    T* sums) {
    const Squash<T> squash(input.bound);
    HalfBonds<T> bonds(input.pairs);
    LaneBuffer<T> memory;
    Lanes<T>* buffer = memory.reserve(2 * heads.n_registers);
    for (bonds.fill(input, heads.row()); bonds.n > 0; bonds.fill(input, heads.row())) {
        fill_logits(heads, bonds);
        fill_weights(squash, bonds);
        for (std::int64_t r = 0, b = 0; r < bonds.n_runs; b += bonds.runs[r++].n) {
            add_channels<M>(heads, bonds, bonds.runs[r], b, buffer, sums);
        }
    }
}

#define GNNCV_INSTANCE(M, T)                                                                                 \
    GNNCV_MULTIVERSION void half_forward_instance(std::integral_constant<int, M>,                            \
                                                  const TableAttentionInput<T>& input,                       \
                                                  const AttentionHeads<T>& heads, T* sums) {                 \
        half_forward_body<M, T>(input, heads, sums);                                                         \
    }
GNNCV_INSTANCE(0, float)
GNNCV_INSTANCE(0, double)
GNNCV_INSTANCE(1, float)
GNNCV_INSTANCE(1, double)
GNNCV_INSTANCE(2, float)
GNNCV_INSTANCE(2, double)
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
