// Half a list: both directions of a bond side by side, first that to the center, then that to the neighbor.
// The passes are those of table_attention_cpu.cpp; what a bond adds at its neighbor goes to memory at once.
#include "kernels/table_attention.h"

#include "kernels/attention_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

// Logits and switching of the bonds in both directions, of the centers from `begin` on.
template <typename T>
GNNCV_INLINE void fill_logits(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                              const BondScratch<T>& bonds, std::int64_t begin) {
    const PairRows& pairs = input.pairs;
    const T *extra_terms = heads.extra_terms(), *t = bonds.t;
    const std::int32_t* offset = bonds.offset;
    std::int64_t b = 0;
    for (std::int64_t i = begin; i < bonds.end_center(); ++i) {
        const Eight<T> own = exchanged<T>(load_as<Eight<T>>(heads.quantities(i)));
        const std::int32_t* neighbor = pairs.neighbor + pairs.begin(i) - b;
        for (const std::int64_t end = b + pairs.end(i) - pairs.begin(i); b < end; ++b) {
            const Eight<T> extra = extra_functions(extra_terms + offset[b], t[b]);
            const Eight<T> other = load_as<Eight<T>>(heads.quantities(neighbor[b]));
            store_as(bonds.logits + eight * b, first_twice<T>(extra) + own + other);
            store_as(bonds.switching + eight * b, second_twice<T>(extra));
        }
    }
}

// The channels of the bonds of center i, the first of which is number b; returns that behind the last.
template <int M, typename T>
GNNCV_INLINE std::int64_t add_channels(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                       const BondScratch<T>& bonds, std::int64_t i, std::int64_t b,
                                       Lanes<T>* buffer, T* sums) {
    constexpr int width = LanesOf<T>::width;
    const std::int64_t m = M > 0 ? M : heads.n_registers, term = m * width, row = term + width;
    const PairRows& pairs = input.pairs;
    const std::int32_t *offset = bonds.offset, *neighbor = pairs.neighbor + pairs.begin(i) - b;
    const T *table = heads.table(), *values = heads.values(0), *t = bonds.t, *weights = bonds.weights;
    Lanes<T> fixed_value[M > 0 ? M : 1], fixed_sum[M > 0 ? M : 1];
    Lanes<T>*value = M > 0 ? fixed_value : buffer, *sum = M > 0 ? fixed_sum : buffer + m;
    Quad<T> denominator{};
    for (std::int64_t r = 0; r < m; ++r) {
        value[r] = load_lanes<T>(values + i * term + r * width);
        sum[r] = Lanes<T>{};
    }
    for (const std::int64_t end = b + pairs.end(i) - pairs.begin(i); b < end; ++b) {
        const std::int64_t j = neighbor[b];
        const Eight<T> weight = load_as<Eight<T>>(weights + eight * b);
        const Lanes<T> to_center = repeat_first(weight), to_neighbor = repeat_second(weight);
        T* const at_neighbor = sums + j * row;
        denominator += first_quad<T>(weight);
        store_as(at_neighbor + term, load_as<Quad<T>>(at_neighbor + term) + second_quad<T>(weight));
        for (std::int64_t r = 0; r < m; ++r) {
            const T* a = table + offset[b] + r * width;
            const auto terms = [&](int k)
                                   __attribute__((always_inline)) { return load_lanes<T>(a + k * term); };
            const Lanes<T> filter = polynomial<Lanes<T>>(t[b], terms);
            T* const to = at_neighbor + r * width;
            sum[r] += to_center * filter * load_lanes<T>(values + j * term + r * width);
            store_lanes<T>(to, load_lanes<T>(to) + to_neighbor * filter * value[r]);
        }
    }
    T* const at_center = sums + i * row;
    for (std::int64_t r = 0; r < m; ++r) {
        store_lanes<T>(at_center + r * width, load_lanes<T>(at_center + r * width) + sum[r]);
    }
    store_as(at_center + term, load_as<Quad<T>>(at_center + term) + denominator);
    return b;
}

template <int M, typename T>
GNNCV_INLINE void half_forward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                    T* sums) {
    const Squash<T> squash(input.bound);
    BondScratch<T> bonds(eight);
    LaneBuffer<T> buffer;
    buffer.reserve(2 * heads.n_registers);
    std::int64_t begin = input.pairs.first_center;
    while (begin < input.pairs.n_centers) {
        bonds.fill(input, heads, begin);
        fill_logits(input, heads, bonds, begin);
        fill_weights(squash, bonds, eight * bonds.n());
        std::int64_t b = 0;
        for (std::int64_t i = begin; i < bonds.end_center(); ++i) {
            b = add_channels<M>(input, heads, bonds, i, b, buffer.reserve(0), sums);
        }
        begin = bonds.end_center();
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
