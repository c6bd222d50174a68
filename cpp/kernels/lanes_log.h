// The logarithm of several numbers side by side; first log(1 + u) for 0 <= u <= 1:
//   log(1 + u) = 2 artanh(s), s = u / (2 + u), artanh(s) = s + s^3/3 + s^5/5 + ...     (Abramowitz &
//   Stegun 4.1.27)
// s is at most 1/3: the series is taken to the last bit of the type.
#pragma once

#include "kernels/lanes_exp.h"

namespace gnncv::kernels {

// 2 / (2 k + 1)
template <typename T>
inline constexpr T artanh_terms[] = {T(2),      T(2) / 3,  T(2) / 5,  T(2) / 7,  T(2) / 9,  T(2) / 11,
                                     T(2) / 13, T(2) / 15, T(2) / 17, T(2) / 19, T(2) / 21, T(2) / 23,
                                     T(2) / 25, T(2) / 27, T(2) / 29, T(2) / 31};
template <>
inline constexpr float artanh_terms<float>[] = {2.0F,        2.0F / 3.0F,  2.0F / 5.0F,  2.0F / 7.0F,
                                                2.0F / 9.0F, 2.0F / 11.0F, 2.0F / 13.0F, 2.0F / 15.0F};

// V: lanes of T of any width.
template <typename T, typename V>
GNNCV_INLINE V lanes_log1p(V u) {
    const V s = u / (T(2) + u);
    return s * polynomial(artanh_terms<T>, V(s * s));
}

// log(2^n m) = n log 2 + log(m) with 1 <= m < 2, for positive x that is not subnormal; x - x is for what is
// not a number.
template <typename T, typename V>
GNNCV_INLINE V lanes_log(V x) {
    using C = ExpConstants<T>;
    using Ints __attribute__((vector_size(sizeof(V)))) = typename C::Int;
    constexpr typename C::Int one = 1, mantissa = (one << C::mantissa_bits) - 1;
    constexpr typename C::Int bias = sizeof(T) == sizeof(float) ? 127 : 1023;
    Ints bits;
    std::memcpy(&bits, &x, sizeof bits);
    const Ints exponent = (bits >> C::mantissa_bits) - bias;
    const Ints significand = (bits & mantissa) | (one * bias << C::mantissa_bits);
    V m;
    std::memcpy(&m, &significand, sizeof m);
    return __builtin_convertvector(exponent, V) * static_cast<T>(0.69314718055994530942) +
           lanes_log1p<T>(m - T(1)) + (x - x);
}

} // namespace gnncv::kernels
