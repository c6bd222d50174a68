// The channels of a radial table for one register of distances: evaluated bond by bond, where a bond's
// coefficients lie side by side, then turned so that each channel is a register of bonds.
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
GNNCV_INLINE void table_places(const Lanes<T>& x, std::int64_t n_intervals, std::int32_t* intervals,
                               T* places) {
    store_lanes<T>(places, x);
    const auto last = static_cast<std::int32_t>(n_intervals - 1);
    for (int w = 0; w < LanesOf<T>::width; ++w) {
        const auto interval = static_cast<std::int32_t>(places[w]);
        intervals[w] = std::clamp(interval, 0, last); // of what is no number: the first
        places[w] -= static_cast<T>(intervals[w]);
    }
}

// A table that may be read a row beyond its end.
template <typename T>
class TableRows {
public:
    explicit TableRows(const RadialTable<T>& table)
        : table_(table), stride_(table_terms * table.n_channels), last_(stride_ + RowOf<T>::width) {
        std::copy_n(table.coefficients + (table.n_intervals - 1) * stride_, stride_, last_.begin());
    }
    // Channels, rounded up to whole rows: how many registers lanes() fills.
    [[nodiscard]] GNNCV_INLINE int n_padded() const {
        constexpr int width = RowOf<T>::width;
        return static_cast<int>((table_.n_channels + width - 1) / width) * width;
    }
    // Values and, if wanted, slopes of `count` distances; lanes beyond are zero, and channels beyond the
    // table's are finite. sums[c], if wanted, grows by the sum over the lanes.
    template <bool with_slopes>
    GNNCV_INLINE void lanes(const Lanes<T>& distances, int count, Lanes<T>* values, Lanes<T>* slopes,
                            T* sums) const {
        constexpr int width = LanesOf<T>::width, row_width = RowOf<T>::width, n_parts = width / row_width;
        alignas(64) T places[width];
        std::int32_t intervals[width];
        const auto last = static_cast<std::int32_t>(table_.n_intervals - 1);
        table_places<T>(distances * table_.inverse_step, table_.n_intervals, intervals, places);
        const std::int64_t n = table_.n_channels;
        for (std::int64_t c = 0; c < n; c += row_width) {
            Row<T> value[width], slope[with_slopes ? width : 1];
            Row<T> sum{};
            for (int w = 0; w < count; ++w) {
                const T* a =
                    (intervals[w] == last ? last_.data() : table_.coefficients + intervals[w] * stride_) + c;
                const T t = places[w];
                const Row<T> a1 = load_row<T>(a + n), a2 = load_row<T>(a + 2 * n),
                             a3 = load_row<T>(a + 3 * n), a4 = load_row<T>(a + 4 * n),
                             a5 = load_row<T>(a + 5 * n);
                if constexpr (with_slopes) { // Horner's scheme for both: s follows v by one step
                    Row<T> v = a4 + t * a5, s = a5;
                    s = v + t * s;
                    v = a3 + t * v;
                    s = v + t * s;
                    v = a2 + t * v;
                    s = v + t * s;
                    v = a1 + t * v;
                    slope[w] = v + t * s;
                    value[w] = load_row<T>(a) + t * v;
                } else {
                    value[w] = load_row<T>(a) + t * (a1 + t * (a2 + t * (a3 + t * (a4 + t * a5))));
                    sum += value[w];
                }
            }
            for (int w = count; w < width; ++w) {
                value[w] = Row<T>{};
                if constexpr (with_slopes) {
                    slope[w] = Row<T>{};
                }
            }
            for (int part = 0; part < n_parts; ++part) {
                transpose(value + part * row_width);
                if constexpr (with_slopes) {
                    transpose(slope + part * row_width);
                }
            }
            for (int j = 0; j < row_width; ++j) {
                values[c + j] = join(value[j], value[row_width + j]);
                if constexpr (with_slopes) {
                    slopes[c + j] = table_.inverse_step * join(slope[j], slope[row_width + j]);
                }
            }
            if constexpr (!with_slopes) {
                store_row<T>(sums + c, load_row<T>(sums + c) + sum);
            }
        }
    }

private:
    RadialTable<T> table_;
    std::int64_t stride_;
    std::vector<T> last_; // the last interval
};

// One channel of a table, the terms of each interval side by side: few enough that the coefficients are
// turned into registers of bonds, not the values.
template <typename T>
class TableChannel {
public:
    TableChannel(const RadialTable<T>& table, std::int64_t channel)
        : inverse_step_(table.inverse_step), n_intervals_(table.n_intervals),
          terms_(table.n_intervals * stride) {
        for (std::int64_t n = 0; n < table.n_intervals; ++n) {
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
        table_places<T>(distances * inverse_step_, n_intervals_, intervals, places);
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
        slope = inverse_step_ *
                (a[1] + t * (T(2) * a[2] + t * (T(3) * a[3] + t * (T(4) * a[4] + t * (T(5) * a[5])))));
    }

private:
    static constexpr int stride = 8; // table_terms, padded to whole rows
    T inverse_step_;
    std::int64_t n_intervals_;
    std::vector<T> terms_;
};

} // namespace gnncv::kernels
