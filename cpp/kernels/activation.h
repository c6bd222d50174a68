// The smooth non-linearities, each with its derivative:
//   silu(x) = x g(x), g(x) = 1 / (1 + e^-x);  softplus(x) = log(1 + e^x), x itself above 20 as PyTorch has
//   it;  tanh(x)
#pragma once

#include "kernels/lanes_exp.h"
#include "kernels/lanes_log.h"

namespace gnncv::kernels {

enum class Activation : int { silu, softplus, tanh };
inline constexpr int n_activations = 3;

template <typename V>
struct Activated {
    V value, slope;
};

// V: lanes of T of any width.
template <Activation kind, typename T, typename V>
GNNCV_INLINE Activated<V> activated(const V& x) {
    const V zero{};
    if constexpr (kind == Activation::silu) {
        const V gate = T(1) / (T(1) + lanes_exp<T>(-x)), value = x * gate;
        return {value, gate + value * (T(1) - gate)};
    } else if constexpr (kind == Activation::softplus) {
        const V limit = zero + T(20), one = zero + T(1);
        const V e = lanes_exp<T>(x < zero ? x : -x), inverse = one / (one + e);
        const V value = (x < zero ? zero : x) + lanes_log1p<T>(e);
        const V gate = x > zero ? inverse : e * inverse;
        return {x > limit ? x : value, x > limit ? one : gate};
    } else {
        const V value = T(1) - T(2) / (T(1) + lanes_exp<T>(x + x));
        return {value, T(1) - value * value};
    }
}

} // namespace gnncv::kernels
