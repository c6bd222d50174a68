// One center at a time: first what depends on its bonds' distances and logits, for all of them side by side,
// then the channels.
#include "kernels/table_attention.h"

#include "kernels/lanes_exp.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

namespace gnncv::kernels {
namespace {

// What one center's bonds need, kept from center to center.
template <typename T>
struct BondScratch {
    std::vector<T> table, slopes; // (n_bonds, n_table)
    std::vector<T> exponentials;  // (n_bonds, n_heads) and the rest of a register
    std::vector<T> damping;       // 1 - tanh^2

    // With the center receiving (forward) or sending (backward).
    GNNCV_INLINE void fill(const TableAttentionInput<T>& input, std::int64_t center, bool with_slopes) {
        const std::int64_t first = input.pairs.row_ptr[center], n = input.pairs.row_ptr[center + 1] - first;
        const std::int64_t n_table = input.table.n_channels, n_heads = input.n_heads;
        constexpr int width = LanesOf<T>::width;
        table.resize(n * n_table);
        slopes.resize(with_slopes ? n * n_table : 0);
        exponentials.resize(n * n_heads + width);
        damping.resize(n * n_heads + width);
        for (std::int64_t b = 0; b < n; ++b) {
            const TablePlace<T> place(input.table, input.distances[first + b]);
            T* values = table.data() + b * n_table;
            if (with_slopes) {
                table_values_and_slopes(input.table, place, values, slopes.data() + b * n_table);
            } else {
                table_values(input.table, place, values);
            }
            const std::int64_t other = input.pairs.neighbor[first + b];
            const T* receiver = input.receiver + (with_slopes ? other : center) * n_heads;
            const T* sender = input.sender + (with_slopes ? center : other) * n_heads;
            for (std::int64_t h = 0; h < n_heads; ++h) {
                exponentials[b * n_heads + h] = receiver[h] + sender[h] + values[input.n_channels + h];
            }
        }
        squash(static_cast<T>(input.bound), n * n_heads);
    }

private:
    // From logits to exp(b tanh(logit / b)) and 1 - tanh^2.
    GNNCV_INLINE void squash(T bound, std::int64_t n) {
        for (std::int64_t k = 0; k < n; k += LanesOf<T>::width) {
            T* at = exponentials.data() + k;
            const Lanes<T> twice = lanes_exp<T>(load_lanes<T>(at) * (T(2) / bound));
            const Lanes<T> squashed = (twice - T(1)) / (twice + T(1));
            store_lanes<T>(at, lanes_exp<T>(bound * squashed));
            store_lanes<T>(damping.data() + k, T(1) - squashed * squashed);
        }
    }
};

// W: channels of a head if they are known to the compiler, else 0.
template <int W, typename T>
GNNCV_INLINE void forward_body(const TableAttentionInput<T>& input, T* messages, T* denominators) {
    const std::int64_t n_heads = input.n_heads, n_channels = input.n_channels;
    const std::int64_t width = W > 0 ? W : n_channels / n_heads;
    BondScratch<T> bonds;
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        T* __restrict__ message = messages + i * n_channels;
        T* __restrict__ denominator = denominators + i * n_heads;
        std::fill(message, message + n_channels, T(0));
        std::fill(denominator, denominator + n_heads, static_cast<T>(input.lone));
        bonds.fill(input, i, false);
        const std::int64_t first = input.pairs.row_ptr[i], n = input.pairs.row_ptr[i + 1] - first;
        for (std::int64_t b = 0; b < n; ++b) {
            const T* __restrict__ filter = bonds.table.data() + b * input.table.n_channels;
            const T* __restrict__ value = input.value + input.pairs.neighbor[first + b] * n_channels;
            const T s = filter[n_channels + n_heads];
            for (std::int64_t h = 0; h < n_heads; ++h) {
                const T weight = s * bonds.exponentials[b * n_heads + h];
                denominator[h] += weight;
                for (std::int64_t c = h * width; c < (h + 1) * width; ++c) {
                    message[c] += weight * filter[c] * value[c];
                }
            }
        }
        for (std::int64_t h = 0; h < n_heads; ++h) {
            const T inverse = denominator[h] > T(0) ? T(1) / denominator[h] : T(0);
            for (std::int64_t c = h * width; c < (h + 1) * width; ++c) {
                message[c] *= inverse;
            }
        }
    }
}

// The channels of one head of one bond: value_gradient += weight F G, and the sums of F V G and of F' V G.
template <typename T>
struct HeadSums {
    T filter, slope;
};
template <int W, typename T>
GNNCV_INLINE HeadSums<T> head_sums(const T* filter, const T* slope, const T* value, const T* message_gradient,
                                   T weight, std::int64_t width, T* value_gradient) {
    if constexpr (W > 0 && W % LanesOf<T>::width == 0) {
        Lanes<T> with_filter{}, with_slope{};
        for (int c = 0; c < W; c += LanesOf<T>::width) {
            const Lanes<T> f = load_lanes<T>(filter + c), g = load_lanes<T>(message_gradient + c);
            const Lanes<T> product = load_lanes<T>(value + c) * g;
            store_lanes<T>(value_gradient + c, load_lanes<T>(value_gradient + c) + weight * f * g);
            with_filter += f * product;
            with_slope += load_lanes<T>(slope + c) * product;
        }
        return {sum_lanes<T>(with_filter), sum_lanes<T>(with_slope)};
    } else {
        HeadSums<T> sums{0, 0};
        for (std::int64_t c = 0; c < width; ++c) {
            const T product = value[c] * message_gradient[c];
            value_gradient[c] += weight * filter[c] * message_gradient[c];
            sums.filter += filter[c] * product;
            sums.slope += slope[c] * product;
        }
        return sums;
    }
}

// At center j, over its neighbors i, for the bond i -> j with G the gradient of the messages:
//   g_h = sum_c F V[j] G[i],  g0_h = sum_c messages[i] G[i],  dl = a (g - g0),  ds = exp(l)/denominator (g -
//   g0)
template <int W, typename T>
GNNCV_INLINE void backward_body(const TableAttentionInput<T>& input, const TableAttentionOutput<T>& output,
                                const TableAttentionGradients<T>& gradients) {
    const std::int64_t n_heads = input.n_heads, n_channels = input.n_channels;
    const std::int64_t width = W > 0 ? W : n_channels / n_heads;
    const std::int64_t n_table = input.table.n_channels;
    BondScratch<T> bonds;
    for (std::int64_t j = input.pairs.first_center; j < input.pairs.n_centers; ++j) {
        const T* value = input.value + j * n_channels;
        T* value_gradient = gradients.value + j * n_channels;
        std::fill(value_gradient, value_gradient + n_channels, T(0));
        std::fill(gradients.sender + j * n_heads, gradients.sender + (j + 1) * n_heads, T(0));
        bonds.fill(input, j, true);
        const std::int64_t first = input.pairs.row_ptr[j], n = input.pairs.row_ptr[j + 1] - first;
        for (std::int64_t b = 0; b < n; ++b) {
            const std::int64_t i = input.pairs.neighbor[first + b];
            const T* filter = bonds.table.data() + b * n_table;
            const T* slope = bonds.slopes.data() + b * n_table;
            const T* message_gradient = output.messages_gradient + i * n_channels;
            const T s = filter[n_channels + n_heads], s_slope = slope[n_channels + n_heads];
            T stretch = 0;
            for (std::int64_t h = 0; h < n_heads; ++h) {
                const T denominator = output.denominators[i * n_heads + h];
                const T raw = denominator > T(0) ? bonds.exponentials[b * n_heads + h] / denominator : T(0);
                const T weight = s * raw;
                const std::int64_t c = h * width;
                const HeadSums<T> sums =
                    head_sums<W, T>(filter + c, slope + c, value + c, message_gradient + c, weight, width,
                                    value_gradient + c);
                const T away = sums.filter - output.mean_gradient[i * n_heads + h];
                const T logit_gradient = weight * away * bonds.damping[b * n_heads + h];
                gradients.receiver[i * n_heads + h] += logit_gradient;
                gradients.sender[j * n_heads + h] += logit_gradient;
                stretch +=
                    weight * sums.slope + logit_gradient * slope[n_channels + h] + raw * away * s_slope;
            }
            gradients.distances[first + b] = stretch;
        }
    }
}

#define GNNCV_INSTANCE(W, T)                                                                                 \
    GNNCV_MULTIVERSION void forward_instance(                                                                \
        std::integral_constant<int, W>, const TableAttentionInput<T>& input, T* messages, T* denominators) { \
        forward_body<W, T>(input, messages, denominators);                                                   \
    }                                                                                                        \
    GNNCV_MULTIVERSION void backward_instance(                                                               \
        std::integral_constant<int, W>, const TableAttentionInput<T>& input,                                 \
        const TableAttentionOutput<T>& output, const TableAttentionGradients<T>& gradients) {                \
        backward_body<W, T>(input, output, gradients);                                                       \
    }
GNNCV_INSTANCE(0, float)
GNNCV_INSTANCE(0, double)
GNNCV_INSTANCE(8, float)
GNNCV_INSTANCE(8, double)
GNNCV_INSTANCE(16, float)
GNNCV_INSTANCE(16, double)
#undef GNNCV_INSTANCE

template <typename F>
void with_width(std::int64_t width, const F& f) {
    switch (width) {
    case 8:
        return f(std::integral_constant<int, 8>{});
    case 16:
        return f(std::integral_constant<int, 16>{});
    default:
        return f(std::integral_constant<int, 0>{});
    }
}

} // namespace

