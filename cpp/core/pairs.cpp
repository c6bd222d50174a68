#include "core/pairs.h"

#include "gnncv/error.h"
#include "kernels/pair_selection.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace gnncv {
namespace {

constexpr double smallest_distance = 1e-6;

// The first pair that coincides, looked for again when one is known to.
[[noreturn]] void refuse_coincident(const NeighborList& neighbors, const Box& box) {
    const CandidatePairs& candidates = neighbors.candidates();
    const std::span<const double> r = neighbors.wrapped();
    for (std::size_t i = 0; i + 1 < candidates.row_ptr.size(); ++i) {
        for (std::int64_t p = candidates.row_ptr[i]; p < candidates.row_ptr[i + 1]; ++p) {
            const auto j = static_cast<std::size_t>(candidates.neighbor[p]);
            const Vector3 shift = box.lattice(candidates.shifts[candidates.shift[p]]);
            const double distance =
                norm(Vector3{r[3 * j] - r[3 * i] + shift[0], r[3 * j + 1] - r[3 * i + 1] + shift[1],
                             r[3 * j + 2] - r[3 * i + 2] + shift[2]});
            if (!(distance < smallest_distance)) {
                continue;
            }
            const std::int64_t first = neighbors.atom(static_cast<std::int64_t>(i)),
                               second = neighbors.atom(static_cast<std::int64_t>(j));
            std::ostringstream message;
            if (i == j) {
                message << "atom " << first << " (counted from 0) coincides with its own periodic image";
            } else {
                message << "atoms " << std::min(first, second) << " and " << std::max(first, second)
                        << " (counted from 0) coincide";
            }
            message << ": their distance is " << distance
                    << " angstrom, where no direction is defined; check the positions and the cell";
            throw InvalidArgument(message.str());
        }
    }
    throw InvalidArgument("two atoms coincide: check the positions and the cell");
}

} // namespace

template <>
Buffer<float>& PairList::buffer<float>() {
    return single_;
}
template <>
Buffer<double>& PairList::buffer<double>() {
    return double_;
}
template <>
std::span<const float> PairList::vectors<float>() const {
    return {single_.data(), 3 * n_pairs_};
}
template <>
std::span<const double> PairList::vectors<double>() const {
    return {double_.data(), 3 * n_pairs_};
}

PairList::PairList(std::span<const double> vectors, std::span<const std::int32_t> neighbor,
                   std::vector<std::int64_t> row_ptr)
    : n_pairs_(neighbor.size()), row_ptr_(std::move(row_ptr)) {
    std::copy(vectors.begin(), vectors.end(), double_.reserve(vectors.size() + 1));
    std::copy(neighbor.begin(), neighbor.end(), neighbor_.reserve(neighbor.size() + 1));
}

std::vector<std::int64_t> PairList::center() const {
    std::vector<std::int64_t> center(n_pairs_);
    for (std::size_t i = 0; i < n_atoms(); ++i) {
        std::fill(center.begin() + row_ptr_[i], center.begin() + row_ptr_[i + 1],
                  static_cast<std::int64_t>(i));
    }
    return center;
}

std::span<const std::int64_t> PairList::half_begin() const {
    switch (kind_) {
    case PairKind::half:
        return std::span(row_ptr_).first(n_atoms());
    case PairKind::both:
        return half_begin_;
    default:
        return {};
    }
}

// Each thread fills the rows of its share from where their candidates begin; then the shares are joined.
template <typename T>
void PairList::select(const NeighborList& neighbors, const Box& box, double cutoff, const Workers& workers) {
    const CandidatePairs& candidates = neighbors.candidates();
    const std::size_t n_rows = candidates.row_ptr.size() - 1, n_candidates = candidates.neighbor.size();
    const int n_shares = workers.shares_of(n_rows);
    shifts_.clear();
    for (const Vector3& shift : candidates.shifts) {
        const Vector3 lattice = box.lattice(shift);
        shifts_.insert(shifts_.end(), {lattice[0], lattice[1], lattice[2], 0.0});
    }
    const kernels::CandidateRows rows{neighbors.wrapped().data(),
                                      candidates.row_ptr.data(),
                                      candidates.half_begin.empty() ? nullptr : candidates.half_begin.data(),
                                      candidates.neighbor.data(),
                                      candidates.shift.data(),
                                      shifts_.data(),
                                      cutoff,
                                      smallest_distance};
    // A vector is written with a fourth component: the shares are kept apart by one pair.
    const std::size_t room = n_candidates + static_cast<std::size_t>(n_shares) + 1;
    T* const vectors = buffer<T>().reserve(3 * room);
    std::int32_t* const kept = neighbor_.reserve(room);
    row_ptr_.resize(n_rows + 1);
    row_ptr_[0] = 0;
    half_begin_.resize(candidates.half_begin.size());
    kind_ = neighbors.kind();
    struct Share {
        std::size_t first_row;
        std::int64_t first; // where its pairs were put
        kernels::Selection found;
    };
    std::vector<Share> shares(static_cast<std::size_t>(n_shares));
    workers.for_shares(n_rows, [&](int share, std::size_t begin, std::size_t end) {
        const std::int64_t first = candidates.row_ptr[begin] + share;
        shares[share] = {begin, first,
                         kernels::select_pairs_kernel<T>(
                             rows, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end),
                             {vectors + 3 * first, kept + first, row_ptr_.data(), half_begin_.data()})};
    });
    std::int64_t n = 0;
    for (int share = 0; share < n_shares; ++share) {
        const auto [first_row, first, found] = shares[share];
        if (found.coincident) {
            refuse_coincident(neighbors, box);
        }
        if (n != first) {
            std::copy(vectors + 3 * first, vectors + 3 * (first + found.n_pairs), vectors + 3 * n);
            std::copy(kept + first, kept + first + found.n_pairs, kept + n);
        }
        const std::size_t last_row = share + 1 < n_shares ? shares[share + 1].first_row : n_rows;
        for (std::size_t i = first_row; n != 0 && i < last_row; ++i) {
            row_ptr_[i + 1] += n;
            if (!half_begin_.empty()) {
                half_begin_[i] += n;
            }
        }
        n += found.n_pairs;
    }
    n_pairs_ = static_cast<std::size_t>(n);
}

template void PairList::select<float>(const NeighborList&, const Box&, double, const Workers&);
template void PairList::select<double>(const NeighborList&, const Box&, double, const Workers&);

} // namespace gnncv
