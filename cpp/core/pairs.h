// The pairs within the cutoff, exactly, as a model sees them.
#pragma once

#include "core/box.h"
#include "core/buffer.h"
#include "core/neighbors.h"
#include "core/workers.h"

#include <cstdint>
#include <span>
#include <vector>

namespace gnncv {

// Of the kind and in the order of the neighbor list. The vectors r_j - r_i + S . cell, in
// angstrom, are taken in double precision and kept in one of two.
class PairList {
public:
    [[nodiscard]] std::size_t n_pairs() const { return n_pairs_; }
    [[nodiscard]] std::size_t n_atoms() const { return row_ptr_.size() - 1; }
    template <typename T>
    [[nodiscard]] std::span<const T> vectors() const; // (P,3); of the other precision there are none
    [[nodiscard]] std::span<const std::int32_t> neighbor() const { return {neighbor_.data(), n_pairs_}; }
    [[nodiscard]] std::span<const std::int64_t> row_ptr() const { return row_ptr_; } // (N+1)
    [[nodiscard]] std::vector<std::int64_t> center() const;                          // (P)
    // (N): where in each row the half begins that stands for all bonds; empty if the kind is `full`.
    [[nodiscard]] std::span<const std::int64_t> half_begin() const;
    // Pairs within the cutoff, each direction counted.
    [[nodiscard]] std::size_t n_directed() const { return kind_ == PairKind::half ? 2 * n_pairs_ : n_pairs_; }

    // Keep the candidates closer than the cutoff, their vectors in precision T. Memory is kept from call to
    // call. Throws InvalidArgument if two atoms coincide (closer than 1e-6 angstrom).
    template <typename T>
    void select(const NeighborList& neighbors, const Box& box, double cutoff, const Workers& workers);

    // Pairs made elsewhere, in double precision.
    PairList(std::span<const double> vectors, std::span<const std::int32_t> neighbor,
             std::vector<std::int64_t> row_ptr);
    PairList() = default;

private:
    template <typename T>
    Buffer<T>& buffer();

    PairKind kind_ = PairKind::full;
    std::size_t n_pairs_ = 0;
    Buffer<float> single_;
    Buffer<double> double_;
    Buffer<std::int32_t> neighbor_;
    std::vector<std::int64_t> row_ptr_{0}, half_begin_;
    std::vector<double> shifts_; // (n_shifts,4)
};

} // namespace gnncv
