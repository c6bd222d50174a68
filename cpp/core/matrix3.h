// 3x3 matrices, row major, acting on row vectors from the right: r' = r M.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

namespace gnncv {

using Vector3 = std::array<double, 3>;
using Matrix3 = std::array<double, 9>;

inline constexpr Matrix3 identity3{1, 0, 0, 0, 1, 0, 0, 0, 1};

[[nodiscard]] inline Vector3 row(const Matrix3& m, int a) {
    return {m[3 * a], m[3 * a + 1], m[3 * a + 2]};
}
[[nodiscard]] inline double dot(const Vector3& a, const Vector3& b) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
[[nodiscard]] inline double norm(const Vector3& a) {
    return std::sqrt(dot(a, a));
}
[[nodiscard]] inline Vector3 cross(const Vector3& a, const Vector3& b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
[[nodiscard]] inline Vector3 scaled(const Vector3& a, double factor) {
    return {a[0] * factor, a[1] * factor, a[2] * factor};
}
[[nodiscard]] inline Vector3 operator+(const Vector3& a, const Vector3& b) {
    return {a[0] + b[0], a[1] + b[1], a[2] + b[2]};
}
[[nodiscard]] inline Vector3 operator-(const Vector3& a, const Vector3& b) {
    return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}
[[nodiscard]] inline Vector3 times(const Vector3& r, const Matrix3& m) {
    return {r[0] * m[0] + r[1] * m[3] + r[2] * m[6], r[0] * m[1] + r[1] * m[4] + r[2] * m[7],
            r[0] * m[2] + r[1] * m[5] + r[2] * m[8]};
}
[[nodiscard]] inline Matrix3 times(const Matrix3& a, const Matrix3& b) {
    Matrix3 product{};
    for (int i = 0; i < 3; ++i) {
        const Vector3 r = times(row(a, i), b);
        std::copy(r.begin(), r.end(), product.begin() + 3 * i);
    }
    return product;
}
[[nodiscard]] inline double determinant(const Matrix3& m) {
    return dot(row(m, 0), cross(row(m, 1), row(m, 2)));
}
// The caller has made sure that the determinant is not zero.
[[nodiscard]] inline Matrix3 inverse(const Matrix3& m) {
    const double factor = 1.0 / determinant(m);
    Matrix3 result{};
    for (int a = 0; a < 3; ++a) {
        const Vector3 column = scaled(cross(row(m, (a + 1) % 3), row(m, (a + 2) % 3)), factor);
        for (int b = 0; b < 3; ++b) {
            result[3 * b + a] = column[b];
        }
    }
    return result;
}

// Largest singular value: the root of the largest eigenvalue of M M^T, from the trigonometric solution of the
// characteristic cubic of a symmetric matrix (O. K. Smith, Commun. ACM 4, 168 (1961),
// doi:10.1145/355578.366316).
[[nodiscard]] inline double spectral_norm(const Matrix3& m) {
    const Vector3 r0 = row(m, 0), r1 = row(m, 1), r2 = row(m, 2);
    const double a00 = dot(r0, r0), a11 = dot(r1, r1), a22 = dot(r2, r2);
    const double a01 = dot(r0, r1), a02 = dot(r0, r2), a12 = dot(r1, r2);
    const double mean = (a00 + a11 + a22) / 3.0;
    const double b00 = a00 - mean, b11 = a11 - mean, b22 = a22 - mean;
    const double spread =
        (b00 * b00 + b11 * b11 + b22 * b22 + 2.0 * (a01 * a01 + a02 * a02 + a12 * a12)) / 6.0;
    if (!(spread > 0.0)) {
        return std::sqrt(mean);
    }
    const double p = std::sqrt(spread);
    const double half_determinant =
        0.5 *
        (b00 * (b11 * b22 - a12 * a12) - a01 * (a01 * b22 - a12 * a02) + a02 * (a01 * a12 - b11 * a02)) /
        (p * p * p);
    const double angle = std::acos(std::clamp(half_determinant, -1.0, 1.0)) / 3.0;
    return std::sqrt(mean + 2.0 * p * std::cos(angle));
}

} // namespace gnncv
