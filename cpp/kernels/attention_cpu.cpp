// One center at a time; the weights of its pairs are recomputed in the backward pass rather than kept.
#include "kernels/attention.h"

#include "kernels/lanes.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace gnncv::kernels {
namespace {

// raw[p,h] = exp(logit) / denominator for the pairs of one center: the attention weight without its switching
// factor.
template <typename T>
GNNCV_INLINE void attention_weights(const AttentionInput<T>& input, std::int64_t first, std::int64_t last,
                                    T* raw) {
    const std::int64_t n_heads = input.n_heads;
    for (std::int64_t h = 0; h < n_heads; ++h) {
        const T* logits = input.logits + first * n_heads + h;
        T largest = input.lone > 0 ? T(0) : logits[0];
        for (std::int64_t p = 0; p < last - first; ++p) {
            largest = std::max(largest, logits[p * n_heads]);
        }
        T denominator = static_cast<T>(input.lone) * std::exp(-largest);
        if (!(input.lone > 0)) {
            denominator = T(0);
        }
        for (std::int64_t p = 0; p < last - first; ++p) {
            const T e = std::exp(logits[p * n_heads] - largest);
            raw[p * n_heads + h] = e;
            denominator += input.switching[first + p] * e;
        }
        const T inverse =
            denominator > T(0) ? T(1) / denominator : (denominator == T(0) ? T(0) : denominator);
        for (std::int64_t p = 0; p < last - first; ++p) {
            raw[p * n_heads + h] *= inverse;
        }
    }
}

template <typename T>
GNNCV_INLINE void forward_body(const AttentionInput<T>& input, T* messages) {
    const std::int64_t n_heads = input.n_heads, n_channels = input.n_channels;
    const std::int64_t width = n_heads > 0 ? n_channels / n_heads : 0;
    std::vector<T> raw;
    std::fill(messages, messages + input.pairs.n_centers * n_channels, T(0));
    for (std::int64_t i = 0; i < input.pairs.n_centers; ++i) {
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        if (first == last) {
            continue;
        }
        raw.resize((last - first) * n_heads);
        attention_weights<T>(input, first, last, raw.data());
        T* __restrict__ message = messages + i * n_channels;
        for (std::int64_t p = first; p < last; ++p) {
            const T* filter = input.filters + p * n_channels;
            const T* feature = input.features + input.pairs.neighbor[p] * n_channels;
            for (std::int64_t h = 0; h < n_heads; ++h) {
                const T weight = input.switching[p] * raw[(p - first) * n_heads + h];
                for (std::int64_t c = h * width; c < (h + 1) * width; ++c) {
                    message[c] += weight * filter[c] * feature[c];
                }
            }
        }
    }
}

// With g[p,h] = d/d a[p,h] and g0_h = sum_p a[p,h] g[p,h]: the logit's gradient is a (g - g0), the
// switching's sum_h raw (g - g0).
template <typename T>
GNNCV_INLINE void backward_body(const AttentionInput<T>& input, const T* messages_gradient,
                                const AttentionGradients<T>& gradients) {
    const std::int64_t n_heads = input.n_heads, n_channels = input.n_channels;
    const std::int64_t width = n_heads > 0 ? n_channels / n_heads : 0;
    std::vector<T> raw, mean(n_heads);
    std::fill(gradients.features, gradients.features + input.pairs.n_centers * n_channels, T(0));
    for (std::int64_t i = 0; i < input.pairs.n_centers; ++i) {
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        if (first == last) {
            continue;
        }
        raw.resize((last - first) * n_heads);
        attention_weights<T>(input, first, last, raw.data());
        std::fill(mean.begin(), mean.end(), T(0));
        const T* message = messages_gradient + i * n_channels;
        for (std::int64_t p = first; p < last; ++p) {
            const T* filter = input.filters + p * n_channels;
            const T* feature = input.features + input.pairs.neighbor[p] * n_channels;
            T* __restrict__ filter_gradient = gradients.filters + p * n_channels;
            T* __restrict__ feature_gradient = gradients.features + input.pairs.neighbor[p] * n_channels;
            for (std::int64_t h = 0; h < n_heads; ++h) {
                const T weight = input.switching[p] * raw[(p - first) * n_heads + h];
                T sum = 0;
                for (std::int64_t c = h * width; c < (h + 1) * width; ++c) {
                    const T value = feature[c] * message[c];
                    sum += filter[c] * value;
                    filter_gradient[c] = weight * value;
                    feature_gradient[c] += weight * filter[c] * message[c];
                }
                gradients.logits[p * n_heads + h] = sum; // g, completed below
                mean[h] += weight * sum;
            }
        }
        for (std::int64_t p = first; p < last; ++p) {
            T sum = 0;
            for (std::int64_t h = 0; h < n_heads; ++h) {
                const T slope =
                    raw[(p - first) * n_heads + h] * (gradients.logits[p * n_heads + h] - mean[h]);
                gradients.logits[p * n_heads + h] = input.switching[p] * slope;
                sum += slope;
            }
            gradients.switching[p] = sum;
        }
    }
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void attention_kernel(const AttentionInput<T>& input, T* messages) {                  \
        forward_body<T>(input, messages);                                                                    \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void attention_backward_kernel(const AttentionInput<T>& input,                        \
                                                      const T* messages_gradient,                            \
                                                      const AttentionGradients<T>& gradients) {              \
        backward_body<T>(input, messages_gradient, gradients);                                               \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
