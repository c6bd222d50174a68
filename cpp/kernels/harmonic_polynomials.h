// Real spherical harmonics of unit vectors without their constants, and their gradients.
//
//   Y_lm = N_lm Q_l|m|(z) c_m(x,y) for m >= 0,  N_lm Q_l|m|(z) s_|m|(x,y) for m < 0,   c_m + i s_m = (x + i
//   y)^m
// Q_lm is the m-th derivative of the Legendre polynomial P_l with leading coefficient one. So
//   Q_(l+1)m = z Q_lm - (l^2 - m^2) / (4 l^2 - 1) Q_(l-1)m,   Q'_lm = (l - m) Q_l(m+1)
// take two operations a step and no recursion for the slopes, and the constants N_lm are left to sums over
// bonds. There is no division by sin(theta): the poles are ordinary points. Source: DLMF, 18.9.1 and 18.9.19
// for Gegenbauer polynomials; signs and order as in spherical_harmonics.h.
//
// The functions are generic in V, the type of a coordinate: a scalar, or Lanes of the compiler. L is the
// degree known to the compiler, or -1.
#pragma once

#include "kernels/lanes.h"
#include "kernels/spherical_harmonics.h"

namespace gnncv::kernels {

// Room for polynomials Q_lm and for harmonics.
template <int L>
inline constexpr int harmonics_of = L >= 0 ? (L + 1) * (L + 1) : max_harmonics;
template <int L>
inline constexpr int polynomials_of = (L >= 0 ? (L + 1) * (L + 2) : (max_degree + 1) * (max_degree + 2)) / 2;

constexpr int polynomial_index(int l, int m) {
    return l * (l + 1) / 2 + m;
}

template <typename T>
struct HarmonicConstants {
    T step[max_degree + 1][max_degree + 1]; // of the recursion
    T norm[max_harmonics] = {};             // N_lm

    explicit HarmonicConstants(int l_max) {
        const HarmonicCoefficients<double> exact(l_max);
        for (int m = 0; m <= l_max; ++m) {
            double leading = exact.diagonal[m];
            for (int l = m; l <= l_max; ++l) {
                leading *= l == m ? 1.0 : exact.a[l][m];
                norm[l * l + l + m] = norm[l * l + l - m] = static_cast<T>(leading);
                step[l][m] = static_cast<T>((l * l - m * m) / (4.0 * l * l - 1.0));
            }
        }
    }
};

// Harmonics without N_lm in values[l^2 + l + m], Q_lm in polynomials[polynomial_index(l, m)]. (x, y, z) has
// length one.
template <int L, typename V, typename T>
GNNCV_INLINE void harmonic_polynomials(const HarmonicConstants<T>& constants, int degree, V x, V y, V z,
                                       V* values, V* polynomials) {
    const int l_max = L >= 0 ? L : degree;
    V c = V{} + T(1), s = V{};
    // z + lost is of a vector of length one: at the poles Q_l0 is l (l + 1) / 2 times as steep as its
    // argument, and would feel that directions are rounded.
    const V lost = T(-0.5) * z * ((z * z - T(1)) + x * x + y * y);
#pragma GCC unroll 16
    for (int m = 0; m <= l_max; ++m) {
        values[m * m] = s;
        values[m * m + 2 * m] = c; // after the line above: for m = 0 both are the same element
        V before = V{} + T(1), q = z;
        polynomials[polynomial_index(m, m)] = before;
#pragma GCC unroll 16
        for (int l = m + 1; l <= l_max; ++l) {
            polynomials[polynomial_index(l, m)] = q;
            values[l * l + l - m] = q * s;
            values[l * l + l + m] = m == 0 ? q : q * c;
            const V next = z * q + (lost * (l == m + 1 ? q + q : q) - constants.step[l][m] * before);
            before = q;
            q = next;
        }
        const V next_c = m == 0 ? x : x * c - y * s;
        s = m == 0 ? y : x * s + y * c;
        c = next_c;
    }
}

// gradient = sum_lm weights[lm] d values[lm] / d(x,y,z). On the sphere only its tangential part has a
// meaning: the caller projects the radial part out.
template <int L, typename V>
GNNCV_INLINE void contract_polynomial_gradients(int degree, V x, V y, const V* polynomials, const V* weights,
                                                V* gradient) {
    using T = decltype(x[0] + x[0]);
    const int l_max = L >= 0 ? L : degree;
    V gx = V{}, gy = V{}, gz = V{};
#pragma GCC unroll 16
    for (int l = 1; l <= l_max; ++l) {
        gz += T(l) * (polynomials[polynomial_index(l, 1)] * weights[l * l + l]);
    }
    V c_before = V{} + T(1), s_before = V{}; // (x + i y)^(m-1)
#pragma GCC unroll 16
    for (int m = 1; m <= l_max; ++m) {
        V cosine_sum = weights[m * m + 2 * m], sine_sum = weights[m * m]; // sum_l Q_lm weights
        V cosine_slope = V{}, sine_slope = V{};                           // sum_l Q'_lm weights
#pragma GCC unroll 16
        for (int l = m + 1; l <= l_max; ++l) {
            const V wc = weights[l * l + l + m], ws = weights[l * l + l - m];
            const V q = polynomials[polynomial_index(l, m)];
            const V slope = T(l - m) * polynomials[polynomial_index(l, m + 1)];
            cosine_sum += q * wc;
            sine_sum += q * ws;
            cosine_slope += slope * wc;
            sine_slope += slope * ws;
        }
        gx += T(m) * (cosine_sum * c_before + sine_sum * s_before);
        gy += T(m) * (sine_sum * c_before - cosine_sum * s_before);
        const V c = x * c_before - y * s_before;
        s_before = x * s_before + y * c_before;
        c_before = c;
        gz += cosine_slope * c_before + sine_slope * s_before;
    }
    gradient[0] = gx;
    gradient[1] = gy;
    gradient[2] = gz;
}

} // namespace gnncv::kernels
