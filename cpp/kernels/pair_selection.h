// From candidate pairs to those within the cutoff, and from the gradient with respect to their vectors back
// to positions and strain.
#pragma once

#include <cstdint>

namespace gnncv::kernels {

// Rows of candidates: r_ij = positions[j] - positions[i] + shifts[shift].
struct CandidateRows {
    const double* positions; // (n_atoms,3) and one number more
    const std::int64_t* row_ptr;
    const std::int64_t*
        half_begin; // (n_atoms): a place in each row to find again among what is kept; or null
    const std::int32_t* neighbor;
    const std::int32_t* shift;
    const double* shifts;     // (n_shifts,4), the last of each zero: whole lattice vectors, angstrom
    double cutoff;            // angstrom
    double smallest_distance; // below it, two atoms coincide
};

// What is kept of one share of the rows, in a row of its own of the caller's.
template <typename T>
struct SelectedPairs {
    T* vectors;             // (3 n_candidates) and one number more
    std::int32_t* neighbor; // (n_candidates)
    // Counted from the share's first pair: where the pairs of center i end, at [i + 1], and where the half of
    // them begins, if that is asked for.
    std::int64_t* row_ptr;
    std::int64_t* half_begin;
};

struct Selection {
    std::int64_t n_pairs;
    bool coincident; // whether a pair was closer than smallest_distance
};

// Centers begin .. end-1.
template <typename T>
Selection select_pairs_kernel(const CandidateRows& candidates, std::int64_t begin, std::int64_t end,
                              const SelectedPairs<T>& selected);

// gradient (n_atoms,4), added to: -g of every pair to its center, +g to its neighbor; strain (3,4), added to:
// sum_p g_a r_b. The fourth column is scratch. vectors has one number more than 3 n_pairs.
template <typename T>
void chain_rule_kernel(const T* vectors, const T* vectors_gradient, const std::int32_t* neighbor,
                       const std::int64_t* row_ptr, std::int64_t begin, std::int64_t end, double* gradient,
                       double* strain);

} // namespace gnncv::kernels
