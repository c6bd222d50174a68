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

} // namespace gnncv::kernels
