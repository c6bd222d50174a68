// The exponential function of several numbers side by side.
//
// exp(x) = 2^n exp(r) with n = round(x / ln 2) and |r| <= ln 2 / 2, exp(r) by a polynomial to the last bit of
// the type (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, ch. 6).
#pragma once

#include "kernels/lanes.h"

#include <cstdint>
#include <cstring>

namespace gnncv::kernels {

// `terms` of exp(r), constant first: for float the polynomial of degree six whose largest relative error is
// smallest (3e-9, by Remez' exchange; the first two terms are one), for double Taylor's series.
template <typename T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
    using Int = std::int32_t;
    static constexpr float largest = 86.0F, round = 12582912.0F; // 1.5 * 2^23
    static constexpr float ln2_high = 0.693359375F, ln2_low = -2.12194440e-4F;
    static constexpr int mantissa_bits = 23;
    static constexpr float terms[] = {1.0F,        1.0F,         0.49999994F, 0.16666521F,
                                      0.04166839F, 0.008368745F, 0.001381454F};
};
template <>
struct ExpConstants<double> {
    using Int = std::int64_t;
    static constexpr double largest = 708.0, round = 6755399441055744.0; // 1.5 * 2^52
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
    static constexpr int mantissa_bits = 52;
    static constexpr double terms[] = {1.0,
                                       1.0,
                                       1.0 / 2,
                                       1.0 / 6,
                                       1.0 / 24,
                                       1.0 / 120,
                                       1.0 / 720,
                                       1.0 / 5040,
                                       1.0 / 40320,
                                       1.0 / 362880,
                                       1.0 / 3628800,
                                       1.0 / 39916800,
                                       1.0 / 479001600,
                                       1.0 / 6227020800};
};

// terms[0] + terms[1] x + ...; a long one as two in x^2, which do not wait for one another.
template <int n_terms, typename T, typename V>
GNNCV_INLINE V polynomial(const T (&terms)[n_terms], const V& x) {
    constexpr int last = n_terms - 1;
    if constexpr (n_terms < 8) {
        V sum = V{} + terms[last];
        for (int k = last - 1; k >= 0; --k) {
            sum = terms[k] + x * sum;
        }
        return sum;
    } else {
        const V square = x * x;
        V sum = V{} + terms[last], other = V{} + terms[last - 1];
        for (int k = last - 2; k > 0; k -= 2) {
            sum = terms[k] + square * sum;
            other = terms[k - 1] + square * other;
        }
        return n_terms % 2 ? terms[0] + (square * sum + x * other) : other + x * sum;
    }
}

// V: lanes of T of any width. Beyond +-largest the argument is clipped; what is not a number stays so.
template <typename T, typename V>
GNNCV_INLINE V lanes_exp(V x) {
    using C = ExpConstants<T>;
    using Ints __attribute__((vector_size(sizeof(V)))) = typename C::Int;
    const V largest = V{} + C::largest;
    x = x > largest ? largest : x;
    x = x < -largest ? -largest : x;
    const V shifted = x * static_cast<T>(1.44269504088896340736) + C::round;
    const V n = shifted - C::round;
    const V r = (x - n * C::ln2_high) - n * C::ln2_low;
    V sum = polynomial(C::terms, r);
    // n is in the low bits of the shifted number, the rest of which the shift to the exponent drops.
    Ints bits, result;
    std::memcpy(&bits, &shifted, sizeof bits);
    std::memcpy(&result, &sum, sizeof result);
    result += bits << C::mantissa_bits;
    std::memcpy(&sum, &result, sizeof sum);
    return sum;
}

// 2^f = 1 + f (terms[0] + terms[1] f + ...) for |f| <= 1/2: for float with the smallest largest relative
// error (3e-9), for double Taylor's series.
template <typename T>
inline constexpr T exp2_terms[] = {
    0.69314718055994530942,   0.24022650695910071233,    0.055504108664821579953,   0.009618129107628477162,
    0.0013333558146428443423, 0.00015403530393381609954, 0.00001525273380405984028, 1.3215486790144309488e-6,
    1.0178086009239699727e-7, 7.0549116208011233299e-9,  4.4455382718708114976e-10, 2.5678435993488205142e-11,
    1.3691488853904128881e-12};
template <>
inline constexpr float exp2_terms<float>[] = {0.69314724F,  0.24022652F,  0.055503104F,
                                              0.009617692F, 0.001340672F, 0.00015594884F};

// x[0] .. x[n-1] become 2^x, where that does not overflow; nothing is clipped. Step by step for all n
// registers: those of one wait for one another.
template <int n, typename T, int bytes = 64>
GNNCV_INLINE void lanes_exp2(Lanes<T, bytes>* x) {
    using C = ExpConstants<T>;
    using Ints __attribute__((vector_size(bytes))) = typename C::Int;
    constexpr const T* a = exp2_terms<T>;
    constexpr int n_terms = sizeof exp2_terms<T> / sizeof(T);
    Lanes<T, bytes> shifted[n], sum[n];
    for (int r = 0; r < n; ++r) {
        shifted[r] = x[r] + C::round;
    }
    for (int r = 0; r < n; ++r) {
        x[r] -= shifted[r] - C::round;
    }
    for (int r = 0; r < n; ++r) {
        sum[r] = Lanes<T, bytes>{} + a[n_terms - 1];
    }
    for (int k = n_terms - 2; k >= 0; --k) {
        for (int r = 0; r < n; ++r) {
            sum[r] = a[k] + x[r] * sum[r];
        }
    }
    for (int r = 0; r < n; ++r) {
        sum[r] = T(1) + x[r] * sum[r];
    }
    for (int r = 0; r < n; ++r) { // see lanes_exp
        Ints bits, result;
        std::memcpy(&bits, &shifted[r], sizeof bits);
        std::memcpy(&result, &sum[r], sizeof result);
        result += bits << C::mantissa_bits;
        std::memcpy(&x[r], &result, sizeof result);
    }
}

} // namespace gnncv::kernels
