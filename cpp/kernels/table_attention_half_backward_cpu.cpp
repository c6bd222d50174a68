// Half a list: both directions of a bond side by side, first i <- j to the center i, then j <- i to its
// neighbor. With e = exp(l), the equations of table_attention_backward_cpu.cpp become
//   e pull_h = sum_c F (e G[i]) V[j] - e mean,  ds = e pull,  dl = s (1 - tanh^2) ds,
//   dV[j] = s F (e G[i]),  slope = s sum_c F' (e G[i]) V[j] + sum_h (dl_h w_h' + ds_h s')
#include "kernels/table_attention.h"

#include "kernels/attention_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

template <typename T>
struct HalfBackward {
    const TableAttentionInput<T>& input;
    const AttentionHeads<T>& heads;
    const TableAttentionHalfGradients<T>& gradients;
    BondScratch<T>& bonds;
};

// Logits, switching and their slopes in both directions, of the centers from `begin` on.
template <typename T>
GNNCV_INLINE void fill_logits(const HalfBackward<T>& in, std::int64_t begin) {
    const PairRows& pairs = in.input.pairs;
    const AttentionHeads<T>& heads = in.heads;
    const BondScratch<T>& bonds = in.bonds;
    const T *extra_terms = heads.extra_terms(), *t = bonds.t;
    const std::int32_t* offset = bonds.offset;
    std::int64_t b = 0;
    for (std::int64_t i = begin; i < bonds.end_center(); ++i) {
        const Eight<T> own = exchanged<T>(load_as<Eight<T>>(heads.quantities(i)));
        const std::int32_t* neighbor = pairs.neighbor + pairs.begin(i) - b;
        for (const std::int64_t end = b + pairs.end(i) - pairs.begin(i); b < end; ++b) {
            Eight<T> slope;
            const Eight<T> extra = extra_functions(extra_terms + offset[b], t[b], slope);
            const Eight<T> other = load_as<Eight<T>>(heads.quantities(neighbor[b]));
            store_as(bonds.logits + eight * b, first_twice<T>(extra) + own + other);
            store_as(bonds.switching + eight * b, second_twice<T>(extra));
            store_as(bonds.logit_slopes + eight * b, slope); // and of switching
        }
    }
}

// From logits and switching: exp(l), and in place of the logit s (1 - tanh^2).
template <typename T>
GNNCV_INLINE void fill_exponentials(const Squash<T>& squash, const BondScratch<T>& bonds) {
    constexpr int width = LanesOf<T>::width, at_once = Squash<T>::at_once;
    for (std::int64_t k = 0; k < eight * bonds.n(); k += at_once * width) {
        Lanes<T> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            const Lanes<T> switching = load_lanes<T>(bonds.switching + at);
            store_lanes<T>(bonds.exponentials + at, exponentials[r]);
            store_lanes<T>(bonds.logits + at, switching - switching * squashed[r] * squashed[r]);
        }
    }
}

// Where the numbers of sites and bonds lie, by value: what is written could be part of anything pointed to.
template <int M, typename T>
struct Memory {
    static constexpr int width = LanesOf<T>::width;
    const T *table, *values, *gradients, *quantities;
    T* sums;
    const std::int32_t* offset;
    const T *t, *switching, *exponentials, *damping;
    T* slopes; // of the extra functions; then numbers whose sum is the slope
    std::int64_t n_registers;

    GNNCV_INLINE explicit Memory(const HalfBackward<T>& in)
        : table(in.heads.table()), values(in.heads.values(0)), gradients(in.heads.gradients(0)),
          quantities(in.heads.quantities(0)), sums(in.gradients.sums), offset(in.bonds.offset), t(in.bonds.t),
          switching(in.bonds.switching), exponentials(in.bonds.exponentials), damping(in.bonds.logits),
          slopes(in.bonds.logit_slopes), n_registers(in.heads.n_registers) {}
    [[nodiscard]] GNNCV_INLINE std::int64_t m() const { return M > 0 ? M : n_registers; }
    [[nodiscard]] GNNCV_INLINE std::int64_t term() const { return m() * width; }
    [[nodiscard]] GNNCV_INLINE T* sum(std::int64_t site) const { return sums + site * (term() + width); }
};

