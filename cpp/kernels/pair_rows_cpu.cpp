#include "kernels/pair_rows.h"

#include "kernels/lanes.h"

namespace gnncv::kernels {

// Without a branch a pair: every operator asks at every call.
GNNCV_MULTIVERSION bool neighbors_in_range(const PairRows& rows, std::int64_t n_pairs) {
    const auto n_centers = static_cast<std::uint32_t>(rows.n_centers);
    std::uint32_t outside = 0;
    for (std::int64_t p = 0; p < n_pairs; ++p) {
        outside |= static_cast<std::uint32_t>(rows.neighbor[p]) >= n_centers ? 1U : 0U;
    }
    return outside == 0;
}

GNNCV_MULTIVERSION ReachedSites sites_reached(const PairRows& rows) {
    auto least = static_cast<std::int32_t>(rows.first_center),
         most = static_cast<std::int32_t>(rows.n_centers) - 1;
    for (std::int64_t i = rows.first_center; i < rows.n_centers; ++i) {
        for (std::int64_t p = rows.begin(i); p < rows.end(i); ++p) {
            const std::int32_t j = rows.neighbor[p];
            least = j < least ? j : least;
            most = j > most ? j : most;
        }
    }
    return {least, std::int64_t{most} + 1};
}

} // namespace gnncv::kernels
