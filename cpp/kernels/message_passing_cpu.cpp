// One center at a time, its pairs in order, channels side by side.
#include "kernels/message_passing.h"

#include "kernels/lanes.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

template <typename T>
GNNCV_INLINE void sum_body(const T* values, const PairRows& pairs, std::int64_t n_channels, T* sums) {
    std::fill(sums, sums + pairs.n_centers * n_channels, T(0));
    for (std::int64_t i = 0; i < pairs.n_centers; ++i) {
        T* __restrict__ sum = sums + i * n_channels;
        for (std::int64_t p = pairs.row_ptr[i]; p < pairs.row_ptr[i + 1]; ++p) {
            const T* value = values + p * n_channels;
            for (std::int64_t c = 0; c < n_channels; ++c) {
                sum[c] += value[c];
            }
        }
    }
}

template <typename T>
GNNCV_INLINE void message_body(const T* filters, std::int64_t n_filters, const T* features,
                               const PairRows& pairs, std::int64_t n_channels, T* messages) {
    std::fill(messages, messages + pairs.n_centers * n_channels, T(0));
    for (std::int64_t i = 0; i < pairs.n_centers; ++i) {
        T* __restrict__ message = messages + i * n_channels;
        for (std::int64_t p = pairs.row_ptr[i]; p < pairs.row_ptr[i + 1]; ++p) {
            const T* filter = filters + p * n_filters;
            const T* feature = features + pairs.neighbor[p] * n_channels;
            if (n_filters == 1) {
                const T weight = *filter;
                for (std::int64_t c = 0; c < n_channels; ++c) {
                    message[c] += weight * feature[c];
                }
            } else {
                for (std::int64_t c = 0; c < n_channels; ++c) {
                    message[c] += filter[c] * feature[c];
                }
            }
        }
    }
}

// One accumulator a lane, so that the sum vectorizes without reordering by the compiler.
template <typename T>
GNNCV_INLINE T dot(const T* a, const T* b, std::int64_t n) {
    constexpr int width = LanesOf<T>::width;
    Lanes<T> sum{};
    std::int64_t c = 0;
    for (; c + width <= n; c += width) {
        for (int w = 0; w < width; ++w) {
            sum[w] += a[c + w] * b[c + w];
        }
    }
    T total = sum_lanes<T>(sum);
    for (; c < n; ++c) {
        total += a[c] * b[c];
    }
    return total;
}

template <typename T>
GNNCV_INLINE void message_backward_body(const T* filters, std::int64_t n_filters, const T* features,
                                        const PairRows& pairs, std::int64_t n_channels,
                                        const T* messages_gradient, const MessageGradients<T>& gradients) {
    std::fill(gradients.features, gradients.features + pairs.n_centers * n_channels, T(0));
    for (std::int64_t i = 0; i < pairs.n_centers; ++i) {
        const T* message = messages_gradient + i * n_channels;
        for (std::int64_t p = pairs.row_ptr[i]; p < pairs.row_ptr[i + 1]; ++p) {
            const T* filter = filters + p * n_filters;
            const T* feature = features + pairs.neighbor[p] * n_channels;
            T* __restrict__ feature_gradient = gradients.features + pairs.neighbor[p] * n_channels;
            T* __restrict__ filter_gradient = gradients.filters + p * n_filters;
            if (n_filters == 1) {
                *filter_gradient = dot(message, feature, n_channels);
                const T weight = *filter;
                for (std::int64_t c = 0; c < n_channels; ++c) {
                    feature_gradient[c] += weight * message[c];
                }
            } else {
                for (std::int64_t c = 0; c < n_channels; ++c) {
                    filter_gradient[c] = message[c] * feature[c];
                    feature_gradient[c] += filter[c] * message[c];
                }
            }
        }
    }
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void segment_sum_kernel(const T* values, const PairRows& pairs,                       \
                                               std::int64_t n_channels, T* sums) {                           \
        sum_body<T>(values, pairs, n_channels, sums);                                                        \
    }                                                                                                        \
    template <>                                                                                              \
    void segment_sum_backward_kernel(const T* sums_gradient, const PairRows& pairs, std::int64_t n_channels, \
                                     T* values_gradient) {                                                   \
        for (std::int64_t i = 0; i < pairs.n_centers; ++i) {                                                 \
            for (std::int64_t p = pairs.row_ptr[i]; p < pairs.row_ptr[i + 1]; ++p) {                         \
                std::copy_n(sums_gradient + i * n_channels, n_channels, values_gradient + p * n_channels);   \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void message_passing_kernel(const T* filters, std::int64_t n_filters,                 \
                                                   const T* features, const PairRows& pairs,                 \
                                                   std::int64_t n_channels, T* messages) {                   \
        message_body<T>(filters, n_filters, features, pairs, n_channels, messages);                          \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void message_passing_backward_kernel(                                                 \
        const T* filters, std::int64_t n_filters, const T* features, const PairRows& pairs,                  \
        std::int64_t n_channels, const T* messages_gradient, const MessageGradients<T>& gradients) {         \
        message_backward_body<T>(filters, n_filters, features, pairs, n_channels, messages_gradient,         \
                                 gradients);                                                                 \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
