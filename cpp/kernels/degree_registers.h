// The degrees l of densities (n_rows, (l_max+1)^2) in registers: their sums of squares, and factors of
// degrees for each number.
#pragma once

#include "kernels/density_rows.h"
#include "kernels/register_shuffles.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gnncv::kernels {

// sums[row (l_max+1) + l] = sum_m densities[row, lm]^2: a register for each degree, in which numbers of
// others are masked, then sums over lanes of as many registers as there are lanes.
template <typename T, int bytes>
class DegreeSquares {
    using Register = Lanes<T, bytes>;
    using Mask = decltype(Register{} < Register{});
    using Integer = decltype(Mask{}[0] + 0);
    static constexpr int width = LanesOf<T, bytes>::width;

public:
    DegreeSquares(std::int64_t n_rows, int l_max)
        : n_rows_(n_rows), l_max_(l_max), n_sums_(n_rows * (l_max + 1)),
          n_padded_((n_sums_ + width - 1) / width * width), n_parts_((2 * l_max + width) / width),
          offsets_(n_padded_ * n_parts_), masks_(reinterpret_cast<Mask*>(buffer_.reserve(offsets_.size()))) {
        auto* const masks = reinterpret_cast<Integer*>(masks_);
        std::fill_n(masks, offsets_.size() * width, 0);
        const std::int64_t n_lm = (l_max + 1) * (l_max + 1), last = n_rows * n_lm - width;
        for (std::int64_t f = 0; f < n_sums_; ++f) {
            const std::int64_t l = f % (l_max + 1), begin = f / (l_max + 1) * n_lm + l * l;
            for (int q = 0; q < n_parts_; ++q) {
                const std::int64_t wanted = begin + q * width, part = q * n_padded_ + f;
                offsets_[part] = std::max<std::int64_t>(0, std::min(wanted, last)); // none beyond the last
                for (int w = 0; w < width; ++w) {
                    const std::int64_t number = offsets_[part] + w;
                    masks[part * width + w] = number >= wanted && number <= begin + 2 * l ? -1 : 0;
                }
            }
        }
    }

    // There is room for a register of sums beyond the last.
    GNNCV_INLINE void operator()(const T* densities, T* sums) const {
        const std::int64_t n_lm = (l_max_ + 1) * (l_max_ + 1);
        if (n_rows_ * n_lm < width) {
            for (std::int64_t row = 0; row < n_rows_; ++row) {
                squares_of_degrees(densities + row * n_lm, l_max_, sums + row * (l_max_ + 1));
            }
            return;
        }
        for (std::int64_t f = 0; f < n_padded_; f += width) {
            Register squares[width];
#pragma GCC unroll 16
            for (int w = 0; w < width; ++w) {
                squares[w] = square(densities, f + w);
            }
            for (int q = 1; q < n_parts_; ++q) { // of degrees wider than a register
                for (int w = 0; w < width; ++w) {
                    squares[w] += square(densities, q * n_padded_ + f + w);
                }
            }
            store_lanes<T>(sums + f, sums_of_registers(squares));
        }
    }

private:
    [[nodiscard]] GNNCV_INLINE Register square(const T* densities, std::int64_t part) const {
        const auto x = (Register)((Mask)load_lanes<T, bytes>(densities + offsets_[part]) & masks_[part]);
        return x * x;
    }

    std::int64_t n_rows_;
    int l_max_;
    std::int64_t n_sums_, n_padded_;
    int n_parts_; // registers of a degree
    std::vector<std::int64_t> offsets_;
    LaneBuffer<T> buffer_;
    Mask* masks_;
};

// Factors of degrees, one for each number of rows of densities.
template <typename T>
class DegreeFactors {
    using Integer = decltype((Lanes<T>{} < Lanes<T>{})[0] + 0);

public:
    DegreeFactors(std::int64_t n_rows, int l_max) {
        for (std::int64_t f = 0; f < n_rows * (l_max + 1); ++f) {
            degrees_.insert(degrees_.end(), 2 * (f % (l_max + 1)) + 1, static_cast<Integer>(f));
        }
        degrees_.insert(degrees_.end(), LanesOf<T>::width, degrees_.back()); // of gaps between sites
    }
    // For the v-th register of numbers; factors[row (l_max+1) + l] with a register of anything behind them.
    template <int bytes>
    [[nodiscard]] GNNCV_INLINE Lanes<T, bytes> in_register(const T* factors, std::int64_t v) const {
        const Integer* const degrees = degrees_.data() + v * LanesOf<T, bytes>::width;
        decltype(Lanes<T, bytes>{} < Lanes<T, bytes>{}) lanes;
        std::memcpy(&lanes, degrees, sizeof lanes);
        return __builtin_shuffle(load_lanes<T, bytes>(factors + degrees[0]), lanes - degrees[0]);
    }

private:
    std::vector<Integer> degrees_; // row (l_max+1) + l of each number
};

} // namespace gnncv::kernels
