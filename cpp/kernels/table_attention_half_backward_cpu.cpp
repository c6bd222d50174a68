// Half a list: both directions of a bond side by side, first i <- j to the center i, then j <- i to its
// neighbor. With e = exp(l), the equations of table_attention_backward_cpu.cpp become
//   e pull_h = sum_c F (e G[i]) V[j] - e mean,  ds = e pull,  dl = s (1 - tanh^2) ds,
//   dV[j] = s F (e G[i]),  slope = s sum_c F' (e G[i]) V[j] + sum_h (dl_h w_h' + ds_h s')
#include "kernels/table_attention.h"

#include "kernels/attention_half_bonds.h"

#include <type_traits>

namespace gnncv::kernels {
namespace {

// Logits, switching and their slopes in both directions.
template <int bytes, typename T>
GNNCV_INLINE void fill_logits(const AttentionHeads<T>& heads, HalfBonds<T, bytes>& bonds) {
    using E = Eight<T, bytes>;
    const T *extra_terms = heads.extra_terms(), *quantities = heads.quantities(0);
    std::int64_t b = 0;
    for (int r = 0; r < bonds.n_runs; ++r) {
        const E own = exchanged(load_as<E>(heads.quantities(bonds.runs[r].center)));
        for (const std::int64_t end = b + bonds.runs[r].n; b < end; ++b) {
            E slope;
            const E extra = extra_functions<bytes>(extra_terms + bonds.offset[b], bonds.t[b], slope);
            const E other = load_as<E>(quantities + bonds.neighbor[b] * heads.n_quantities);
            store_as(bonds.logits + eight * b, first_twice(extra) + own + other);
            store_as(bonds.switching + eight * b, second_twice(extra));
            store_as(bonds.slopes + eight * b, slope); // of the logits, and of switching
        }
    }
}

// From logits and switching: exp(l), and in place of the logit s (1 - tanh^2).
template <int bytes, typename T>
GNNCV_INLINE void fill_exponentials(const Squash<T, bytes>& squash, HalfBonds<T, bytes>& bonds) {
    constexpr int width = LanesOf<T, bytes>::width, at_once = Squash<T, bytes>::at_once;
    for (std::int64_t k = 0; k < eight * bonds.n; k += at_once * width) {
        Lanes<T, bytes> squashed[at_once], exponentials[at_once];
        squash(bonds.logits + k, squashed, exponentials);
        for (int r = 0; r < at_once; ++r) {
            const std::int64_t at = k + r * width;
            const Lanes<T, bytes> switching = load_lanes<T, bytes>(bonds.switching + at);
            store_lanes<T>(bonds.exponentials + at, exponentials[r]);
            store_lanes<T>(bonds.logits + at, switching - switching * squashed[r] * squashed[r]);
        }
    }
}

// Where the numbers of sites lie, by value: what is written could be part of anything pointed to.
template <int M, int bytes, typename T>
struct Sites {
    static constexpr int width = LanesOf<T>::width;
    const T *table, *values, *gradients, *quantities;
    T* sums;
    std::int64_t n_registers;