template <typename T>
void table_attention_mean_kernel(const TableAttentionInput<T>& input, const T* messages,
                                 const T* messages_gradient, T* mean_gradient) {
    const std::int64_t width = input.n_channels / input.n_heads;
    for (std::int64_t row = 0; row < input.pairs.n_centers * input.n_heads; ++row) {
        T sum = 0;
        for (std::int64_t c = row * width; c < (row + 1) * width; ++c) {
            sum += messages[c] * messages_gradient[c];
        }
        mean_gradient[row] = sum;
    }
}

template <typename T>
void table_attention_kernel(const TableAttentionInput<T>& input, T* messages, T* denominators) {
    with_width(input.n_channels / input.n_heads,
               [&](auto width) { forward_instance(width, input, messages, denominators); });
}

template <typename T>
void table_attention_backward_kernel(const TableAttentionInput<T>& input,
                                     const TableAttentionOutput<T>& output,
                                     const TableAttentionGradients<T>& gradients) {
    with_width(input.n_channels / input.n_heads,
               [&](auto width) { backward_instance(width, input, output, gradients); });
}

template void table_attention_mean_kernel(const TableAttentionInput<float>&, const float*, const float*,
                                          float*);
template void table_attention_mean_kernel(const TableAttentionInput<double>&, const double*, const double*,
                                          double*);
template void table_attention_kernel(const TableAttentionInput<float>&, float*, float*);
template void table_attention_kernel(const TableAttentionInput<double>&, double*, double*);
template void table_attention_backward_kernel(const TableAttentionInput<float>&,
                                              const TableAttentionOutput<float>&,
                                              const TableAttentionGradients<float>&);
template void table_attention_backward_kernel(const TableAttentionInput<double>&,
                                              const TableAttentionOutput<double>&,
                                              const TableAttentionGradients<double>&);

} // namespace gnncv::kernels
