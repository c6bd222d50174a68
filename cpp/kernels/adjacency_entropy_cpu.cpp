// One center at a time, its pairs by as many as there are lanes: products channel by channel, entropies side
// by side.
#include "kernels/adjacency_entropy.h"

#include "kernels/lane_sums.h"
#include "kernels/lanes_exp.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

// log(1 + e) = 2 artanh(e / (2 + e)) for 0 <= e <= 1, by its series (Abramowitz and Stegun 4.6.22), whose
// terms fall at least ninefold.
template <typename T>
GNNCV_INLINE Lanes<T> lanes_log1p(const Lanes<T>& e) {
    constexpr int n_terms = sizeof(T) == 4 ? 8 : 17;
    const Lanes<T> s = e / (e + T(2)), square = s * s;
    Lanes<T> sum{};
    for (int k = n_terms - 1; k >= 0; --k) {
        sum = sum * square + T(2) / static_cast<T>(2 * k + 1);
    }
    return s * sum;
}

// Inner products of a row with n others, 1 to as many as lanes; the rest of the result is of no use.
template <typename T>
GNNCV_INLINE Lanes<T> products(const T* own, const T* features, const std::int32_t* others, int n,
                               std::int64_t n_channels) {
    constexpr int width = LanesOf<T>::width;
    alignas(64) T registers[(width + HalfLanesOf<T>::width) * width];
    alignas(64) T tails[width] = {}, sums[width] = {};
    for (int b = 0; b < n; ++b) {
        const T* other = features + others[b] * n_channels;
        Lanes<T> sum{};
        std::int64_t c = 0;
        for (; c + width <= n_channels; c += width) {
            sum += load_lanes<T>(own + c) * load_lanes<T>(other + c);
        }
        store_lanes<T>(registers + b * width, sum);
        for (; c < n_channels; ++c) {
            tails[b] += own[c] * other[c];
        }
    }
    sum_lanes_of_rows<T>(registers, n, sums);
    return load_lanes<T>(sums) + load_lanes<T>(tails);
}

template <typename T>
GNNCV_INLINE void add_rows(const T* features, const std::int32_t* others, const T* weights, int n,
                           std::int64_t n_channels, T* sum) {
    constexpr int width = LanesOf<T>::width;
    std::int64_t c = 0;
    for (; c + width <= n_channels; c += width) {
        Lanes<T> total = load_lanes<T>(sum + c);
        for (int b = 0; b < n; ++b) {
            total += weights[b] * load_lanes<T>(features + others[b] * n_channels + c);
        }
        store_lanes<T>(sum + c, total);
    }
    for (; c < n_channels; ++c) {
        for (int b = 0; b < n; ++b) {
            sum[c] += weights[b] * features[others[b] * n_channels + c];
        }
    }
}

template <typename T>
GNNCV_INLINE double entropy_body(const T* features, const T* joined, const PairRows& pairs,
                                 std::int64_t n_channels, T* gradient) {
    constexpr int width = LanesOf<T>::width;
    double total = 0.0;
    for (std::int64_t i = pairs.first_center; i < pairs.n_centers; ++i) {
        T* const own_gradient = gradient == nullptr ? nullptr : gradient + i * n_channels;
        if (gradient != nullptr) {
            std::fill(own_gradient, own_gradient + n_channels, T(0));
        }
        for (std::int64_t p = pairs.row_ptr[i]; p < pairs.row_ptr[i + 1]; p += width) {
            const int n = static_cast<int>(std::min<std::int64_t>(width, pairs.row_ptr[i + 1] - p));
            alignas(64) T targets[width] = {}, weights[width], terms[width];
            std::copy(joined + p, joined + p + n, targets);
            const Lanes<T> t = load_lanes<T>(targets), zero{};
            const Lanes<T> z =
                products(features + i * n_channels, features, pairs.neighbor + p, n, n_channels);
            const Lanes<T> e = lanes_exp<T>(z > zero ? -z : z);
            const Lanes<T> inverse = T(1) / (e + T(1));
            store_lanes<T>(weights, T(2) * ((z > zero ? inverse : e * inverse) - t));
            store_lanes<T>(terms, (z > zero ? z : zero) - z * t + lanes_log1p<T>(e));
            for (int b = 0; b < n; ++b) {
                total += terms[b];
            }
            if (gradient != nullptr) {
                add_rows(features, pairs.neighbor + p, weights, n, n_channels, own_gradient);
            }
        }
    }
    return total;
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION double adjacency_entropy_kernel(                                                      \
        const T* features, const T* joined, const PairRows& pairs, std::int64_t n_channels, T* gradient) {   \
        return entropy_body<T>(features, joined, pairs, n_channels, gradient);                               \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
