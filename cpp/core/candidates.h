// The pairs that may come within the cutoff, found once for many steps.
#pragma once

#include "core/box.h"
#include "core/pages.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace gnncv {

// Which pairs a model wants. full: each bond in both directions. half: in one of them, which stands for both.
// both: all, those of the half behind the others in each row.
enum class PairKind { full, half, both };

// Candidate pairs in compressed rows, sorted by (center, neighbor, shift) or, of the kind `both`, by (center,
// whether in the half, neighbor, shift): r_ij = r_j - r_i +
// shifts[shift[p]] . cell for the *wrapped* positions.
struct CandidatePairs {
    std::vector<std::int64_t> row_ptr;
    std::vector<std::int64_t> half_begin; // (N) if the kind is `both`, else empty
    PageVector<std::int32_t> neighbor;
    PageVector<std::int32_t> shift;
    std::vector<Vector3> shifts;
};

class VesinList;

class CandidateFinder {
public:
    CandidateFinder();
    ~CandidateFinder();

    // All pairs of points (N,3), each inside the cell along periodic directions, closer than the cutoff. What
    // the candidates held before is let go of first. Throws Error.
    void find(std::span<const double> points, const Box& box, double cutoff, PairKind kind, int n_threads,
              CandidatePairs& candidates);

private:
    std::unique_ptr<VesinList> list_;
};

} // namespace gnncv
