// A checked simulation box, triclinic, periodic in any of its directions.
#pragma once

#include "core/matrix3.h"
#include "gnncv/cell.h"

namespace gnncv {

class Box {
public:
    // Throws InvalidArgument if a periodic lattice vector is not finite or zero, or if the periodic ones are
    // (almost) linearly dependent.
    explicit Box(const Cell& cell);

    // Lattice vectors as rows; those of directions that are not periodic are replaced by unit vectors
    // perpendicular to the periodic ones, so that the matrix can always be inverted.
    [[nodiscard]] const Matrix3& matrix() const { return matrix_; }
    [[nodiscard]] const Matrix3& inverse() const { return inverse_; }
    [[nodiscard]] const std::array<bool, 3>& periodic() const { return periodic_; }
    [[nodiscard]] int n_periodic() const { return periodic_[0] + periodic_[1] + periodic_[2]; }

    // Length, area or volume of the periodic part (1 for an open box).
    [[nodiscard]] double periodic_volume() const { return std::abs(determinant(matrix_)); }

    // The shortest of the vectors that differ from r by whole lattice vectors, in directions that are
    // periodic.
    [[nodiscard]] Vector3 nearest_image(const Vector3& r) const;

    // n . cell for whole numbers n.
    [[nodiscard]] Vector3 lattice(const Vector3& n) const { return times(n, matrix_); }

private:
    Matrix3 matrix_;
    Matrix3 inverse_;
    std::array<bool, 3> periodic_;
    double surely_nearest_; // a vector shorter than this is the shortest of its images: half of the smallest
                            // distance between lattice planes
};

} // namespace gnncv
