#include "core/box.h"

#include "gnncv/error.h"

#include <limits>
#include <sstream>

namespace gnncv {
namespace {

// Periodic lattice vectors whose unit vectors span less than this are called dependent.
constexpr double smallest_unit_volume = 1e-6;
constexpr double longest_vector = 1e9;

void set_row(Matrix3& m, int a, const Vector3& r) {
    std::copy(r.begin(), r.end(), m.begin() + 3 * a);
}

Vector3 unit(const Vector3& a) {
    return scaled(a, 1.0 / norm(a));
}

// A unit vector perpendicular to a: from the axis that a points along least.
Vector3 any_perpendicular(const Vector3& a) {
    Vector3 axis{};
    int smallest = 0;
    for (int b = 1; b < 3; ++b) {
        if (std::abs(a[b]) < std::abs(a[smallest])) {
            smallest = b;
        }
    }
    axis[smallest] = 1.0;
    return unit(axis - scaled(a, dot(a, axis) / dot(a, a)));
}

void check_vector(const Vector3& v, int a) {
    std::ostringstream message;
    message.precision(10);
    message << "the cell is periodic along lattice vector " << a + 1 << ", which is (" << v[0] << ", " << v[1]
            << ", " << v[2] << ") angstrom: ";
    const double length = norm(v);
    if (!std::isfinite(length) || length > longest_vector) {
        throw InvalidArgument(message.str() + "it must be finite");
    }
    if (!(length > 0.0)) {
        throw InvalidArgument(message.str() + "give it a length or make that direction not periodic");
    }
}

// Rows of the directions that are not periodic, perpendicular to the others.
void complete(Matrix3& m, const std::array<bool, 3>& periodic, int n_periodic) {
    if (n_periodic == 0) {
        m = identity3;
        return;
    }
    for (int a = 0; a < 3; ++a) {
        const int b = (a + 1) % 3, c = (a + 2) % 3;
        if (n_periodic == 2 && !periodic[a]) {
            const Vector3 normal = cross(row(m, b), row(m, c));
            set_row(m, a, norm(normal) > 0.0 ? unit(normal) : normal);
        }
        if (n_periodic == 1 && periodic[a]) {
            const Vector3 first = any_perpendicular(row(m, a));
            set_row(m, b, first);
            set_row(m, c, unit(cross(row(m, a), first)));
        }
    }
}

} // namespace

Box::Box(const Cell& cell) : matrix_(cell.vectors), periodic_(cell.periodic) {
    for (int a = 0; a < 3; ++a) {
        if (periodic_[a]) {
            check_vector(row(matrix_, a), a);
        }
    }
    complete(matrix_, periodic_, n_periodic());
    Matrix3 units = matrix_;
    for (int a = 0; a < 3; ++a) {
        const double length = norm(row(units, a));
        set_row(units, a, length > 0.0 ? unit(row(units, a)) : Vector3{});
    }
    if (!(std::abs(determinant(units)) > smallest_unit_volume)) {
        throw InvalidArgument(
            "the cell is singular: its periodic lattice vectors are linearly dependent (the volume spanned "
            "by their directions is below 1e-6); check the order and the units of its components");
    }
    inverse_ = gnncv::inverse(matrix_);
    surely_nearest_ = std::numeric_limits<double>::infinity();
    for (int a = 0; a < 3; ++a) {
        if (periodic_[a]) {
            const Vector3 column{inverse_[a], inverse_[3 + a], inverse_[6 + a]};
            surely_nearest_ = std::min(surely_nearest_, 0.5 / norm(column));
        }
    }
}

// Rounded fractions give the shortest image in a cell that is not skewed; else its neighbors are looked at.
Vector3 Box::nearest_image(const Vector3& r) const {
    const Vector3 fraction = times(r, inverse_);
    Vector3 whole{};
    for (int a = 0; a < 3; ++a) {
        whole[a] = periodic_[a] ? std::round(fraction[a]) : 0.0;
    }
    const Vector3 rounded = r - lattice(whole);
    if (norm(rounded) < surely_nearest_) {
        return rounded;
    }
    Vector3 nearest = rounded;
    const auto steps = [&](int a) { return periodic_[a] ? 1 : 0; };
    for (int x = -steps(0); x <= steps(0); ++x) {
        for (int y = -steps(1); y <= steps(1); ++y) {
            for (int z = -steps(2); z <= steps(2); ++z) {
                const Vector3 other = rounded - lattice({double(x), double(y), double(z)});
                nearest = norm(other) < norm(nearest) ? other : nearest;
            }
        }
    }
    return nearest;
}

} // namespace gnncv
