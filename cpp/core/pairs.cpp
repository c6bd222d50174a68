#include "core/pairs.h"

#include "gnncv/error.h"

#include <sstream>

namespace gnncv {
namespace {

constexpr double smallest_distance = 1e-6;

[[noreturn]] void refuse_coincident(std::int64_t i, std::int64_t j, double distance) {
    std::ostringstream message;
    if (i == j) {
        message << "atom " << i << " (counted from 0) coincides with its own periodic image";
    } else {
        message << "atoms " << i << " and " << j << " (counted from 0) coincide";
    }
    message << ": their distance is " << distance
            << " angstrom, where no direction is defined; check the positions and the cell";
    throw InvalidArgument(message.str());
}

} // namespace

void select_pairs(const NeighborList& neighbors, const Box& box, double cutoff, PairList& pairs) {
    const CandidatePairs& candidates = neighbors.candidates();
    const std::span<const double> r = neighbors.wrapped();
    const std::size_t n_atoms = candidates.row_ptr.size() - 1;
    const std::size_t n_candidates = candidates.neighbor.size();
    std::vector<Vector3> shifts(candidates.shifts.size());
    for (std::size_t s = 0; s < shifts.size(); ++s) {
        shifts[s] = box.lattice(candidates.shifts[s]);
    }
    pairs.vectors.resize(3 * n_candidates);
    pairs.center.resize(n_candidates);
    pairs.neighbor.resize(n_candidates);
    pairs.row_ptr.resize(n_atoms + 1);
    pairs.row_ptr[0] = 0;
    std::size_t n = 0;
    for (std::size_t i = 0; i < n_atoms; ++i) {
        for (std::int64_t p = candidates.row_ptr[i]; p < candidates.row_ptr[i + 1]; ++p) {
            const std::int32_t j = candidates.neighbor[p];
            const Vector3& shift = shifts[candidates.shift[p]];
            const double x = r[3 * j] - r[3 * i] + shift[0];
            const double y = r[3 * j + 1] - r[3 * i + 1] + shift[1];
            const double z = r[3 * j + 2] - r[3 * i + 2] + shift[2];
            const double square = x * x + y * y + z * z;
            // Written always, kept only if within the cutoff: no branch that the processor could guess wrong.
            pairs.vectors[3 * n] = x;
            pairs.vectors[3 * n + 1] = y;
            pairs.vectors[3 * n + 2] = z;
            pairs.center[n] = static_cast<std::int64_t>(i);
            pairs.neighbor[n] = j;
            n += square < cutoff * cutoff ? 1 : 0;
            if (square < smallest_distance * smallest_distance) {
                refuse_coincident(static_cast<std::int64_t>(i), j, std::sqrt(square));
            }
        }
        pairs.row_ptr[i + 1] = static_cast<std::int64_t>(n);
    }
    pairs.vectors.resize(3 * n);
    pairs.center.resize(n);
    pairs.neighbor.resize(n);
}

} // namespace gnncv
