// Where bonds lie in a table, for those of several centers side by side, and the polynomials there.
#pragma once

#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cstdint>
#include <memory>

namespace gnncv::kernels {

template <typename T>
class TablePlaces {
public:
    // Of all bonds of the centers from `center` on, as many centers as fit. `stride` numbers lie between
    // intervals.
    GNNCV_INLINE void fill(const RadialTable<T>& table, std::int64_t stride, const T* distances,
                           const PairRows& pairs, std::int64_t center) {
        first_ = pairs.row_ptr[center];
        end_center_ = center + 1;
        while (end_center_ < pairs.n_centers && pairs.row_ptr[end_center_ + 1] - first_ <= enough) {
            ++end_center_;
        }
        const std::int64_t n = pairs.row_ptr[end_center_] - first_;
        if (n > capacity_) {
            capacity_ = n > enough ? n : enough;
            offset_ = std::make_unique_for_overwrite<std::int32_t[]>(capacity_);
            t_ = std::make_unique_for_overwrite<T[]>(capacity_);
        }
        const auto last = static_cast<std::int32_t>(table.grid.n_intervals) - 1,
                   step = static_cast<std::int32_t>(stride);
        const TableGrid<T> grid = table.grid;
        const T* from = distances + first_;
        std::int32_t* __restrict__ offset = offset_.get();
        T* __restrict__ t = t_.get();
        for (std::int64_t b = 0; b < n; ++b) {
            const auto interval = static_cast<std::int32_t>(from[b] * grid.inverse_step);
            const std::int32_t within = interval < last ? interval : last;
            offset[b] = within * step;
            t[b] = grid.place(from[b], static_cast<T>(within));
        }
    }
    [[nodiscard]] std::int64_t end_center() const { return end_center_; }
    // From a pair of those centers on: where in the table its interval begins, and its place within, 0 to 1.
    [[nodiscard]] std::int32_t* offset(std::int64_t pair) const { return offset_.get() + (pair - first_); }
    [[nodiscard]] const T* t(std::int64_t pair) const { return t_.get() + (pair - first_); }

private:
    static constexpr std::int64_t enough = 512;
    std::unique_ptr<std::int32_t[]> offset_;
    std::unique_ptr<T[]> t_;
    std::int64_t first_ = 0, end_center_ = 0, capacity_ = 0;
};

} // namespace gnncv::kernels
