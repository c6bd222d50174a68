// The exponential function of several numbers side by side.
//
// exp(x) = 2^n exp(r) with n = round(x / ln 2) and |r| <= ln 2 / 2, exp(r) by its Taylor series to the last
// bit of the type (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, ch. 6).
#pragma once

#include "kernels/lanes.h"

#include <cstdint>
#include <cstring>

namespace gnncv::kernels {

template <typename T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
    using Int = std::int32_t;
    static constexpr float largest = 88.0F, round = 12582912.0F; // 1.5 * 2^23
    static constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
    static constexpr int mantissa_bits = 23, exponent_bias = 127, n_terms = 8;
};
template <>
struct ExpConstants<double> {
    using Int = std::int64_t;
    static constexpr double largest = 708.0, round = 6755399441055744.0; // 1.5 * 2^52
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
    static constexpr int mantissa_bits = 52, exponent_bias = 1023, n_terms = 14;
};

// Beyond +-largest the argument is clipped.
template <typename T>
GNNCV_INLINE Lanes<T> lanes_exp(Lanes<T> x) {
    using C = ExpConstants<T>;
    using Ints __attribute__((vector_size(64))) = typename C::Int;
    const Lanes<T> largest = Lanes<T>{} + C::largest;
    x = x < largest ? x : largest;
    x = x > -largest ? x : -largest;
    const Lanes<T> shifted = x * static_cast<T>(1.44269504088896340736) + C::round;
    const Lanes<T> n = shifted - C::round;
    const Lanes<T> r = (x - n * C::ln2_high) - n * C::ln2_low;
    Lanes<T> sum = Lanes<T>{} + T(1);
    for (int k = C::n_terms - 1; k >= 1; --k) {
        sum = T(1) + r * sum * (T(1) / static_cast<T>(k));
    }
    Ints bits;
    std::memcpy(&bits, &shifted, sizeof bits); // n is in the low bits of the shifted number
    const Lanes<T> round = Lanes<T>{} + C::round;
    Ints zero;
    std::memcpy(&zero, &round, sizeof zero);
    const Ints exponent = (bits - zero + C::exponent_bias) << C::mantissa_bits;
    Lanes<T> scale;
    std::memcpy(&scale, &exponent, sizeof scale);
    return sum * scale;
}

} // namespace gnncv::kernels
