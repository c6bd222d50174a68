// The channels of a radial table for one register of distances. A polynomial of degree five is even terms
// plus t times odd ones,
//   p = E + t O,   E = a0 + t^2 (a2 + t^2 a4),   O = a1 + t^2 (a3 + t^2 a5),
//   p' = O + 2 t (E' + t O'),   E' = a2 + 2 t^2 a4,   O' = a3 + 2 t^2 a5,
// so a bond's E and O of half a register of channels are computed side by side. Then the registers of as many
// bonds as there are lanes are turned, so that each channel is a register of bonds.
#pragma once

#include "kernels/radial_table.h"
#include "kernels/register_shuffles.h"

#include <algorithm>
#include <cstdint>

namespace gnncv::kernels {

template <typename T, int bytes>
class TableRegisters {
    using Register = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width, half = width / 2;
    static constexpr int group = width * table_terms / 2; // numbers of half a register of channels
    using Integers __attribute__((vector_size(width * sizeof(std::int32_t)))) = std::int32_t;

public:
    explicit TableRegisters(const RadialTable<T>& table)
        : n_channels_(static_cast<int>(table.n_channels)), stride_((n_channels_ + half - 1) / half * group),
          last_(static_cast<std::int32_t>(table.grid.n_intervals) - 1), grid_(table.grid) {
        const std::int64_t n = table.grid.n_intervals * stride_, lanes = LanesOf<T>::width;
        T* const terms = reinterpret_cast<T*>(buffer_.reserve((n + lanes - 1) / lanes));
        std::fill_n(terms, n, T(0));
        const T* from = table.coefficients;
        for (T* interval = terms; interval < terms + n; interval += stride_) {
            for (int k = 0; k < table_terms; ++k) {
                for (int c = 0; c < n_channels_; ++c) {
                    interval[c / half * group + k * half + c % half] = *from++;
                }
            }
        }
        terms_ = terms;
    }

    // Where distances, with what they lose (length_rest.h), lie: the offsets of their intervals in bytes,
    // their places within, and the squares of these.
    GNNCV_INLINE void place(const Register& distances, const Register& rests, std::int32_t* offsets,
                            T* places, T* squares) const {
        Integers interval = __builtin_convertvector(distances * grid_.inverse_step, Integers);
        interval = interval < 0 ? Integers{} : interval; // of what is no number
        interval = interval > last_ ? Integers{} + last_ : interval;
        const Register t = grid_.place(distances, __builtin_convertvector(interval, Register), rests);
        store_lanes<T>(places, t);
        store_lanes<T>(squares, t * t);
        interval *= stride_ * static_cast<std::int32_t>(sizeof(T));
        std::memcpy(offsets, &interval, sizeof interval);
    }

    // Values of all channels there and, if wanted, their slopes.
    template <bool with_slopes>
    GNNCV_INLINE void evaluate(const std::int32_t* offsets, const T* places, const T* squares,
                               Register* values, Register* slopes) const {
        const Register t = load_lanes<T, bytes>(places), twice = T(2) * t;
        const char* terms = reinterpret_cast<const char*>(terms_);
        for (int first = 0; first < n_channels_; first += half, terms += group * sizeof(T)) {
            GNNCV_OPAQUE(terms); // or gcc keeps the addresses of all bonds
            Register terms_of[width], slopes_of[with_slopes ? width : 1];
#pragma GCC unroll 16
            for (int w = 0; w < width; ++w) {
                const T* const a = reinterpret_cast<const T*>(terms + offsets[w]);
                const Register last = load_lanes<T, bytes>(a + 2 * width);
                const Register inner = load_lanes<T, bytes>(a + width) + squares[w] * last;
                terms_of[w] = load_lanes<T, bytes>(a) + squares[w] * inner;
                if constexpr (with_slopes) {
                    slopes_of[w] = inner + squares[w] * last;
                }
            }
            GNNCV_IN_MEMORY(slopes_of);
            transpose_registers(terms_of);
            const int n = std::min(half, n_channels_ - first);
#pragma GCC unroll 8
            for (int c = 0; c < half; ++c) {
                if (c < n) {
                    values[first + c] = terms_of[c] + t * terms_of[half + c];
                    if constexpr (with_slopes) {
                        slopes[first + c] = terms_of[half + c];
                    }
                }
            }
            if constexpr (with_slopes) {
                transpose_registers(slopes_of);
#pragma GCC unroll 8
                for (int c = 0; c < half; ++c) {
                    if (c < n) {
                        const Register inner = slopes_of[c] + t * slopes_of[half + c];
                        slopes[first + c] = grid_.inverse_step * (slopes[first + c] + twice * inner);
                    }
                }
            }
        }
    }

private:
    int n_channels_;
    std::int32_t stride_; // from an interval to the next
    std::int32_t last_;
    TableGrid<T> grid_;
    LaneBuffer<T> buffer_;
    const T* terms_; // of each interval, for half a register of channels: a0 and a1, a2 and a3, a4 and a5
};

} // namespace gnncv::kernels
