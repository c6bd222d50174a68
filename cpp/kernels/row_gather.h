// Sums of rows of numbers of a center's neighbors: each row is read once, and what is summed of it stays in
// registers while all neighbors go by.
#pragma once

#include "kernels/lane_rows.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gnncv::kernels {

// Where the registers of a row lie: the last one ends with the row and may overlap the one before it.
template <typename T>
struct RowRegisters {
    static constexpr int width = LanesOf<T>::width;
    std::int64_t n_channels;

    [[nodiscard]] std::int64_t count() const { return (n_channels + width - 1) / width; }
    [[nodiscard]] GNNCV_INLINE std::int64_t offset(std::int64_t v) const {
        return std::min<std::int64_t>(v * width, n_channels - width);
    }
    // One, but zero where the last register has channels of the one before it.
    [[nodiscard]] GNNCV_INLINE Lanes<T> last_once() const {
        const auto twice = static_cast<int>(count() * width - n_channels);
        alignas(64) T ones[width];
        for (int w = 0; w < width; ++w) {
            ones[w] = w < twice ? T(0) : T(1);
        }
        return load_lanes<T>(ones);
    }
};

template <typename T>
struct Gather {
    const T* rows;
    RowRegisters<T> registers;
    const std::int32_t* neighbor;
    const T* weights;
    std::int64_t n_pairs;
};

// sum[c] = own[c] + sum_p weights[p] rows[neighbor[p]][c] for n registers of channels from the v-th on. With
// `other`, dots[p] += lanes of rows[neighbor[p]] . other as well.
template <int n, bool with_dots, typename T>
GNNCV_INLINE void gather_registers(const Gather<T>& in, std::int64_t v, const T* own, T* sum, const T* other,
                                   Lanes<T>* dots) {
    Lanes<T> total[n], fixed[with_dots ? n : 1];
    std::int64_t offsets[n];
#pragma GCC unroll 16
    for (int k = 0; k < n; ++k) {
        offsets[k] = in.registers.offset(v + k);
        total[k] = load_lanes<T>(own + offsets[k]);
        if constexpr (with_dots) {
            fixed[k] = load_lanes<T>(other + offsets[k]);
        }
    }
    if constexpr (with_dots) {
        if (v + n == in.registers.count()) {
            fixed[n - 1] *= in.registers.last_once();
        }
    }
    const std::int64_t begin = v * RowRegisters<T>::width, last = offsets[n - 1] - begin;
    const std::int64_t stride = in.registers.n_channels;
    for (std::int64_t p = 0; p < in.n_pairs; ++p) {
        const T* row = in.rows + in.neighbor[p] * stride + begin;
        const T weight = in.weights[p];
        Lanes<T> dot[2] = {};
#pragma GCC unroll 16
        for (int k = 0; k < n; ++k) {
            const Lanes<T> numbers = load_lanes<T>(row + (k < n - 1 ? k * RowRegisters<T>::width : last));
            total[k] += weight * numbers;
            if constexpr (with_dots) {
                dot[k % 2] += fixed[k] * numbers;
            }
        }
        if constexpr (with_dots) {
            dots[p] += dot[0] + dot[1];
        }
    }
#pragma GCC unroll 16
    for (int k = 0; k < n; ++k) {
        store_lanes<T>(sum + offsets[k], total[k]);
    }
}

// The whole row, as many registers at once as there are; a row shorter than a register number by number.
template <bool with_dots, typename T>
GNNCV_INLINE void gather(const Gather<T>& in, const T* own, T* sum, const T* other, Lanes<T>* dots) {
    const std::int64_t n_channels = in.registers.n_channels;
    if (n_channels < LanesOf<T>::width) {
        std::copy_n(own, n_channels, sum);
        for (std::int64_t p = 0; p < in.n_pairs; ++p) {
            const T* row = in.rows + in.neighbor[p] * n_channels;
            for (std::int64_t c = 0; c < n_channels; ++c) {
                sum[c] += in.weights[p] * row[c];
                if constexpr (with_dots) {
                    dots[p][c] += other[c] * row[c];
                }
            }
        }
        return;
    }
    const std::int64_t count = in.registers.count();
    std::int64_t v = 0;
    constexpr int chunk = 13;
    for (; v + chunk <= count; v += chunk) {
        gather_registers<chunk, with_dots>(in, v, own, sum, other, dots);
    }
    for (; v + 6 <= count; v += 6) {
        gather_registers<6, with_dots>(in, v, own, sum, other, dots);
    }
    for (; v + 2 <= count; v += 2) {
        gather_registers<2, with_dots>(in, v, own, sum, other, dots);
    }
    if (v < count) {
        gather_registers<1, with_dots>(in, v, own, sum, other, dots);
    }
}

// The sum, and with it the product of each row with another one.
template <typename T>
class GatherWithProducts {
public:
    // sum = own + sum_p weights[p] rows[neighbor[p]]; the products rows[neighbor[p]] . other, padded to whole
    // rows of registers, last until the next call.
    GNNCV_INLINE T* sum_and_products(const Gather<T>& in, const T* own, T* sum, const T* other) {
        constexpr int width = RowOf<T>::width;
        const std::int64_t padded = (in.n_pairs + width - 1) / width * width;
        Lanes<T>* const lanes = lanes_.reserve(padded);
        std::fill(lanes, lanes + padded, Lanes<T>{});
        gather<true, T>(in, own, sum, other, lanes);
        products_.resize(padded);
        for (std::int64_t p = 0; p < padded; p += width) {
            store_row<T>(products_.data() + p, sums_over_lanes(lanes + p));
        }
        return products_.data();
    }

private:
    LaneBuffer<T> lanes_;
    std::vector<T> products_;
};

// g . (b - a)
template <typename T>
GNNCV_INLINE T product_with_difference(const T* g, const T* b, const T* a, std::int64_t n) {
    Lanes<T> sum{};
    std::int64_t c = 0;
    for (; c + LanesOf<T>::width <= n; c += LanesOf<T>::width) {
        sum += load_lanes<T>(g + c) * (load_lanes<T>(b + c) - load_lanes<T>(a + c));
    }
    T total = sum_lanes<T>(sum);
    for (; c < n; ++c) {
        total += g[c] * (b[c] - a[c]);
    }
    return total;
}

} // namespace gnncv::kernels
