// How a bond and the axes at its ends lie to each other: functions of the cosines
//   x_a = u . a,   y_b = u . b,   z_ab = a . b
// of the bond u, the axes a of its center and b of its neighbor, with derivatives. Legendre polynomials are
// made homogeneous by the squared lengths of the axes,
//   P_2 = (3 c^2 - m) / 2,   P_4 = (35 c^4 - 30 c^2 m + 3 m^2) / 8,   m = |a|^2, |b|^2 or |a|^2 |b|^2:
// themselves for unit axes, smooth, and zero where an axis is.
#pragma once

#include "kernels/host_device.h"

#include <cstdint>

namespace gnncv::kernels {

inline constexpr int max_axes = 4; // of a site

// degree: 2 or 4, the highest. Axes that are not polar are headless: nothing changes when one is turned
// around.
struct OrientationTerms {
    int n_axes;
    int degree;
    std::uint32_t polar; // bit a: axis a has a head

    [[nodiscard]] GNNCV_INLINE int is_polar(int a) const { return static_cast<int>(polar >> a & 1U); }
    // P_1 (of polar axes), P_2 and P_4 of x_a for each a; of y_b for each b; of z_ab, and x_a y_b z_ab, for
    // each a and b, b running fastest.
    [[nodiscard]] GNNCV_INLINE int count() const {
        int n_polar = 0;
        for (int a = 0; a < n_axes; ++a) {
            n_polar += is_polar(a);
        }
        return degree / 2 * (2 * n_axes + n_axes * n_axes) + 2 * n_polar + n_polar * n_polar +
               n_axes * n_axes;
    }
};

// Of A axes (all there can be for -1): room for numbers of axes, pairs of them and terms.
template <int A>
struct OrientationRoom {
    static constexpr int axes = A >= 0 ? A : max_axes;
    static constexpr int pairs = axes * axes;
    static constexpr int terms = 3 * (2 * axes + pairs) + pairs;
};

// V: a number, or a register of bonds. Cosines and squared lengths of one bond, or slopes by them.
template <int A, typename V>
struct BondCosines {
    V x[OrientationRoom<A>::axes], y[OrientationRoom<A>::axes], z[OrientationRoom<A>::pairs];
    V own[OrientationRoom<A>::axes], other[OrientationRoom<A>::axes];
};

template <typename V>
GNNCV_INLINE V dot_product(const V* a, const V* b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

// direction (3), own and other (n_axes, 3).
template <int A, typename V>
GNNCV_INLINE void cosines_of_bond(int n_axes_dynamic, const V* direction, const V* own, const V* other,
                                  BondCosines<A, V>& cosines) {
    const int n_axes = A >= 0 ? A : n_axes_dynamic;
    for (int a = 0; a < n_axes; ++a) {
        cosines.x[a] = dot_product(direction, own + 3 * a);
        cosines.y[a] = dot_product(direction, other + 3 * a);
        cosines.own[a] = dot_product(own + 3 * a, own + 3 * a);
        cosines.other[a] = dot_product(other + 3 * a, other + 3 * a);
        for (int b = 0; b < n_axes; ++b) {
            cosines.z[a * n_axes + b] = dot_product(own + 3 * a, other + 3 * b);
        }
    }
}

// P_1 if wanted, P_2 and, of degree 4, P_4 of one cosine; returns where the next terms go.
template <typename T, typename V>
GNNCV_INLINE V* legendre_polynomials(int odd, int degree, const V& cosine, const V& square, V* terms) {
    if (odd != 0) {
        *terms++ = cosine;
    }
    const V c2 = cosine * cosine;
    *terms++ = T(1.5) * c2 - T(0.5) * square;
    if (degree >= 4) {
        *terms++ = c2 * (T(4.375) * c2 - T(3.75) * square) + T(0.375) * square * square;
    }
    return terms;
}
// Adds the slopes of their sum with these weights to those by cosine and square.
template <typename T, typename V>
GNNCV_INLINE const V* add_legendre_slopes(int odd, int degree, const V& cosine, const V& square,
                                          const V* weights, V& by_cosine, V& by_square) {
    if (odd != 0) {
        by_cosine += *weights++;
    }
    by_cosine += T(3) * cosine * *weights;
    by_square -= T(0.5) * *weights++;
    if (degree >= 4) {
        const V c2 = cosine * cosine;
        by_cosine += cosine * (T(17.5) * c2 - T(7.5) * square) * *weights;
        by_square += (T(0.75) * square - T(3.75) * c2) * *weights++;
    }
    return weights;
}

template <typename T, int A, typename V>
GNNCV_INLINE void orientation_terms(const OrientationTerms& which, const BondCosines<A, V>& cosines,
                                    V* terms) {
    const int n_axes = A >= 0 ? A : which.n_axes, degree = which.degree;
    for (int a = 0; a < n_axes; ++a) {
        terms = legendre_polynomials<T>(which.is_polar(a), degree, cosines.x[a], cosines.own[a], terms);
    }
    for (int b = 0; b < n_axes; ++b) {
        terms = legendre_polynomials<T>(which.is_polar(b), degree, cosines.y[b], cosines.other[b], terms);
    }
    for (int a = 0; a < n_axes; ++a) {
        for (int b = 0; b < n_axes; ++b) {
            const V& z = cosines.z[a * n_axes + b];
            terms = legendre_polynomials<T>(which.is_polar(a) & which.is_polar(b), degree, z,
                                            cosines.own[a] * cosines.other[b], terms);
            *terms++ = cosines.x[a] * cosines.y[b] * z;
        }
    }
}

// The slopes of the sum of the terms with these weights, by cosines and squared lengths.
template <typename T, int A, typename V>
GNNCV_INLINE void orientation_slopes(const OrientationTerms& which, const BondCosines<A, V>& cosines,
                                     const V* weights, BondCosines<A, V>& slopes) {
    const int n_axes = A >= 0 ? A : which.n_axes, degree = which.degree;
    for (int a = 0; a < n_axes; ++a) {
        slopes.x[a] = slopes.own[a] = V{};
        weights = add_legendre_slopes<T>(which.is_polar(a), degree, cosines.x[a], cosines.own[a], weights,
                                         slopes.x[a], slopes.own[a]);
    }
    for (int b = 0; b < n_axes; ++b) {
        slopes.y[b] = slopes.other[b] = V{};
        weights = add_legendre_slopes<T>(which.is_polar(b), degree, cosines.y[b], cosines.other[b], weights,
                                         slopes.y[b], slopes.other[b]);
    }
    for (int a = 0; a < n_axes; ++a) {
        for (int b = 0; b < n_axes; ++b) {
            const V& z = cosines.z[a * n_axes + b];
            V by_cosine{}, by_square{};
            weights =
                add_legendre_slopes<T>(which.is_polar(a) & which.is_polar(b), degree, z,
                                       cosines.own[a] * cosines.other[b], weights, by_cosine, by_square);
            const V of_product = *weights++;
            slopes.z[a * n_axes + b] = by_cosine + of_product * cosines.x[a] * cosines.y[b];
            slopes.x[a] += of_product * z * cosines.y[b];
            slopes.y[b] += of_product * z * cosines.x[a];
            slopes.own[a] += by_square * cosines.other[b];
            slopes.other[b] += by_square * cosines.own[a];
        }
    }
}

// From slopes by cosines to gradients: by the direction (overwritten), by both ends' axes (added to).
template <int A, typename V>
GNNCV_INLINE void direction_gradient(int n_axes_dynamic, const BondCosines<A, V>& slopes, const V* own,
                                     const V* other, V* gradient) {
    const int n_axes = A >= 0 ? A : n_axes_dynamic;
    gradient[0] = gradient[1] = gradient[2] = V{};
    for (int a = 0; a < n_axes; ++a) {
        for (int k = 0; k < 3; ++k) {
            gradient[k] += slopes.x[a] * own[3 * a + k] + slopes.y[a] * other[3 * a + k];
        }
    }
}
template <int A, typename V>
GNNCV_INLINE void add_own_gradient(int n_axes_dynamic, const BondCosines<A, V>& slopes, const V* direction,
                                   const V* own, const V* other, V* gradient) {
    const int n_axes = A >= 0 ? A : n_axes_dynamic;
    for (int a = 0; a < n_axes; ++a) {
        for (int k = 0; k < 3; ++k) {
            V sum = slopes.x[a] * direction[k] + (slopes.own[a] + slopes.own[a]) * own[3 * a + k];
            for (int b = 0; b < n_axes; ++b) {
                sum += slopes.z[a * n_axes + b] * other[3 * b + k];
            }
            gradient[3 * a + k] += sum;
        }
    }
}
template <int A, typename V>
GNNCV_INLINE void add_other_gradient(int n_axes_dynamic, const BondCosines<A, V>& slopes, const V* direction,
                                     const V* own, const V* other, V* gradient) {
    const int n_axes = A >= 0 ? A : n_axes_dynamic;
    for (int b = 0; b < n_axes; ++b) {
        for (int k = 0; k < 3; ++k) {
            V sum = slopes.y[b] * direction[k] + (slopes.other[b] + slopes.other[b]) * other[3 * b + k];
            for (int a = 0; a < n_axes; ++a) {
                sum += slopes.z[a * n_axes + b] * own[3 * a + k];
            }
            gradient[3 * b + k] += sum;
        }
    }
}

} // namespace gnncv::kernels
