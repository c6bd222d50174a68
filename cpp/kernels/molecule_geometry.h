// Axes, distances and torsions of a molecule, and the slopes of functions of them with respect to the points
// they are made of. Vectors are three numbers; a slope is added to what is there.
#pragma once

#include "kernels/host_device.h"

#include <cmath>

namespace gnncv::kernels {

struct Vec {
    double x, y, z;
};

GNNCV_INLINE Vec operator+(const Vec& a, const Vec& b) {
    return {a.x + b.x, a.y + b.y, a.z + b.z};
}
GNNCV_INLINE Vec operator-(const Vec& a, const Vec& b) {
    return {a.x - b.x, a.y - b.y, a.z - b.z};
}
GNNCV_INLINE Vec operator*(double s, const Vec& a) {
    return {s * a.x, s * a.y, s * a.z};
}
GNNCV_INLINE double inner(const Vec& a, const Vec& b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
GNNCV_INLINE Vec outer(const Vec& a, const Vec& b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
GNNCV_INLINE double length(const Vec& a) {
    return std::sqrt(inner(a, a));
}

// The slope with respect to v of a function of v / |v|, from its slope with respect to that unit vector.
GNNCV_INLINE Vec unit_slope(const Vec& unit, double length, const Vec& slope) {
    return (1.0 / length) * (slope - inner(unit, slope) * unit);
}

// Area vector of a ring, 1/2 sum_k r_k x r_{k+1}: normal to it where it is plane, and never kinked where it
// is not. `point(k)` is the k-th of n.
template <typename Point>
GNNCV_INLINE Vec area_vector(int n, const Point& point) {
    Vec area{0.0, 0.0, 0.0};
    for (int k = 0; k < n; ++k) {
        area = area + outer(point(k), point(k + 1 < n ? k + 1 : 0));
    }
    return 0.5 * area;
}

// The slope with respect to r_k, from the slope with respect to the area vector: 1/2 (r_{k+1} - r_{k-1}) x
// slope.
GNNCV_INLINE Vec area_slope(const Vec& before, const Vec& after, const Vec& slope) {
    return 0.5 * outer(after - before, slope);
}

// Cosine of a torsion from the vectors b1, b2, b3 along its three bonds; defined where no two are parallel.
struct TorsionCosine {
    double value;
    double first, second;        // |b1 x b2| and |b2 x b3|
    Vec first_unit, second_unit; // normals of the two planes
};

GNNCV_INLINE TorsionCosine torsion_cosine(const Vec& b1, const Vec& b2, const Vec& b3) {
    const Vec m = outer(b1, b2), n = outer(b2, b3);
    const double first = length(m), second = length(n);
    const Vec u = (1.0 / first) * m, v = (1.0 / second) * n;
    return {inner(u, v), first, second, u, v};
}

// Its slopes with respect to b1, b2, b3.
GNNCV_INLINE void torsion_slopes(const TorsionCosine& cosine, const Vec& b1, const Vec& b2, const Vec& b3,
                                 double slope, Vec& s1, Vec& s2, Vec& s3) {
    const Vec of_m = unit_slope(cosine.first_unit, cosine.first, slope * cosine.second_unit);
    const Vec of_n = unit_slope(cosine.second_unit, cosine.second, slope * cosine.first_unit);
    s1 = outer(b2, of_m);
    s2 = outer(of_m, b1) + outer(b3, of_n);
    s3 = outer(of_n, b2);
}

} // namespace gnncv::kernels
