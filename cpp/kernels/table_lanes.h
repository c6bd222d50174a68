// A channel of a radial table for one register of distances.
#pragma once

#include "kernels/lane_rows.h"
#include "kernels/radial_table.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace gnncv::kernels {

// In which interval each lane is, and where in it.
template <typename T>
GNNCV_INLINE void table_places(const TableGrid<T>& grid, const Lanes<T>& distances, std::int32_t* intervals,
                               T* places) {
    store_lanes<T>(places, distances);
    const auto last = static_cast<std::int32_t>(grid.n_intervals - 1);
    for (int w = 0; w < LanesOf<T>::width; ++w) {
        const auto interval = static_cast<std::int32_t>(places[w] * grid.inverse_step);
        intervals[w] = std::clamp(interval, 0, last); // of what is no number: the first
        places[w] = grid.place(places[w], static_cast<T>(intervals[w]));
    }
}

// One channel of a table, the terms of each interval side by side: few enough that the coefficients are
// turned into registers of bonds, not the values.
template <typename T>
class TableChannel {
public:
    TableChannel(const RadialTable<T>& table, std::int64_t channel)
        : grid_(table.grid), terms_(table.grid.n_intervals * stride) {
        for (std::int64_t n = 0; n < table.grid.n_intervals; ++n) {
            for (int k = 0; k < table_terms; ++k) {
                terms_[n * stride + k] =
                    table.coefficients[(n * table_terms + k) * table.n_channels + channel];
            }
        }
    }
    GNNCV_INLINE void lanes(const Lanes<T>& distances, Lanes<T>& value, Lanes<T>& slope) const {
        constexpr int width = LanesOf<T>::width, row_width = RowOf<T>::width;
        alignas(64) T places[width];
        std::int32_t intervals[width];
        table_places<T>(grid_, distances, intervals, places);
        Lanes<T> a[stride];
        for (int k = 0; k < stride; k += row_width) {
            Row<T> rows[width];
            for (int w = 0; w < width; ++w) {
                rows[w] = load_row<T>(terms_.data() + intervals[w] * stride + k);
            }
            transpose(rows);
            transpose(rows + row_width);
            for (int j = 0; j < row_width; ++j) {
                a[k + j] = join(rows[j], rows[row_width + j]);
            }
        }
        const Lanes<T> t = load_lanes<T>(places);
        value = a[0] + t * (a[1] + t * (a[2] + t * (a[3] + t * (a[4] + t * a[5]))));
        slope = grid_.inverse_step *
                (a[1] + t * (T(2) * a[2] + t * (T(3) * a[3] + t * (T(4) * a[4] + t * (T(5) * a[5])))));
    }

private:
    static constexpr int stride = 8; // table_terms, padded to whole rows
    TableGrid<T> grid_;
    std::vector<T> terms_;
};

} // namespace gnncv::kernels