    [[nodiscard]] GNNCV_INLINE std::int64_t m() const { return M > 0 ? M : n_registers; }
    [[nodiscard]] GNNCV_INLINE std::int64_t term() const { return m() * width; }
    [[nodiscard]] GNNCV_INLINE T* sum(std::int64_t site) const { return sums + site * (term() + width); }
    [[nodiscard]] GNNCV_INLINE Eight<T, bytes> zeros_and_means(std::int64_t site) const {
        using Heads = AttentionHeads<T>;
        return load_as<Eight<T, bytes>>(quantities + site * Heads::n_quantities + Heads::means -
                                        heads_at_once);
    }
};

// What a center brings to its bonds, and their sums at it.
template <int bytes, typename T>
struct Center {
    Block<T, bytes>*value, *gradient, *sum; // of registers
    Eight<T, bytes> mean;                   // and zeros
    Eight<T, bytes> logits;                 // gradients of its receiver and its sender
};

// Bond b: adds at the neighbor and to the center's sums; numbers whose sum is the slope replace the slopes of
// the extra functions.
template <int M, int bytes, typename T>
GNNCV_INLINE void add_bond(const Sites<M, bytes, T>& sites, HalfBonds<T, bytes>& bonds, std::int64_t b,
                           Center<bytes, T>& center) {
    using B = Block<T, bytes>;
    using E = Eight<T, bytes>;
    constexpr int width = LanesOf<T>::width;
    const std::int64_t j = bonds.neighbor[b], term = sites.term();
    const T *values = sites.values + j * term, *gradients = sites.gradients + j * term;
    const T t = bonds.t[b], s = bonds.switching[eight * b];
    T *const at_neighbor = sites.sum(j), *const slopes = bonds.slopes + eight * b;
    const E exponential = load_as<E>(bonds.exponentials + eight * b);
    const B to_center = repeat_first<T, bytes>(exponential),
            to_neighbor = repeat_second<T, bytes>(exponential);
    B pull_center{}, pull_neighbor{}, stretch{};
    for (std::int64_t r = 0; r < sites.m(); ++r) {
        const T* a = sites.table + bonds.offset[b] + r * width;
        const auto terms = [&](int k) __attribute__((always_inline)) { return load_as<B>(a + k * term); };
        const auto filter = polynomial_and_slope<B>(t, terms);
        const B reached = s * filter.value, at_center = to_center * center.gradient[r],
                there = to_neighbor * load_as<B>(gradients + r * width);
        T* const to = at_neighbor + r * width;
        store_as(to, load_as<B>(to) + reached * at_center);
        center.sum[r] += reached * there;
        const B product_center = at_center * load_as<B>(values + r * width),
                product_neighbor = there * center.value[r];
        const B first = filter.value * product_center, second = filter.value * product_neighbor,
                third = filter.slope * (product_center + product_neighbor);
        pull_center = r == 0 ? first : pull_center + first;
        pull_neighbor = r == 0 ? second : pull_neighbor + second;
        stretch = r == 0 ? third : stretch + third;
    }
    const E mean = center.mean + sites.zeros_and_means(j);
    const E switching = sums_of_heads<T, bytes>(pull_center, pull_neighbor) - exponential * mean;
    const E logit = load_as<E>(bonds.logits + eight * b) * switching;
    center.logits += logit;
    store_as(at_neighbor + term, load_as<E>(at_neighbor + term) + logit);
    const E logit_slopes = first_twice(load_as<E>(slopes));
    const T switching_slope = slopes[heads_at_once];
    store_as(slopes, s * eight_of<T, bytes>(stretch) + logit * logit_slopes + switching * switching_slope);
}

// The channels of the bonds of a run, the first of which is number b.
template <int M, int bytes, typename T>
GNNCV_INLINE void add_channels(const Sites<M, bytes, T>& sites, HalfBonds<T, bytes>& bonds,
                               const BondRun& run, std::int64_t b, Block<T, bytes>* buffer) {
    using B = Block<T, bytes>;
    using E = Eight<T, bytes>;
    constexpr int width = LanesOf<T>::width;
    const std::int64_t i = run.center, m = sites.m(), term = sites.term();
    B fixed[M > 0 ? 3 * M : 1];
    B* const registers = M > 0 ? fixed : buffer;
    Center<bytes, T> center{registers, registers + m, registers + 2 * m, exchanged(sites.zeros_and_means(i)),
                            E{}};
    for (std::int64_t r = 0; r < m; ++r) {
        center.value[r] = load_as<B>(sites.values + i * term + r * width);
        center.gradient[r] = load_as<B>(sites.gradients + i * term + r * width);
        center.sum[r] = B{};
    }
    for (const std::int64_t end = b + run.n; b < end; ++b) {
        add_bond(sites, bonds, b, center);
    }
    T* const at_center = sites.sum(i);
    for (std::int64_t r = 0; r < m; ++r) {
        T* const to = at_center + r * width;
        store_as(to, load_as<B>(to) + center.sum[r]);
    }
    store_as(at_center + term, load_as<E>(at_center + term) + exchanged(center.logits));
}

// The slopes of n bonds from their eight numbers each; more than n are written where there is room.
template <bool New, int bytes, typename T>
GNNCV_INLINE void add_slopes(const T* numbers, std::int64_t n, T inverse_step, std::int64_t room, T* slopes) {
    for (std::int64_t k = 0; k < n; k += eight) {
        const Eight<T, bytes> sums = sums_of_eights<bytes>(numbers + eight * k) * inverse_step;
        if (New && k + eight <= room) {
            store_as(slopes + k, sums);
            continue;
        }
        T each[eight];
        store_as(each, sums);
        for (std::int64_t p = k; p < std::min<std::int64_t>(n, k + eight); ++p) {
            slopes[p] = (New ? T(0) : slopes[p]) + each[p - k];
        }
    }
}

// What is written behind a list of bonds is of later ones or of the pairs before a half, which get zeros.
template <bool New, int bytes, typename T>
GNNCV_INLINE void add_slopes(const TableAttentionInput<T>& input, const HalfBonds<T, bytes>& bonds,
                             T* distances) {
    const T* numbers = bonds.slopes;
    const std::int64_t end = input.pairs.end(input.pairs.n_centers - 1);
    bonds.for_lists([&](std::int64_t first, std::int64_t n) __attribute__((always_inline)) {
        add_slopes<New, bytes>(numbers, n, input.table.grid.inverse_step, end - first, distances + first);
        numbers += eight * n;
    });
}
template <typename T>
GNNCV_INLINE void clear_others(const PairRows& pairs, T* distances) {
    for (std::int64_t i = pairs.first_center; i < pairs.n_centers; ++i) {
        std::fill(distances + pairs.row_ptr[i], distances + pairs.begin(i), T(0));
    }
}

template <int M, int bytes, typename T>
GNNCV_INLINE void half_backward_body(const TableAttentionInput<T>& input, const AttentionHeads<T>& heads,
                                     const TableAttentionHalfGradients<T>& gradients) {
    using B = Block<T, bytes>;
    const Squash<T, bytes> squash(input.bound);
    HalfBonds<T, bytes> bonds(input.pairs);
    LaneBuffer<T> memory;
    auto* buffer = reinterpret_cast<B*>(memory.reserve(3 * heads.n_registers));
    const Sites<M, bytes, T> sites{heads.table(),       heads.values(0), heads.gradients(0),
                                   heads.quantities(0), gradients.sums,  heads.n_registers};
    for (bonds.fill(input, heads.row()); bonds.n > 0; bonds.fill(input, heads.row())) {
        fill_logits(heads, bonds);
        fill_exponentials(squash, bonds);
        for (std::int64_t r = 0, b = 0; r < bonds.n_runs; b += bonds.runs[r++].n) {
            add_channels(sites, bonds, bonds.runs[r], b, buffer);
        }
        if (heads.first_head == 0) {
            add_slopes<true, bytes>(input, bonds, gradients.distances);
        } else {
            add_slopes<false, bytes>(input, bonds, gradients.distances);
        }
    }
    clear_others(input.pairs, gradients.distances);
}

#define GNNCV_INSTANCE(attribute, bytes, M, T)                                                               \
    attribute void half_backward_instance(                                                                   \
        std::integral_constant<int, M>, const TableAttentionInput<T>& input, const AttentionHeads<T>& heads, \
        const TableAttentionHalfGradients<T>& gradients) {                                                   \
        half_backward_body<M, bytes, T>(input, heads, gradients);                                            \
    }
GNNCV_FOR_REGISTERS(GNNCV_HEAD_INSTANCES)
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
