// Equally long intervals of distance from zero to a cutoff: in which one a distance lies, and where in it.
//
// The place is found in two steps that lose no digits of the distance: rounding the product of a distance and
// the inverse step would put it off by as many units of its last digit as there are intervals before it, and
// rounding the step all bonds of an interval the same way. Source: W. J. Cody and W. Waite, Software Manual
// for the Elementary Functions, 1980 (argument reduction).
#pragma once

#include "kernels/host_device.h"

#include <cmath>
#include <cstdint>

namespace gnncv::kernels {

template <typename T>
struct TableGrid {
    std::int64_t n_intervals;
    T inverse_step; // intervals per angstrom
    T step, rest;   // angstrom; their sum is the step, and multiples of the first are exact

    TableGrid(std::int64_t n, double cutoff)
        : n_intervals(n), inverse_step(static_cast<T>(static_cast<double>(n) / cutoff)) {
        const double exact = cutoff / static_cast<double>(n);
        int exponent = 0;
        std::frexp(exact, &exponent);
        step =
            static_cast<T>(std::ldexp(std::floor(std::ldexp(exact, digits - exponent)), exponent - digits));
        rest = static_cast<T>(exact - static_cast<double>(step));
    }

    // The place of distances, and what they lose, within their intervals, 0 to 1. V: T, or registers of them.
    template <typename V>
    GNNCV_INLINE V place(const V& distance, const V& interval, const V& lost = V{}) const {
        return ((distance - interval * step) - (interval * rest - lost)) * inverse_step;
    }

private:
    // Binary digits of `step`: those of T less those of an interval's number, up to 4096.
    static constexpr int digits = (sizeof(T) == 4 ? 24 : 53) - 12;
};

} // namespace gnncv::kernels
