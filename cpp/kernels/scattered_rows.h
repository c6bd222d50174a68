// Sums at sites that the bonds of other sites add to. Each share of the centers adds to rows of its own, one
// for each site that its bonds reach; then the rows of all shares are added in the order of the shares, so
// that the sums do not depend on which thread was first.
#pragma once

#include "kernels/pair_rows.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gnncv::kernels {

template <typename T>
class ScatteredRows {
public:
    // sums (n_sites, width); more_memory (n_shares - 1, n_sites, width), of which only what is reached is
    // touched: the first share adds to the sums themselves. Neither needs to be initialized.
    ScatteredRows(T* sums, T* more_memory, std::int64_t n_sites, std::int64_t width, std::int64_t n_shares)
        : sums_(sums), more_memory_(more_memory), n_sites_(n_sites), width_(width),
          reached_(static_cast<std::size_t>(n_shares)) {}

    // Zeros for the share to add to before it begins, which works on these centers: the row of site i is at
    // i * width, for its centers and their neighbors.
    [[nodiscard]] T* rows(std::int64_t share, const PairRows& pairs) {
        const ReachedSites reached = reached_.size() == 1 ? ReachedSites{0, n_sites_} : sites_reached(pairs);
        reached_[static_cast<std::size_t>(share)] = reached;
        T* const rows = share == 0 ? sums_ : more_memory_ + (share - 1) * n_sites_ * width_;
        std::fill(rows + reached.begin * width_, rows + reached.end * width_, T(0));
        return rows;
    }

    // The sums of the sites begin .. end-1, when all shares are done.
    void add(std::int64_t begin, std::int64_t end) const {
        const ReachedSites first = common(reached_[0], begin, end);
        std::fill(sums_ + begin * width_, sums_ + first.begin * width_, T(0));
        std::fill(sums_ + first.end * width_, sums_ + end * width_, T(0));
        for (std::size_t share = 1; share < reached_.size(); ++share) {
            const ReachedSites sites = common(reached_[share], begin, end);
            const T* rows = more_memory_ + (static_cast<std::int64_t>(share) - 1) * n_sites_ * width_;
            for (std::int64_t k = sites.begin * width_; k < sites.end * width_; ++k) {
                sums_[k] += rows[k];
            }
        }
    }

private:
    static ReachedSites common(const ReachedSites& reached, std::int64_t begin, std::int64_t end) {
        const std::int64_t first = std::clamp(reached.begin, begin, end);
        return {first, std::clamp(reached.end, first, end)};
    }

    T* sums_;
    T* more_memory_;
    std::int64_t n_sites_, width_;
    std::vector<ReachedSites> reached_;
};

} // namespace gnncv::kernels
