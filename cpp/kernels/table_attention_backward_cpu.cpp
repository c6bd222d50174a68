// At center j, over its neighbors i, for the bond i <- j with G the gradient of the messages and everything
// of receiver i over its denominator:
//   pull_h = sum_c F V[j] G[i] - sum_c messages[i] G[i],
//   dl = s exp(l) (1 - tanh^2) pull,  ds = exp(l) pull,  dV[j] = sum_i s exp(l) F G[i]
// The passes are those of table_attention_cpu.cpp, and one more for what follows from the pulls.
#include "kernels/table_attention.h"

#include "kernels/attention_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

template <typename T>
struct Backward {
    const TableAttentionInput<T>& input;
    const AttentionHeads<T>& heads;
    const TableAttentionGradients<T>& gradients;
    BondScratch<T>& bonds;
};

// Logits, switching and their slopes for the centers begin .. end - 1.
template <typename T>
GNNCV_INLINE void fill_logits(const Backward<T>& in, std::int64_t begin) {
    const AttentionHeads<T>& heads = in.heads;
    const BondScratch<T>& bonds = in.bonds;
    const std::int64_t extra_terms = table_terms * heads.n_registers * AttentionHeads<T>::width;
    const std::int64_t start = bonds.first_pair();
    const std::int32_t *offset = bonds.offset, *neighbor = in.input.pairs.neighbor + start;
    const T* t = bonds.t;
    for (std::int64_t j = begin; j < bonds.end_center(); ++j) {
        const Quad<T> sender = load_as<Quad<T>>(heads.quantities(j));
        const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
        for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
            Eight<T> slope;
            const Eight<T> extra = extra_functions(heads.table() + offset[b] + extra_terms, t[b], slope);
            const Quad<T> receiver = load_as<Quad<T>>(heads.quantities(neighbor[b]) + heads.receivers);
            const std::int64_t at = heads_at_once * b;
            store_as(bonds.logits + at, first_quad<T>(extra) + receiver + sender);
            store_as(bonds.switching + at, second_quad<T>(extra));
            store_as(bonds.logit_slopes + at, first_quad<T>(slope));
            store_as(bonds.switching_slopes + at, second_quad<T>(slope));
        }
    }
}

// The channels of center j: the gradient of its values, and of its bonds the sums over channels of F V G and
// of F' V G.
template <int M, bool WithValues, typename T>
GNNCV_INLINE void add_channels(const Backward<T>& in, std::int64_t j, T* buffer) {
    constexpr int width = LanesOf<T>::width;
    const AttentionHeads<T>& heads = in.heads;
    const BondScratch<T>& bonds = in.bonds;
    const std::int64_t m = M > 0 ? M : heads.n_registers, term = m * width, start = bonds.first_pair();
    const std::int32_t *offset = bonds.offset, *neighbor = in.input.pairs.neighbor + start;
    const T* t = bonds.t;
    Lanes<T> fixed_value[M > 0 ? M : 1], fixed_sum[M > 0 ? M : 1];
    Lanes<T>*value = fixed_value, *sum = fixed_sum;
    if constexpr (M == 0) {
        value = reinterpret_cast<Lanes<T>*>(buffer);
        sum = value + m;
    }
    for (std::int64_t r = 0; r < m; ++r) {
        value[r] = load_lanes<T>(heads.values(j) + r * width);
        sum[r] = Lanes<T>{};
    }
    const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
    for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
        const T* a = heads.table() + offset[b];
        const T* gradient = heads.gradients(neighbor[b]);
        const Lanes<T> weights = repeat_quad(bonds.weights + heads_at_once * b);
        const T place = t[b];
        Lanes<T> pull{}, stretch{};
        for (std::int64_t r = 0; r < m; ++r) {
            const T* at = a + r * width;
            const auto terms = [&](int k)
                                   __attribute__((always_inline)) { return load_lanes<T>(at + k * term); };
            const auto filter = polynomial_and_slope<Lanes<T>>(place, terms);
            const Lanes<T> g = load_lanes<T>(gradient + r * width);
            const Lanes<T> product = value[r] * g;
            if constexpr (WithValues) {
                sum[r] += weights * (filter.value * g);
            }
            pull = r == 0 ? filter.value * product : pull + filter.value * product;
            stretch = r == 0 ? filter.slope * product : stretch + filter.slope * product;
        }
        const Eight<T> sums = sums_of_heads(pull, stretch);
        const Quad<T> mean = load_as<Quad<T>>(heads.quantities(neighbor[b]) + heads.means);
        store_as(bonds.pulls + heads_at_once * b, first_quad<T>(sums) - mean);
        store_as(bonds.stretches + heads_at_once * b, second_quad<T>(sums));
    }
    if constexpr (WithValues) {
        for (std::int64_t r = 0; r < m; ++r) {
            store_lanes<T>(buffer + r * width, sum[r]);
        }
        heads.from_registers(buffer, in.gradients.value + j * in.input.n_channels);
    }
}