// What a center brings to its bonds, and their sums at it.
template <typename T>
struct Center {
    Lanes<T>*value, *gradient, *sum; // of registers
    Eight<T> mean;                   // and zeros
    Eight<T> logits;                 // gradients of its receiver and its sender
};

// One bond: adds at the neighbor and to the center's sums.
template <int M, typename T>
GNNCV_INLINE void add_bond(const Memory<M, T>& in, std::int64_t j, std::int64_t b, Center<T>& center) {
    constexpr int width = LanesOf<T>::width;
    const std::int64_t term = in.term();
    const T *values = in.values + j * term, *gradients = in.gradients + j * term;
    const T t = in.t[b], s = in.switching[eight * b];
    T *const at_neighbor = in.sum(j), *const slopes = in.slopes + eight * b;
    const Eight<T> exponential = load_as<Eight<T>>(in.exponentials + eight * b);
    const Lanes<T> to_center = repeat_first(exponential), to_neighbor = repeat_second(exponential);
    Lanes<T> pull_center{}, pull_neighbor{}, stretch{};
    for (std::int64_t r = 0; r < in.m(); ++r) {
        const T* a = in.table + in.offset[b] + r * width;
        const auto terms = [&](int k) __attribute__((always_inline)) { return load_lanes<T>(a + k * term); };
        const auto filter = polynomial_and_slope<Lanes<T>>(t, terms);
        const Lanes<T> reached = s * filter.value, at_center = to_center * center.gradient[r],
                       there = to_neighbor * load_lanes<T>(gradients + r * width);
        T* const to = at_neighbor + r * width;
        store_lanes<T>(to, load_lanes<T>(to) + reached * at_center);
        center.sum[r] += reached * there;
        const Lanes<T> product_center = at_center * load_lanes<T>(values + r * width),
                       product_neighbor = there * center.value[r];
        const Lanes<T> first = filter.value * product_center, second = filter.value * product_neighbor,
                       third = filter.slope * (product_center + product_neighbor);
        pull_center = r == 0 ? first : pull_center + first;
        pull_neighbor = r == 0 ? second : pull_neighbor + second;
        stretch = r == 0 ? third : stretch + third;
    }
    const Eight<T> mean =
        center.mean + load_as<Eight<T>>(in.quantities + j * AttentionHeads<T>::n_quantities +
                                        AttentionHeads<T>::means - heads_at_once);
    const Eight<T> switching = sums_of_heads(pull_center, pull_neighbor) - exponential * mean;
    const Eight<T> logit = load_as<Eight<T>>(in.damping + eight * b) * switching;
    center.logits += logit;
    store_as(at_neighbor + term, load_as<Eight<T>>(at_neighbor + term) + logit);
    const Eight<T> logit_slopes = first_twice<T>(load_as<Eight<T>>(slopes));
    const T switching_slope = slopes[heads_at_once];
    store_as(slopes, s * eight_of(stretch) + logit * logit_slopes + switching * switching_slope);
}

// The bonds of center i, the first of which is number b; returns that behind the last.
template <int M, typename T>
GNNCV_INLINE std::int64_t add_channels(const PairRows& pairs, const Memory<M, T>& in, std::int64_t i,
                                       std::int64_t b, Lanes<T>* buffer) {
    constexpr int width = LanesOf<T>::width;
    const std::int64_t m = in.m(), term = in.term();
    Lanes<T> fixed[M > 0 ? 3 * M : 1];
    Lanes<T>* const registers = M > 0 ? fixed : buffer;
    const T* mean =
        in.quantities + i * AttentionHeads<T>::n_quantities + AttentionHeads<T>::means - heads_at_once;
    Center<T> center{registers, registers + m, registers + 2 * m, exchanged<T>(load_as<Eight<T>>(mean)),
                     Eight<T>{}};
    for (std::int64_t r = 0; r < m; ++r) {
        center.value[r] = load_lanes<T>(in.values + i * term + r * width);
        center.gradient[r] = load_lanes<T>(in.gradients + i * term + r * width);
        center.sum[r] = Lanes<T>{};
    }
    const std::int32_t* neighbor = pairs.neighbor + pairs.begin(i) - b;
    for (const std::int64_t end = b + pairs.end(i) - pairs.begin(i); b < end; ++b) {
        add_bond(in, neighbor[b], b, center);
    }
    T* const at_center = in.sum(i);
    for (std::int64_t r = 0; r < m; ++r) {
        T* const to = at_center + r * width;
        store_lanes<T>(to, load_lanes<T>(to) + center.sum[r]);
    }
    store_as(at_center + term, load_as<Eight<T>>(at_center + term) + exchanged<T>(center.logits));
    return b;
}

