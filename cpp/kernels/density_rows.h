// What the kernels do with one row of densities, (l_max+1)^2 numbers in the order l^2 + l + m.
#pragma once

#include "kernels/lanes.h"

#include <type_traits>

namespace gnncv::kernels {

inline constexpr double four_pi = 4.0 * 3.14159265358979323846;

// sums[l] = sum_m row[lm]^2
template <typename T>
GNNCV_INLINE void squares_of_degrees(const T* row, int l_max, T* sums) {
    for (int l = 0; l <= l_max; ++l) {
        T sum = 0;
        for (int m = 0; m <= 2 * l; ++m) {
            sum += row[m] * row[m];
        }
        sums[l] = sum;
        row += 2 * l + 1;
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

// f(l_max as a type), for the degrees that kernels are compiled for; -1 for any other, known only when it
// runs.
template <typename F>
void with_degree(int l_max, const F& f) {
    switch (l_max) {
    case 4:
        return f(std::integral_constant<int, 4>{});
    case 6:
        return f(std::integral_constant<int, 6>{});
    default:
        return f(std::integral_constant<int, -1>{});
    }
}

} // namespace gnncv::kernels
