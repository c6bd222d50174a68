// Real orthonormal spherical harmonics of unit vectors in Cartesian form, and their gradients.
//
// Y_lm(x,y,z) = Q_l|m|(z) c_m(x,y) for m >= 0 and Q_l|m|(z) s_|m|(x,y) for m < 0, with c_m + i s_m = (x + i
// y)^m and Q the associated Legendre function without its sin^m factor, normalized so that the harmonics are
// orthonormal on the sphere. There is no division by sin(theta), so the poles are ordinary points. Recursions
// over l at fixed m:
//   Q_mm = const,   Q_lm = a_lm z Q_(l-1)m - b_lm Q_(l-2)m,   Q'_lm = a_lm (z Q'_(l-1)m + Q_(l-1)m) - b_lm
//   Q'_(l-2)m
// Source: W. H. Press et al., Numerical Recipes, 3rd ed., 6.7; signs and order (l^2 + l + m, no
// Condon-Shortley phase) as in F. Bigi, G. Fraux, N. J. Browning, M. Ceriotti, J. Chem. Phys. 159, 064802
// (2023), doi:10.1063/5.0156307.
//
// The functions are generic in V, the type of a coordinate: a scalar, or Lanes of the compiler.
#pragma once

#include "kernels/host_device.h"

#include <cmath>

namespace gnncv::kernels {

inline constexpr int max_degree = 16;
inline constexpr int max_harmonics = (max_degree + 1) * (max_degree + 1);

template <typename T>
struct HarmonicCoefficients {
    T diagonal[max_degree + 1];
    T a[max_degree + 1][max_degree + 1];
    T b[max_degree + 1][max_degree + 1];

    explicit HarmonicCoefficients(int l_max) {
        const double pi = 3.14159265358979323846;
        double q = std::sqrt(1.0 / (4.0 * pi));
        for (int m = 0; m <= l_max; ++m) {
            q *= m == 0 ? 1.0 : std::sqrt((2.0 * m + 1.0) / (2.0 * m));
            diagonal[m] = static_cast<T>(m == 0 ? q : std::sqrt(2.0) * q);
            for (int l = m + 1; l <= l_max; ++l) {
                const double l2 = static_cast<double>(l) * l;
                const double m2 = static_cast<double>(m) * m;
                const double previous = (l - 1.0) * (l - 1.0);
                a[l][m] = static_cast<T>(std::sqrt((4.0 * l2 - 1.0) / (l2 - m2)));
                // b multiplies Q_(m-1)m = 0 at l = m + 1.
                b[l][m] = l == m + 1 ? T(0)
                                     : static_cast<T>(std::sqrt((previous - m2) * (2.0 * l + 1.0) /
                                                                ((2.0 * l - 3.0) * (l2 - m2))));
            }
        }
    }
};

// Values only: values[l^2 + l + m]. (x, y, z) has length one.
template <typename V, typename T>
GNNCV_INLINE void spherical_harmonics(const HarmonicCoefficients<T>& k, int l_max, V x, V y, V z, V* values) {
    V c = V{} + T(1);
    V s = V{};
    for (int m = 0; m <= l_max; ++m) {
        V previous = V{};
        V q = V{} + k.diagonal[m];
        for (int l = m; l <= l_max; ++l) {
            values[l * l + l - m] = q * s;
            values[l * l + l + m] = q * c; // after the line above: for m = 0 both are the same element
            if (l < l_max) {
                const V next = k.a[l + 1][m] * (z * q) - k.b[l + 1][m] * previous;
                previous = q;
                q = next;
            }
        }
        const V next_c = x * c - y * s;
        s = x * s + y * c;
        c = next_c;
    }
}

// gradient = sum_lm weights[lm] dY_lm/d(x,y,z) of the polynomials above. On the sphere only its tangential
// part has a meaning: the caller projects the radial part out.
template <typename V, typename T>
GNNCV_INLINE void contract_harmonic_gradients(const HarmonicCoefficients<T>& k, int l_max, V x, V y, V z,
                                              const V* weights, V* gradient) {
    V gx = V{}, gy = V{}, gz = V{};
    V c = V{} + T(1), s = V{};        // (x + i y)^m
    V c_before = V{}, s_before = V{}; // (x + i y)^(m-1)
    for (int m = 0; m <= l_max; ++m) {
        V previous = V{}, q = V{} + k.diagonal[m];
        V previous_slope = V{}, slope = V{};
        V cosine_sum = V{}, sine_sum = V{};     // sum_l Q_lm weights
        V cosine_slope = V{}, sine_slope = V{}; // sum_l Q'_lm weights
        for (int l = m; l <= l_max; ++l) {
            const V wc = weights[l * l + l + m];
            const V ws = weights[l * l + l - m]; // for m = 0 it meets s_0 = 0 and m = 0 below
            cosine_sum = cosine_sum + q * wc;
            sine_sum = sine_sum + q * ws;
            cosine_slope = cosine_slope + slope * wc;
            sine_slope = sine_slope + slope * ws;
            if (l < l_max) {
                const T a = k.a[l + 1][m], b = k.b[l + 1][m];
                const V next_slope = a * (z * slope + q) - b * previous_slope;
                const V next = a * (z * q) - b * previous;
                previous_slope = slope;
                slope = next_slope;
                previous = q;
                q = next;
            }
        }
        gx = gx + T(m) * (cosine_sum * c_before + sine_sum * s_before);
        gy = gy + T(m) * (sine_sum * c_before - cosine_sum * s_before);
        gz = gz + cosine_slope * c + sine_slope * s;
        c_before = c;
        s_before = s;
        c = x * c_before - y * s_before;
        s = x * s_before + y * c_before;
    }
    gradient[0] = gx;
    gradient[1] = gy;
    gradient[2] = gz;
}

} // namespace gnncv::kernels