// The slopes of the bonds of center i, the first of which is number b; returns that behind the last.
template <typename T>
GNNCV_INLINE std::int64_t add_slopes(const HalfBackward<T>& in, std::int64_t i, std::int64_t b) {
    const PairRows& pairs = in.input.pairs;
    const std::int64_t first = pairs.begin(i), n = pairs.end(i) - first;
    const std::int64_t writable = pairs.end(pairs.n_centers - 1) - first;
    T* const slopes = in.gradients.distances + first;
    const bool new_slopes = in.heads.first_head == 0;
    for (T* other = in.gradients.distances + pairs.row_ptr[i]; other < slopes; ++other) {
        *other = T(0);
    }
    for (std::int64_t k = 0; k < n; k += eight) {
        const Eight<T> sums =
            sums_of_eights(in.bonds.logit_slopes + eight * (b + k)) * in.input.table.inverse_step;
        if (new_slopes && k + eight <= writable) { // what is too much the next center overwrites
            store_as(slopes + k, sums);
            continue;
        }
        T each[eight];
        store_as(each, sums);
        for (std::int64_t p = k; p < std::min<std::int64_t>(n, k + eight); ++p) {
            slopes[p] = (new_slopes ? T(0) : slopes[p]) + each[p - k];
        }
    }
    return b + n;
}

template <int M, typename T>
GNNCV_INLINE void half_backward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                     const TableAttentionHalfGradients<T>& gradients) {
    const Squash<T> squash(input.bound);
    BondScratch<T> bonds(eight);
    LaneBuffer<T> registers;
    Lanes<T>* buffer = registers.reserve(3 * heads.n_registers);
    const HalfBackward<T> in{input, heads, gradients, bonds};
    std::int64_t begin = input.pairs.first_center;
    while (begin < input.pairs.n_centers) {
        bonds.fill(input, heads, begin);
        const std::int64_t end = bonds.end_center();
        fill_logits(in, begin);
        fill_exponentials(squash, bonds);
        const Memory<M, T> memory(in);
        for (std::int64_t i = begin, b = 0; i < end; ++i) {
            b = add_channels(input.pairs, memory, i, b, buffer);
        }
        for (std::int64_t i = begin, b = 0; i < end; ++i) {
            b = add_slopes(in, i, b);
        }
        begin = end;
    }
}

#define GNNCV_INSTANCE(M, T)                                                                                 \
    GNNCV_MULTIVERSION void half_backward_instance(                                                          \
        std::integral_constant<int, M>, const TableAttentionInput<T>& input, const AttentionHeads<T>& heads, \
        const TableAttentionHalfGradients<T>& gradients) {                                                   \
        half_backward_body<M, T>(input, heads, gradients);                                                   \
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
void table_attention_half_backward_kernel(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                          const TableAttentionHalfGradients<T>& gradients) {
    with_registers(heads.n_registers,
                   [&](auto n_registers) { half_backward_instance(n_registers, input, heads, gradients); });
}

template void table_attention_half_backward_kernel(const TableAttentionInput<float>&,
                                                   const AttentionHeads<float>&,
                                                   const TableAttentionHalfGradients<float>&);
template void table_attention_half_backward_kernel(const TableAttentionInput<double>&,
                                                   const AttentionHeads<double>&,
                                                   const TableAttentionHalfGradients<double>&);

} // namespace gnncv::kernels
