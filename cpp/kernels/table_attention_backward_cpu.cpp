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

template <typename T, int bytes>
struct Backward {
    const TableAttentionInput<T>& input;
    const AttentionHeads<T>& heads;
    const TableAttentionGradients<T>& gradients;
    BondScratch<T, bytes>& bonds;
};

// Logits, switching and their slopes for the centers begin .. end - 1.
template <int bytes, typename T>
GNNCV_INLINE void fill_logits(const Backward<T, bytes>& in, std::int64_t begin) {
    using E = Eight<T, bytes>;
    using Q = Quad<T, bytes>;
    const AttentionHeads<T>& heads = in.heads;
    const BondScratch<T, bytes>& bonds = in.bonds;
    const std::int64_t extra_terms = table_terms * heads.n_registers * AttentionHeads<T>::width;
    const std::int64_t start = bonds.first_pair();
    const std::int32_t *offset = bonds.offset, *neighbor = in.input.pairs.neighbor + start;
    const T* t = bonds.t;
    for (std::int64_t j = begin; j < bonds.end_center(); ++j) {
        const Q sender = load_as<Q>(heads.quantities(j));
        const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
        for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
            E slope;
            const E extra = extra_functions<bytes>(heads.table() + offset[b] + extra_terms, t[b], slope);
            const Q receiver = load_as<Q>(heads.quantities(neighbor[b]) + heads.receivers);
            const std::int64_t at = heads_at_once * b;
            store_as(bonds.logits + at, first_quad(extra) + receiver + sender);
            store_as(bonds.switching + at, second_quad(extra));
            store_as(bonds.logit_slopes + at, first_quad(slope));
            store_as(bonds.switching_slopes + at, second_quad(slope));
        }
    }
}

// The channels of center j: the gradient of its values, and of its bonds the sums over channels of F V G and
// of F' V G.
template <int M, bool WithValues, int bytes, typename T>
GNNCV_INLINE void add_channels(const Backward<T, bytes>& in, std::int64_t j, T* buffer) {
    using B = Block<T, bytes>;
    using Q = Quad<T, bytes>;
    constexpr int width = LanesOf<T>::width;
    const AttentionHeads<T>& heads = in.heads;
    const BondScratch<T, bytes>& bonds = in.bonds;
    const std::int64_t m = M > 0 ? M : heads.n_registers, term = m * width, start = bonds.first_pair();
    const std::int32_t *offset = bonds.offset, *neighbor = in.input.pairs.neighbor + start;
    const T* t = bonds.t;
    B fixed_value[M > 0 ? M : 1], fixed_sum[M > 0 ? M : 1];
    B *value = fixed_value, *sum = fixed_sum;
    if constexpr (M == 0) {
        value = reinterpret_cast<B*>(buffer);
        sum = value + m;
    }
    for (std::int64_t r = 0; r < m; ++r) {
        value[r] = load_as<B>(heads.values(j) + r * width);
        sum[r] = B{};
    }
    const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
    for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
        const T* a = heads.table() + offset[b];
        const T* gradient = heads.gradients(neighbor[b]);
        const B weights = repeat_quad<T, bytes>(bonds.weights + heads_at_once * b);
        const T place = t[b];
        B pull{}, stretch{};
        for (std::int64_t r = 0; r < m; ++r) {
            const T* at = a + r * width;
            const auto terms = [&](int k)
                                   __attribute__((always_inline)) { return load_as<B>(at + k * term); };
            const auto filter = polynomial_and_slope<B>(place, terms);
            const B g = load_as<B>(gradient + r * width);
            const B product = value[r] * g;
            if constexpr (WithValues) {
                sum[r] += weights * (filter.value * g);
            }
            pull = r == 0 ? filter.value * product : pull + filter.value * product;
            stretch = r == 0 ? filter.slope * product : stretch + filter.slope * product;
        }
        const Eight<T, bytes> sums = sums_of_heads<T, bytes>(pull, stretch);
        const Q mean = load_as<Q>(heads.quantities(neighbor[b]) + heads.means);
        store_as(bonds.pulls + heads_at_once * b, first_quad(sums) - mean);
        store_as(bonds.stretches + heads_at_once * b, second_quad(sums));
    }
    if constexpr (WithValues) {
        for (std::int64_t r = 0; r < m; ++r) {
            store_as(buffer + r * width, sum[r]);
        }
        heads.from_registers(buffer, in.gradients.value + j * in.input.n_channels);
    }
}