// The slopes, and for what follows dl in place of the pulls and ds in place of the exponentials.
template <typename T>
GNNCV_INLINE void add_slopes(const Backward<T>& in) {
    constexpr int width = LanesOf<T>::width, at_once = HalfLanesOf<T>::width;
    const BondScratch<T>& bonds = in.bonds;
    for (std::int64_t k = 0; k < heads_at_once * bonds.n(); k += width) {
        const Lanes<T> pull = load_lanes<T>(bonds.pulls + k);
        const Lanes<T> logit = load_lanes<T>(bonds.logits + k) * pull;
        const Lanes<T> switching = load_lanes<T>(bonds.exponentials + k) * pull;
        const Lanes<T> stretch = load_lanes<T>(bonds.weights + k) * load_lanes<T>(bonds.stretches + k) +
                                 logit * load_lanes<T>(bonds.logit_slopes + k) +
                                 switching * load_lanes<T>(bonds.switching_slopes + k);
        store_lanes<T>(bonds.pulls + k, logit);
        store_lanes<T>(bonds.exponentials + k, switching);
        store_lanes<T>(bonds.stretches + k, stretch);
    }
    T* slopes = in.gradients.distances + bonds.first_pair();
    const bool first = in.heads.first_head == 0;
    for (std::int64_t b = 0; b < bonds.n(); b += at_once) {
        T here[at_once];
        store_half_lanes<T>(here,
                            sums_of_fours(bonds.stretches + heads_at_once * b) * in.input.table.inverse_step);
        const std::int64_t n = std::min<std::int64_t>(at_once, bonds.n() - b);
        for (std::int64_t k = 0; k < n; ++k) {
            slopes[b + k] = first ? here[k] : slopes[b + k] + here[k];
        }
    }
}

// The gradients of the quantities of sites: logits of center j's bonds.
template <typename T>
GNNCV_INLINE void add_logits(const Backward<T>& in, std::int64_t j) {
    const std::int64_t start = in.bonds.first_pair(), n_heads = in.input.n_heads;
    const std::int32_t* neighbor = in.input.pairs.neighbor + start;
    const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
    T* receiver = in.gradients.receiver + in.heads.first_head;
    Quad<T> sum{};
    for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
        const Quad<T> logit = load_as<Quad<T>>(in.bonds.pulls + heads_at_once * b);
        T* to = receiver + neighbor[b] * n_heads;
        sum += logit;
        if (in.heads.n_heads == heads_at_once) {
            store_as(to, load_as<Quad<T>>(to) + logit);
        } else {
            for (std::int64_t h = 0; h < in.heads.n_heads; ++h) {
                to[h] += logit[h];
            }
        }
    }
    for (std::int64_t h = 0; h < in.heads.n_heads; ++h) {
        in.gradients.sender[j * n_heads + in.heads.first_head + h] = sum[h];
    }
}

