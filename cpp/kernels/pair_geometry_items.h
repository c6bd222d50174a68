// Lengths and directions, one pair at a time: what a thread of a GPU does (see pair_geometry.h).
#pragma once

#include "kernels/length_rest.h"
#include "kernels/radial_table.h"

#include <cmath>
#include <cstdint>

namespace gnncv::kernels {

template <typename T>
struct Bond {
    T x, y, z, distance, inverse; // inverse is zero where the distance is

    GNNCV_INLINE explicit Bond(const T* vector) : x(vector[0]), y(vector[1]), z(vector[2]) {
        distance = std::sqrt(x * x + y * y + z * z);
        inverse = distance > T(0) ? T(1) / distance : T(0);
    }
    [[nodiscard]] GNNCV_INLINE TablePlace<T> place(const RadialTable<T>& table) const {
        return {table, distance, length_rest<T>(x, y, z, distance, inverse)};
    }
};

template <typename T>
struct PairDistance {
    const T* vectors;
    T* distances;

    GNNCV_INLINE void operator()(std::int64_t p) const { distances[p] = Bond<T>(vectors + 3 * p).distance; }
};

template <typename T>
struct PairDistanceGradient {
    const T* vectors;
    const T* distances_gradient;
    T* vectors_gradient;

    GNNCV_INLINE void operator()(std::int64_t p) const {
        const Bond<T> bond(vectors + 3 * p);
        const T scale = distances_gradient[p] * bond.inverse;
        vectors_gradient[3 * p] = scale * bond.x;
        vectors_gradient[3 * p + 1] = scale * bond.y;
        vectors_gradient[3 * p + 2] = scale * bond.z;
    }
};

template <typename T>
struct PairGeometry {
    const T* vectors;
    T* distances;
    T* directions;

    GNNCV_INLINE void operator()(std::int64_t p) const {
        const Bond<T> bond(vectors + 3 * p);
        distances[p] = bond.distance;
        directions[3 * p] = bond.x * bond.inverse;
        directions[3 * p + 1] = bond.y * bond.inverse;
        directions[3 * p + 2] = bond.z * bond.inverse;
    }
};

template <typename T>
struct PairGeometryGradient {
    const T* vectors;
    const T* distances_gradient;
    const T* directions_gradient;
    T* vectors_gradient;

    GNNCV_INLINE void operator()(std::int64_t p) const {
        const Bond<T> bond(vectors + 3 * p);
        const T ux = bond.x * bond.inverse, uy = bond.y * bond.inverse, uz = bond.z * bond.inverse;
        const T* g = directions_gradient + 3 * p;
        const T along = distances_gradient[p] - (ux * g[0] + uy * g[1] + uz * g[2]) * bond.inverse;
        vectors_gradient[3 * p] = along * ux + g[0] * bond.inverse;
        vectors_gradient[3 * p + 1] = along * uy + g[1] * bond.inverse;
        vectors_gradient[3 * p + 2] = along * uz + g[2] * bond.inverse;
    }
};

} // namespace gnncv::kernels
