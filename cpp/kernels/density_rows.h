// What the kernels do with one row of densities, (l_max+1)^2 numbers in the order l^2 + l + m.
#pragma once

#include "kernels/lanes.h"

#include <cstdint>
#include <type_traits>

namespace gnncv::kernels {

inline constexpr double four_pi = 4.0 * 3.14159265358979323846;

// sums[l] = sum_m row[lm]^2; L is l_max where the compiler knows it, or -1
template <int L = -1, typename T>
GNNCV_INLINE void squares_of_degrees(const T* row, int l_max_dynamic, T* sums) {
    const int l_max = L >= 0 ? L : l_max_dynamic;
#pragma GCC unroll 8
    for (int l = 0; l <= l_max; ++l) {
        T sum = 0;
#pragma GCC unroll 16
        for (int m = 0; m <= 2 * l; ++m) {
            sum += row[l * l + m] * row[l * l + m];
        }
        sums[l] = sum;
    }
}

// gradient[lm] = factors[l] row[lm]
template <typename T>
GNNCV_INLINE void scale_degrees(const T* row, const T* factors, int l_max, T* gradient) {
    for (int l = 0; l <= l_max; ++l) {
        for (int m = 0; m <= 2 * l; ++m) {
            gradient[m] = factors[l] * row[m];
        }
        row += 2 * l + 1;
        gradient += 2 * l + 1;
    }
}

// For n radial channels: sums[k] = sum_lm G_k,lm Y_lm and weights[lm] += sum_k radial[k] G_k,lm.
template <int n, int L, typename T>
GNNCV_INLINE void contract_channels(const T* gradient, int n_lm_dynamic, const Lanes<T>* harmonics,
                                    const Lanes<T>* radial, Lanes<T>* weights, Lanes<T>* sums) {
    const int n_lm = L >= 0 ? (L + 1) * (L + 1) : n_lm_dynamic;
    Lanes<T> r[n], sum[n];
    for (int k = 0; k < n; ++k) {
        r[k] = radial[k];
        sum[k] = Lanes<T>{};
    }
    for (int lm = 0; lm < n_lm; ++lm) {
        const Lanes<T> y = harmonics[lm];
        Lanes<T> weight = weights[lm];
        for (int k = 0; k < n; ++k) {
            const T g = gradient[k * n_lm + lm];
            sum[k] += g * y;
            weight += g * r[k];
        }
        weights[lm] = weight;
    }
    for (int k = 0; k < n; ++k) {
        sums[k] = sum[k];
    }
}

// The same for any number of channels, lm = 0 apart: weights[0] is not set, harmonics[0] is taken to be one.
// Each sum in two parts, so that the additions wait less for one another.
template <int n, int L, bool first, typename T, typename V>
GNNCV_INLINE void contract_some_channels(const T* gradient, int n_lm_dynamic, const V* harmonics,
                                         const V* radial, V* weights, V* sums) {
    const int n_lm = L >= 0 ? (L + 1) * (L + 1) : n_lm_dynamic;
    V r[n], sum[2][n] = {};
    for (int k = 0; k < n; ++k) {
        r[k] = radial[k];
        sum[0][k] += gradient[k * n_lm];
    }
    const auto add = [&](int lm, V* to) __attribute__((always_inline)) {
        const V y = harmonics[lm];
        V weight = first ? gradient[lm] * r[0] : weights[lm] + gradient[lm] * r[0];
        to[0] += gradient[lm] * y;
        for (int k = 1; k < n; ++k) {
            const T g = gradient[k * n_lm + lm];
            to[k] += g * y;
            weight += g * r[k];
        }
        weights[lm] = weight;
    };
    int lm = 1;
    for (; lm + 2 <= n_lm; lm += 2) {
        add(lm, sum[1]);
        add(lm + 1, sum[0]);
    }
    if (lm < n_lm) {
        add(lm, sum[1]);
    }
    for (int k = 0; k < n; ++k) {
        sums[k] = sum[0][k] + sum[1][k];
    }
}
template <int L, typename T, typename V>
GNNCV_INLINE void contract_rows(const T* gradient, std::int64_t n_channels, int n_lm, const V* harmonics,
                                const V* radial, V* weights, V* sums) {
    std::int64_t k = 0;
    if (n_channels >= 4) {
        contract_some_channels<4, L, true>(gradient, n_lm, harmonics, radial, weights, sums);
        for (k = 4; k + 4 <= n_channels; k += 4) {
            contract_some_channels<4, L, false>(gradient + k * n_lm, n_lm, harmonics, radial + k, weights,
                                                sums + k);
        }
    } else {
        contract_some_channels<1, L, true>(gradient, n_lm, harmonics, radial, weights, sums);
        k = 1;
    }
    for (; k < n_channels; ++k) {
        contract_some_channels<1, L, false>(gradient + k * n_lm, n_lm, harmonics, radial + k, weights,
                                            sums + k);
    }
}

// f(l_max as a type), for the degree that kernels are compiled for, the default; -1 for any other, known only
// when it runs.
template <typename F>
void with_degree(int l_max, const F& f) {
    if (l_max == 6) {
        f(std::integral_constant<int, 6>{});
    } else {
        f(std::integral_constant<int, -1>{});
    }
}

} // namespace gnncv::kernels
