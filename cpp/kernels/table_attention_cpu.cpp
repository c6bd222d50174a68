// Bonds of some centers at a time: first their places in the table, logits and exponentials, then one center
// at a time the channels.
#include "kernels/table_attention.h"

#include "kernels/attention_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

// M: registers of channels if they are known to the compiler, else 0.
template <int M, typename T>
GNNCV_INLINE void forward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                               T* messages, T* denominators) {
    using Heads = AttentionHeads<T>;
    constexpr int width = Heads::width;
    const std::int64_t m = M > 0 ? M : heads.n_registers, term = m * width;
    const PairRows& pairs = input.pairs;
    const Squash<T> squash(input.bound);
    BondScratch<T> bonds;
    LaneBuffer<T> buffer;
    T* message = reinterpret_cast<T*>(buffer.reserve(2 * m));
    std::int64_t begin = pairs.first_center;
    while (begin < pairs.n_centers) {
        bonds.fill(input, heads, begin);
        const std::int64_t end = bonds.end_center(), start = bonds.first_pair(), n = bonds.n();
        const std::int32_t *offset = bonds.offset, *neighbor = pairs.neighbor + start;
        const T* place = bonds.t;
        for (std::int64_t i = begin; i < end; ++i) {
            const Quad<T> receiver = load_as<Quad<T>>(heads.quantities(i) + Heads::receivers);
            for (std::int64_t b = pairs.row_ptr[i] - start; b < pairs.row_ptr[i + 1] - start; ++b) {
                const Eight<T> extra =
                    extra_functions(heads.table() + offset[b] + table_terms * term, place[b]);
                const Quad<T> sender = load_as<Quad<T>>(heads.quantities(neighbor[b]));
                store_as(bonds.logits + heads_at_once * b, first_quad<T>(extra) + receiver + sender);
                store_as(bonds.switching + heads_at_once * b, second_quad<T>(extra));
            }
        }
        fill_weights(squash, bonds, heads_at_once * n);
        for (std::int64_t i = begin; i < end; ++i) {
            Lanes<T> fixed[M > 0 ? M : 1];
            Lanes<T>* sum = M > 0 ? fixed : buffer.reserve(2 * m) + m;
            Quad<T> denominator = Quad<T>{} + static_cast<T>(input.lone);
            for (std::int64_t r = 0; r < m; ++r) {
                sum[r] = Lanes<T>{};
            }
            for (std::int64_t b = pairs.row_ptr[i] - start; b < pairs.row_ptr[i + 1] - start; ++b) {
                const T* a = heads.table() + offset[b];
                const T* value = heads.values(neighbor[b]);
                const T* weight = bonds.weights + heads_at_once * b;
                const Lanes<T> weights = repeat_quad(weight);
                const T t = place[b];
                denominator += load_as<Quad<T>>(weight);
                for (std::int64_t r = 0; r < m; ++r) {
                    const T* at = a + r * width;
                    const auto terms = [&](int k) __attribute__((always_inline)) {
                        return load_lanes<T>(at + k * term);
                    };
                    sum[r] += weights * polynomial<Lanes<T>>(t, terms) * load_lanes<T>(value + r * width);
                }
            }
            const Quad<T> inverse = denominator > T(0) ? T(1) / denominator : Quad<T>{};
            T repeated[HalfLanesOf<T>::width] = {};
            store_as(repeated, inverse);
            for (std::int64_t r = 0; r < m; ++r) {
                store_lanes<T>(message + r * width, sum[r] * repeat_quad(repeated));
            }
            heads.from_registers(message, messages + i * input.n_channels);
            for (std::int64_t h = 0; h < heads.n_heads; ++h) {
                denominators[i * input.n_heads + heads.first_head + h] = denominator[h];
            }
        }
        begin = end;
    }
}

#define GNNCV_INSTANCE(M, T)                                                                                 \
    GNNCV_MULTIVERSION void forward_instance(std::integral_constant<int, M>,                                 \
                                             const TableAttentionInput<T>& input,                            \
                                             const AttentionHeads<T>& heads, T* messages, T* denominators) { \
        forward_body<M, T>(input, heads, messages, denominators);                                            \
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
