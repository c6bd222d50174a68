// Neighbor list with a Verlet skin that stays exact when the cell changes.
//
// The list holds every pair closer than cutoff + skin at the time it was built. Later, with F = cell_ref^-1
// cell the affine map that takes the old lattice onto the new one, and u_i = r_i - r_i_ref F what an atom
// moved beyond that, a pair vector is r_ij = r_ij_ref F + u_j - u_i. So |r_ij_ref| <= ||F^-1||_2 (|r_ij| + 2
// max|u|), and every pair within the cutoff is in the list while ||F^-1||_2 (cutoff + 2 max|u|) <= cutoff +
// skin. A common displacement of all atoms cancels and is taken out of u.
#pragma once

#include "core/box.h"
#include "core/candidates.h"
#include "core/division.h"
#include "core/workers.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace gnncv {

class NeighborList {
public:
    // Many atoms are listed in an order of space, not their own: see `atoms`. With a division the list is
    // that of the atoms the division names, in their order, at the last rebuild; whether it is still valid is
    // decided from all atoms, so that all processes rebuild together.
    NeighborList(double cutoff, double skin, PairKind kind = PairKind::full,
                 std::unique_ptr<Division> division = nullptr);
    ~NeighborList();

    // Make the list valid for these positions (N,3). Returns whether it was rebuilt; before that, with many
    // atoms, `make_room` is called.
    bool update(std::span<const double> positions, const Box& box, const Workers& workers,
                const std::function<void()>& make_room);

    [[nodiscard]] const CandidatePairs& candidates() const { return candidates_; }
    [[nodiscard]] PairKind kind() const { return kind_; }
    [[nodiscard]] const Division* division() const { return division_.get(); } // null: all atoms

    // Which atom each of the list's is, since the last rebuild; null: the atoms in their own order.
    [[nodiscard]] const std::vector<std::int64_t>* atoms() const;
    [[nodiscard]] std::int64_t atom(std::int64_t i) const { return atoms() != nullptr ? (*atoms())[i] : i; }

    // Positions moved by whole lattice vectors, each atom by its own, so that an atom stays near where it was
    // when the list was built: an engine that wraps atoms back into the cell between steps does not disturb
    // the list. In the order of the list's atoms. In memory one number follows the last.
    [[nodiscard]] std::span<const double> wrapped() const {
        const std::vector<double>& r = atoms() != nullptr ? local_ : wrapped_;
        return std::span(r).first(r.empty() ? 0 : r.size() - 1);
    }

private:
    bool still_valid(std::span<const double> positions, const Box& box, const Workers& workers);
    void rebuild(std::span<const double> positions, const Box& box, const Workers& workers);
    Vector3 follow(std::span<const double> positions, const Box& box, const Matrix3& map,
                   const Vector3& first, std::size_t begin, std::size_t end);
    void gather();

    double cutoff_;
    double skin_;
    PairKind kind_;
    std::unique_ptr<Division> division_;
    std::vector<std::int64_t> order_; // of many atoms, in space
    CandidateFinder finder_;
    CandidatePairs candidates_;
    std::vector<double> wrapped_;
    std::vector<double> local_;  // of the list's atoms, where they are not all in their own order
    std::vector<Vector3> wraps_; // whole numbers: wrapped = position - wraps . cell

    std::optional<Box> reference_box_;
    std::vector<double> reference_;
    std::vector<Vector3> displacements_;
};

} // namespace gnncv
