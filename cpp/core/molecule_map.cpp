#include "core/molecule_map.h"

#include "kernels/molecule_geometry.h"

#include <array>

namespace gnncv {
namespace {

using kernels::Vec;

// Shorter than this, in angstrom or its square, a vector has no direction.
constexpr double no_direction = 1e-4;

Vec at(const double* points, std::int32_t i) {
    return {points[3 * i], points[3 * i + 1], points[3 * i + 2]};
}

void add(double* points, std::int32_t i, const Vec& v) {
    points[3 * i] += v.x;
    points[3 * i + 1] += v.y;
    points[3 * i + 2] += v.z;
}

// What an axis is the unit vector of.
Vec direction(const Axis& axis, const double* offsets) {
    if (!axis.ring.empty()) {
        return kernels::area_vector(static_cast<int>(axis.ring.size()),
                                    [&](int k) { return at(offsets, axis.ring[k]); });
    }
    Vec v{0.0, 0.0, 0.0};
    for (std::size_t i = 0; i < axis.weights.size(); ++i) {
        v = v + axis.weights[i] * at(offsets, static_cast<std::int32_t>(i));
    }
    return v;
}

std::array<Vec, 3> bonds_of(const std::array<std::int32_t, 4>& torsion, const double* offsets) {
    const Vec p0 = at(offsets, torsion[0]), p1 = at(offsets, torsion[1]);
    const Vec p2 = at(offsets, torsion[2]), p3 = at(offsets, torsion[3]);
    return {p1 - p0, p2 - p1, p3 - p2};
}

} // namespace

std::optional<std::string> describe_molecule(const MoleculeKind& kind, const double* offsets, double* axes,
                                             double* descriptors) {
    for (const Axis& axis : kind.axes) {
        const Vec v = direction(axis, offsets);
        const double size = length(v);
        if (!(size > no_direction)) {
            return "an axis";
        }
        *axes++ = v.x / size;
        *axes++ = v.y / size;
        *axes++ = v.z / size;
    }
    for (const auto& [i, j] : kind.distances) {
        const double distance = length(at(offsets, j) - at(offsets, i));
        if (!(distance > no_direction)) {
            return "a distance";
        }
        *descriptors++ = distance;
    }
    for (const std::array<std::int32_t, 4>& torsion : kind.torsions) {
        const auto [b1, b2, b3] = bonds_of(torsion, offsets);
        const kernels::TorsionCosine cosine = kernels::torsion_cosine(b1, b2, b3);
        if (!(cosine.first > no_direction && cosine.second > no_direction)) {
            return "a torsion";
        }
        *descriptors++ = cosine.value;
    }
    return std::nullopt;
}

void pull_back_axes(const MoleculeKind& kind, const double* offsets, const double* axes, const double* slopes,
                    double* gradient) {
    for (std::size_t k = 0; k < kind.axes.size(); ++k) {
        const Axis& axis = kind.axes[k];
        const auto number = static_cast<std::int32_t>(k);
        const Vec along =
            kernels::unit_slope(at(axes, number), length(direction(axis, offsets)), at(slopes, number));
        const std::size_t n = axis.ring.size();
        for (std::size_t p = 0; p < n; ++p) {
            add(gradient, axis.ring[p],
                kernels::area_slope(at(offsets, axis.ring[(p + n - 1) % n]),
                                    at(offsets, axis.ring[(p + 1) % n]), along));
        }
        for (std::size_t i = 0; i < axis.weights.size(); ++i) {
            add(gradient, static_cast<std::int32_t>(i), axis.weights[i] * along);
        }
    }
}

void pull_back_descriptors(const MoleculeKind& kind, const double* offsets, const double* slopes,
                           double* gradient) {
    for (const auto& [i, j] : kind.distances) {
        const Vec apart = at(offsets, j) - at(offsets, i);
        const double factor = *slopes++ / length(apart);
        add(gradient, j, factor * apart);
        add(gradient, i, -factor * apart);
    }
    for (const std::array<std::int32_t, 4>& torsion : kind.torsions) {
        const auto [b1, b2, b3] = bonds_of(torsion, offsets);
        Vec s1{}, s2{}, s3{};
        kernels::torsion_slopes(kernels::torsion_cosine(b1, b2, b3), b1, b2, b3, *slopes++, s1, s2, s3);
        add(gradient, torsion[0], -1.0 * s1);
        add(gradient, torsion[1], s1 - s2);
        add(gradient, torsion[2], s2 - s3);
        add(gradient, torsion[3], s3);
    }
}

} // namespace gnncv