// The gradients of the terms: t^k times those of the functions.
template <typename T>
GNNCV_INLINE void add_terms(const Backward<T>& in, std::int64_t j) {
    constexpr int width = LanesOf<T>::width, n_extra = AttentionHeads<T>::n_extra;
    const AttentionHeads<T>& heads = in.heads;
    const std::int64_t start = in.bonds.first_pair(), term = heads.n_registers * width;
    const std::int32_t *offset = in.bonds.offset, *neighbor = in.input.pairs.neighbor + start;
    const T* value = heads.values(j);
    const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
    for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
        const T* gradient = heads.gradients(neighbor[b]);
        const Lanes<T> weights = repeat_quad(in.bonds.weights + heads_at_once * b);
        const Quad<T> logit = load_as<Quad<T>>(in.bonds.pulls + heads_at_once * b);
        const Quad<T> switching = load_as<Quad<T>>(in.bonds.exponentials + heads_at_once * b);
        T* to = in.gradients.arranged_table + offset[b];
        T power = 1;
        for (int k = 0; k < table_terms; ++k) {
            for (std::int64_t at = 0; at < term; at += width) {
                const Lanes<T> product = load_lanes<T>(value + at) * load_lanes<T>(gradient + at);
                store_lanes<T>(to + k * term + at,
                               load_lanes<T>(to + k * term + at) + power * weights * product);
            }
            T* extra = to + table_terms * term + k * n_extra;
            store_as(extra, load_as<Quad<T>>(extra) + power * logit);
            extra += heads_at_once;
            store_as(extra, load_as<Quad<T>>(extra) + power * switching);
            power *= in.bonds.t[b];
        }
    }
}

template <int M, bool WithValues, typename T>
GNNCV_INLINE void backward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                const TableAttentionGradients<T>& gradients) {
    const Squash<T> squash(input.bound);
    BondScratch<T> bonds;
    LaneBuffer<T> memory;
    T* buffer = reinterpret_cast<T*>(memory.reserve(2 * heads.n_registers));
    const Backward<T> in{input, heads, gradients, bonds};
    std::int64_t begin = input.pairs.first_center;
    while (begin < input.pairs.n_centers) {
        bonds.fill(input, heads, begin);
        const std::int64_t end = bonds.end_center();
        fill_logits(in, begin);
        fill_exponentials(squash, bonds, heads_at_once * bonds.n());
        for (std::int64_t j = begin; j < end; ++j) {
            add_channels<M, WithValues>(in, j, buffer);
        }
        add_slopes(in);
        for (std::int64_t j = begin; j < end && gradients.sender != nullptr; ++j) {
            add_logits(in, j);
        }
        for (std::int64_t j = begin; j < end && gradients.arranged_table != nullptr; ++j) {
            add_terms(in, j);
        }
        begin = end;
    }
}

#define GNNCV_INSTANCE(M, T)                                                                                 \
    GNNCV_MULTIVERSION void backward_instance(                                                               \
        std::integral_constant<int, M>, const TableAttentionInput<T>& input, const AttentionHeads<T>& heads, \
        const TableAttentionGradients<T>& gradients) {                                                       \
        if (gradients.value != nullptr) {                                                                    \
            backward_body<M, true, T>(input, heads, gradients);                                              \
        } else {                                                                                             \
            backward_body<M, false, T>(input, heads, gradients);                                             \
        }                                                                                                    \
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
void table_attention_backward_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                     const TableAttentionGradients<T>& gradients) {
    with_registers(heads.n_registers,
                   [&](auto n_registers) { backward_instance(n_registers, input, heads, gradients); });
}

template void table_attention_backward_kernel(const TableAttentionInput<float>&, const AttentionHeads<float>&,
                                              const TableAttentionGradients<float>&);
template void table_attention_backward_kernel(const TableAttentionInput<double>&,
                                              const AttentionHeads<double>&,
                                              const TableAttentionGradients<double>&);

} // namespace gnncv::kernels
