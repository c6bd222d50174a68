// Bonds of some centers at a time: first their places in the table, logits and exponentials, then one center
// at a time the channels.
#include "kernels/table_attention.h"

#include "kernels/attention_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

// M: registers of channels if they are known to the compiler, else 0.
template <int M, int bytes, typename T>
GNNCV_INLINE void forward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                               T* messages, T* denominators) {
    using B = Block<T, bytes>;
    using Q = Quad<T, bytes>;
    using Heads = AttentionHeads<T>;
    constexpr int width = Heads::width;
    const std::int64_t m = M > 0 ? M : heads.n_registers, term = m * width;
    const PairRows& pairs = input.pairs;
    const Squash<T, bytes> squash(input.bound);
    BondScratch<T, bytes> bonds;
    LaneBuffer<T> buffer;
    T* message = reinterpret_cast<T*>(buffer.reserve(2 * m));
    std::int64_t begin = pairs.first_center;
    while (begin < pairs.n_centers) {
        bonds.fill(input, heads, begin);
        const std::int64_t end = bonds.end_center(), start = bonds.first_pair(), n = bonds.n();
        const std::int32_t *offset = bonds.offset, *neighbor = pairs.neighbor + start;
        const T* place = bonds.t;
        for (std::int64_t i = begin; i < end; ++i) {
            const Q receiver = load_as<Q>(heads.quantities(i) + Heads::receivers);
            for (std::int64_t b = pairs.row_ptr[i] - start; b < pairs.row_ptr[i + 1] - start; ++b) {
                const Eight<T, bytes> extra =
                    extra_functions<bytes>(heads.table() + offset[b] + table_terms * term, place[b]);
                const Q sender = load_as<Q>(heads.quantities(neighbor[b]));
                store_as(bonds.logits + heads_at_once * b, first_quad(extra) + receiver + sender);
                store_as(bonds.switching + heads_at_once * b, second_quad(extra));
            }
        }
        fill_weights(squash, bonds, heads_at_once * n);
        for (std::int64_t i = begin; i < end; ++i) {
            B fixed[M > 0 ? M : 1];
            B* sum = M > 0 ? fixed : reinterpret_cast<B*>(message) + m;
            Q denominator = Q{} + static_cast<T>(input.lone);
            for (std::int64_t r = 0; r < m; ++r) {
                sum[r] = B{};
            }
            for (std::int64_t b = pairs.row_ptr[i] - start; b < pairs.row_ptr[i + 1] - start; ++b) {
                const T* a = heads.table() + offset[b];
                const T* value = heads.values(neighbor[b]);
                const T* weight = bonds.weights + heads_at_once * b;
                const B weights = repeat_quad<T, bytes>(weight);
                const T t = place[b];
                denominator += load_as<Q>(weight);
                for (std::int64_t r = 0; r < m; ++r) {
                    const T* at = a + r * width;
                    const auto terms = [&](int k) __attribute__((always_inline)) {
                        return load_as<B>(at + k * term);
                    };
                    sum[r] += weights * polynomial<B>(t, terms) * load_as<B>(value + r * width);
                }
            }
            T repeated[HalfLanesOf<T>::width] = {}, below[heads_at_once];
            store_as(repeated, inverse_or_zero(denominator));
            store_as(below, denominator);
            for (std::int64_t r = 0; r < m; ++r) {
                store_as(message + r * width, sum[r] * repeat_quad<T, bytes>(repeated));
            }
            heads.from_registers(message, messages + i * input.n_channels);
            for (std::int64_t h = 0; h < heads.n_heads; ++h) {
                denominators[i * input.n_heads + heads.first_head + h] = below[h];
            }
        }
        begin = end;
    }
}

#define GNNCV_INSTANCE(attribute, bytes, M, T)                                                               \
    attribute void forward_instance(std::integral_constant<int, M>, const TableAttentionInput<T>& input,     \
                                    const AttentionHeads<T>& heads, T* messages, T* denominators) {          \
        forward_body<M, bytes, T>(input, heads, messages, denominators);                                     \
    }
GNNCV_FOR_REGISTERS(GNNCV_HEAD_INSTANCES)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void table_attention_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads, T* messages,
                            T* denominators) {
    with_registers(heads.n_registers, [&](auto n_registers) {
        forward_instance(n_registers, input, heads, messages, denominators);
    });
}

template void table_attention_kernel(const TableAttentionInput<float>&, const AttentionHeads<float>&, float*,
                                     float*);
template void table_attention_kernel(const TableAttentionInput<double>&, const AttentionHeads<double>&,
                                     double*, double*);

} // namespace gnncv::kernels
