// A multilayer perceptron of as many sites as a register holds, side by side in it: for narrow layers, of
// which nothing is padded. Weights are read as they are, (n_out, n_in), then biases. For the *_cpu.cpp beside
// it.
#pragma once

#include "kernels/activation.h"

#include <cstdint>
#include <span>
#include <utility>

namespace gnncv::kernels {

// y[o] = biases[o] + sum_c weights[o, c] x[c] of `count` outputs, side by side so that they do not wait for
// one another.
template <int count, typename T, typename V>
GNNCV_INLINE void lanes_products(const T* weights, const T* biases, std::int64_t n_in, const V* x, V* y) {
    V sums[count];
    for (int o = 0; o < count; ++o) {
        sums[o] = V{} + biases[o];
    }
    for (std::int64_t c = 0; c < n_in; ++c) {
        const V number = x[c];
        for (int o = 0; o < count; ++o) {
            sums[o] += weights[o * n_in + c] * number;
        }
    }
    for (int o = 0; o < count; ++o) {
        y[o] = sums[o];
    }
}

template <Activation kind, typename T, typename V>
GNNCV_INLINE void lanes_activate_all(V* x, std::int64_t n) {
    for (std::int64_t c = 0; c < n; ++c) {
        x[c] = activated<kind, T>(x[c]).value;
    }
}

template <typename T, typename V>
GNNCV_INLINE void lanes_activate(Activation kind, V* x, std::int64_t n) {
    switch (kind) {
    case Activation::silu:
        return lanes_activate_all<Activation::silu, T>(x, n);
    case Activation::softplus:
        return lanes_activate_all<Activation::softplus, T>(x, n);
    case Activation::tanh:
        return lanes_activate_all<Activation::tanh, T>(x, n);
    }
}

// Linear layers with the activation between them.
template <typename T>
struct PlainNetwork {
    const T* parameters;
    std::span<const std::int64_t> widths; // of the inputs and of each layer; empty for none
    Activation activation;

    [[nodiscard]] std::int64_t n_outputs() const { return widths.empty() ? 0 : widths.back(); }
};

// The outputs, in one of two scratch arrays of as many registers as the widest layer.
template <typename T, typename V>
GNNCV_INLINE const V* lanes_network(const PlainNetwork<T>& network, const V* x, V* scratch, V* other) {
    const T* weights = network.parameters;
    for (std::size_t l = 0; l + 1 < network.widths.size(); ++l) {
        const std::int64_t n_in = network.widths[l], n_out = network.widths[l + 1];
        const T* const biases = weights + n_in * n_out;
        if (l > 0) {
            lanes_activate<T>(network.activation, other, n_in);
        }
        std::int64_t o = 0;
        for (; o + 8 <= n_out; o += 8) {
            lanes_products<8>(weights + o * n_in, biases + o, n_in, x, scratch + o);
        }
        for (; o + 4 <= n_out; o += 4) {
            lanes_products<4>(weights + o * n_in, biases + o, n_in, x, scratch + o);
        }
        for (; o < n_out; ++o) {
            lanes_products<1>(weights + o * n_in, biases + o, n_in, x, scratch + o);
        }
        weights = biases + n_out;
        x = scratch;
        std::swap(scratch, other);
    }
    return x;
}

} // namespace gnncv::kernels
