#include "core/division.h"

#include "core/neighbors.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace gnncv {
namespace {

struct Range {
    double low, high;
};

// Distance between the lattice planes of each direction: how long one unit of a fractional coordinate is.
Vector3 plane_distances(const Box& box) {
    const Matrix3& m = box.inverse();
    Vector3 result{};
    for (int a = 0; a < 3; ++a) {
        result[a] = 1.0 / norm(Vector3{m[a], m[3 + a], m[6 + a]});
    }
    return result;
}

Range extent(const std::vector<Vector3>& points, std::span<const std::int64_t> members, int axis) {
    Range range{points[members[0]][axis], points[members[0]][axis]};
    for (const std::int64_t i : members) {
        range.low = std::min(range.low, points[i][axis]);
        range.high = std::max(range.high, points[i][axis]);
    }
    return range;
}

// The members that process `rank` of `size` answers for: halve along the longest direction until one is left.
std::span<std::int64_t> bisect(const std::vector<Vector3>& points, const Vector3& lengths,
                               std::span<std::int64_t> members, int rank, int size) {
    while (size > 1) {
        int axis = 0;
        double longest = -1.0;
        for (int a = 0; a < 3; ++a) {
            const Range range = extent(points, members, a);
            const double length = (range.high - range.low) * lengths[a];
            if (length > longest) {
                axis = a;
                longest = length;
            }
        }
        const int first_size = size / 2;
        const std::size_t middle =
            members.size() * static_cast<std::size_t>(first_size) / static_cast<std::size_t>(size);
        const auto before = [&](std::int64_t i,
                                std::int64_t j) { // the index decides ties on every process alike
            return points[i][axis] != points[j][axis] ? points[i][axis] < points[j][axis] : i < j;
        };
        std::nth_element(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(middle),
                         members.end(), before);
        if (rank < first_size) {
            members = members.first(middle);
            size = first_size;
        } else {
            members = members.subspan(middle);
            rank -= first_size;
            size -= first_size;
        }
    }
    return members;
}

// How far x is from a range of fractional coordinates, the nearest image counting where it is periodic.
double distance(double x, const Range& range, bool periodic) {
    const auto outside = [&](double y) { return std::max({range.low - y, y - range.high, 0.0}); };
    return periodic ? std::min({outside(x), outside(x - 1.0), outside(x + 1.0)}) : outside(x);
}

} // namespace

Division::Division(int rank, int size, int hops, double reach)
    : rank_(rank), size_(size), hops_(hops), reach_(reach) {}

void Division::assign(std::span<const double> positions, const Box& box) {
    const std::size_t n_atoms = positions.size() / 3;
    const Vector3 lengths = plane_distances(box);
    std::vector<Vector3> points(n_atoms);
    for (std::size_t i = 0; i < n_atoms; ++i) {
        points[i] =
            times(Vector3{positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]}, box.inverse());
    }
    std::vector<std::int64_t> members(n_atoms);
    std::iota(members.begin(), members.end(), std::int64_t{0});
    const std::span<std::int64_t> mine = bisect(points, lengths, members, rank_, size_);

    std::array<Range, 3> brick{};
    for (int a = 0; a < 3; ++a) {
        brick[a] = extent(points, mine, a);
    }
    std::vector<char> is_mine(n_atoms, 0);
    for (const std::int64_t i : mine) {
        is_mine[i] = 1;
    }
    atoms_.clear();
    owned_.clear();
    const double halo = hops_ * reach_ * (1.0 + 1e-9);
    for (std::size_t i = 0; i < n_atoms; ++i) {
        bool near = true;
        for (int a = 0; a < 3; ++a) {
            near = near && distance(points[i][a], brick[a], box.periodic()[a]) * lengths[a] <= halo;
        }
        if (near) {
            if (is_mine[i] != 0) {
                owned_.push_back(static_cast<std::int64_t>(atoms_.size()));
            }
            atoms_.push_back(static_cast<std::int64_t>(i));
        }
    }
}

// Whether each atom is less than `hops` bonds away from a site of this process.
std::vector<char> Division::felt(const CandidatePairs& candidates) const {
    std::vector<char> felt(atoms_.size(), 0);
    for (const std::int64_t i : owned_) {
        felt[i] = 1;
    }
    for (int hop = 1; hop < hops_; ++hop) {
        std::vector<char> further = felt;
        for (std::size_t i = 0; i < atoms_.size(); ++i) {
            for (std::int64_t p = candidates.row_ptr[i]; p < candidates.row_ptr[i + 1]; ++p) {
                const std::int32_t j = candidates.neighbor[p];
                further[i] |= felt[j];
                further[j] |= felt[i];
            }
        }
        felt.swap(further);
    }
    return felt;
}

void Division::trim(CandidatePairs& candidates, bool either_end) const {
    const std::vector<char> felt = this->felt(candidates);
    std::int64_t n = 0;
    for (std::size_t i = 0; i < atoms_.size(); ++i) {
        const std::int64_t begin = candidates.row_ptr[i], end = candidates.row_ptr[i + 1];
        const std::int64_t half = candidates.half_begin.empty() ? end : candidates.half_begin[i];
        candidates.row_ptr[i] = n;
        for (std::int64_t p = begin; p < end; ++p) {
            if (p == half) {
                candidates.half_begin[i] = n;
            }
            const std::int32_t j = candidates.neighbor[p];
            if (felt[i] != 0 || (either_end && felt[j] != 0)) {
                candidates.neighbor[n] = j;
                candidates.shift[n++] = candidates.shift[p];
            }
        }
        if (!candidates.half_begin.empty() && half == end) {
            candidates.half_begin[i] = n;
        }
    }
    candidates.row_ptr[atoms_.size()] = n;
    candidates.neighbor.resize(n);
    candidates.shift.resize(n);
}

} // namespace gnncv