// The slopes, and for what follows dl in place of the pulls and ds in place of the exponentials.
template <int bytes, typename T>
GNNCV_INLINE void add_slopes(const Backward<T, bytes>& in) {
    constexpr int width = LanesOf<T, bytes>::width, at_once = HalfLanesOf<T>::width;
    const BondScratch<T, bytes>& bonds = in.bonds;
    for (std::int64_t k = 0; k < heads_at_once * bonds.n(); k += width) {
        const Lanes<T, bytes> pull = load_lanes<T, bytes>(bonds.pulls + k);
        const Lanes<T, bytes> logit = load_lanes<T, bytes>(bonds.logits + k) * pull;
        const Lanes<T, bytes> switching = load_lanes<T, bytes>(bonds.exponentials + k) * pull;
        const Lanes<T, bytes> stretch =
            load_lanes<T, bytes>(bonds.weights + k) * load_lanes<T, bytes>(bonds.stretches + k) +
            logit * load_lanes<T, bytes>(bonds.logit_slopes + k) +
            switching * load_lanes<T, bytes>(bonds.switching_slopes + k);
        store_lanes<T>(bonds.pulls + k, logit);
        store_lanes<T>(bonds.exponentials + k, switching);
        store_lanes<T>(bonds.stretches + k, stretch);
    }
    T* slopes = in.gradients.distances + bonds.first_pair();
    const bool first = in.heads.first_head == 0;
    for (std::int64_t b = 0; b < bonds.n(); b += at_once) {
        T here[at_once];
        store_as(here, sums_of_quads<bytes>(bonds.stretches + heads_at_once * b) *
                           in.input.table.grid.inverse_step);
        const std::int64_t n = std::min<std::int64_t>(at_once, bonds.n() - b);
        for (std::int64_t k = 0; k < n; ++k) {
            slopes[b + k] = first ? here[k] : slopes[b + k] + here[k];
        }
    }
}

// The gradients of the quantities of sites: logits of center j's bonds.
template <int bytes, typename T>
GNNCV_INLINE void add_logits(const Backward<T, bytes>& in, std::int64_t j) {
    using Q = Quad<T, bytes>;
    const std::int64_t start = in.bonds.first_pair(), n_heads = in.input.n_heads;
    const std::int32_t* neighbor = in.input.pairs.neighbor + start;
    const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
    T* receiver = in.gradients.receiver + in.heads.first_head;
    Q sum{};
    for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
        const Q logit = load_as<Q>(in.bonds.pulls + heads_at_once * b);
        T* to = receiver + neighbor[b] * n_heads;
        sum += logit;
        if (in.heads.n_heads == heads_at_once) {
            store_as(to, load_as<Q>(to) + logit);
        } else {
            for (std::int64_t h = 0; h < in.heads.n_heads; ++h) {
                to[h] += in.bonds.pulls[heads_at_once * b + h];
            }
        }
    }
    T each[heads_at_once];
    store_as(each, sum);
    for (std::int64_t h = 0; h < in.heads.n_heads; ++h) {
        in.gradients.sender[j * n_heads + in.heads.first_head + h] = each[h];
    }
}

// The gradients of the terms: t^k times those of the functions.
template <int bytes, typename T>
GNNCV_INLINE void add_terms(const Backward<T, bytes>& in, std::int64_t j) {
    using B = Block<T, bytes>;
    using Q = Quad<T, bytes>;
    constexpr int width = LanesOf<T>::width, n_extra = AttentionHeads<T>::n_extra;
    const AttentionHeads<T>& heads = in.heads;
    const std::int64_t start = in.bonds.first_pair(), term = heads.n_registers * width;
    const std::int32_t *offset = in.bonds.offset, *neighbor = in.input.pairs.neighbor + start;
    const T* value = heads.values(j);
    const std::int64_t last = in.input.pairs.row_ptr[j + 1] - start;
    for (std::int64_t b = in.input.pairs.row_ptr[j] - start; b < last; ++b) {
        const T* gradient = heads.gradients(neighbor[b]);
        const B weights = repeat_quad<T, bytes>(in.bonds.weights + heads_at_once * b);
        const Q logit = load_as<Q>(in.bonds.pulls + heads_at_once * b);
        const Q switching = load_as<Q>(in.bonds.exponentials + heads_at_once * b);
        T* to = in.gradients.arranged_table + offset[b];
        T power = 1;
        for (int k = 0; k < table_terms; ++k) {
            for (std::int64_t at = 0; at < term; at += width) {
                const B product = load_as<B>(value + at) * load_as<B>(gradient + at);
                store_as(to + k * term + at, load_as<B>(to + k * term + at) + power * weights * product);
            }
            T* extra = to + table_terms * term + k * n_extra;
            store_as(extra, load_as<Q>(extra) + power * logit);
            extra += heads_at_once;
            store_as(extra, load_as<Q>(extra) + power * switching);
            power *= in.bonds.t[b];
        }
    }
}

template <int M, bool WithValues, int bytes, typename T>
GNNCV_INLINE void backward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                const TableAttentionGradients<T>& gradients) {
    const Squash<T, bytes> squash(input.bound);
    BondScratch<T, bytes> bonds;
    LaneBuffer<T> memory;
    T* buffer = reinterpret_cast<T*>(memory.reserve(2 * heads.n_registers));
    const Backward<T, bytes> in{input, heads, gradients, bonds};
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

#define GNNCV_INSTANCE(attribute, bytes, M, T)                                                               \
    attribute void backward_instance(std::integral_constant<int, M>, const TableAttentionInput<T>& input,    \
                                     const AttentionHeads<T>& heads,                                         \
                                     const TableAttentionGradients<T>& gradients) {                          \
        if (gradients.value != nullptr) {                                                                    \
            backward_body<M, true, bytes, T>(input, heads, gradients);                                       \
        } else {                                                                                             \
            backward_body<M, false, bytes, T>(input, heads, gradients);                                      \
        }                                                                                                    \
    }
GNNCV_FOR_REGISTERS(GNNCV_HEAD_INSTANCES)
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
