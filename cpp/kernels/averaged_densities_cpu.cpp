// One center at a time; its neighbors' rows pass through registers, a few channels at once.
#include "kernels/averaged_densities.h"

#include <algorithm>
#include <vector>

namespace gnncv::kernels {
namespace {

// The switching function and its slope, the table's last channel.
template <typename T>
GNNCV_INLINE void switching(const RadialTable<T>& table, T distance, T& value, T& slope) {
    const TablePlace<T> place(table, distance);
    const std::int64_t n = table.n_channels;
    const T* a = place.coefficients + n - 1;
    const T t = place.t;
    value = a[0] + t * (a[n] + t * (a[2 * n] + t * (a[3 * n] + t * (a[4 * n] + t * a[5 * n]))));
    slope = table.inverse_step *
            (a[n] +
             t * (T(2) * a[2 * n] + t * (T(3) * a[3 * n] + t * (T(4) * a[4 * n] + t * (T(5) * a[5 * n])))));
}

constexpr int chunk = 8; // registers of channels that are summed at once

// sum[c] += sum_p weights[p] rows[neighbor[p]][c] for chunk registers of channels.
template <typename T>
GNNCV_INLINE void gather_chunk(const T* rows, std::int64_t stride, const std::int32_t* neighbor,
                               const T* weights, std::int64_t n_pairs, T* sum) {
    constexpr int width = LanesOf<T>::width;
    Lanes<T> total[chunk];
    for (int v = 0; v < chunk; ++v) {
        total[v] = load_lanes<T>(sum + v * width);
    }
    for (std::int64_t p = 0; p < n_pairs; ++p) {
        const T* row = rows + neighbor[p] * stride;
        const T weight = weights[p];
        for (int v = 0; v < chunk; ++v) {
            total[v] += weight * load_lanes<T>(row + v * width);
        }
    }
    for (int v = 0; v < chunk; ++v) {
        store_lanes<T>(sum + v * width, total[v]);
    }
}

template <typename T>
GNNCV_INLINE void gather(const T* rows, std::int64_t n_channels, const std::int32_t* neighbor,
                         const T* weights, std::int64_t n_pairs, T* __restrict__ sum) {
    constexpr std::int64_t step = chunk * LanesOf<T>::width;
    std::int64_t c = 0;
    for (; c + step <= n_channels; c += step) {
        gather_chunk<T>(rows + c, n_channels, neighbor, weights, n_pairs, sum + c);
    }
    for (std::int64_t p = 0; p < n_pairs && c < n_channels; ++p) {
        const T* row = rows + neighbor[p] * n_channels;
        for (std::int64_t rest = c; rest < n_channels; ++rest) {
            sum[rest] += weights[p] * row[rest];
        }
    }
}

template <typename T>
GNNCV_INLINE T dot(const T* a, const T* b, std::int64_t n) {
    constexpr int width = LanesOf<T>::width;
    Lanes<T> sum[2] = {};
    std::int64_t c = 0;
    for (; c + 2 * width <= n; c += 2 * width) {
        for (int v = 0; v < 2; ++v) {
            sum[v] += load_lanes<T>(a + c + v * width) * load_lanes<T>(b + c + v * width);
        }
    }
    T total = sum_lanes<T>(sum[0] + sum[1]);
    for (; c < n; ++c) {
        total += a[c] * b[c];
    }
    return total;
}

template <typename T>
GNNCV_INLINE void forward_body(const AveragedInput<T>& input, T* averaged) {
    const std::int64_t n_channels = input.n_channels;
    std::vector<T> weights;
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        weights.resize(last - first);
        const T own = T(1) + input.coordination[i];
        for (std::int64_t p = first; p < last; ++p) {
            T value, slope;
            switching(input.table, input.distances[p], value, slope);
            weights[p - first] = value * own / (T(1) + input.coordination[input.pairs.neighbor[p]]);
        }
        T* row = averaged + i * n_channels;
        std::copy_n(input.densities + i * n_channels, n_channels, row);
        gather<T>(input.densities, n_channels, input.pairs.neighbor + first, weights.data(), last - first,
                  row);
    }
}

// At center j, over its neighbors i, with g_i the gradient of B[i], N = 1 + n and s = f(d_ij):
//   dA[j] = g_j + sum_i s N_i/N_j g_i
//   df    = N_i/N_j (g_i . A[j])          of the bond i -> j, put on j -> i
//   dn[i] += df f / N_i, dn[j] -= df f / N_j
// The first of the last two belongs to i; the sum over the bonds i -> j of center i needs g_i . A[j] as well,
// which is (g_i . (B[i] - A[i])) / N_i in all.
template <typename T>
GNNCV_INLINE void backward_body(const AveragedInput<T>& input, const T* averaged, const T* averaged_gradient,
                                const AveragedGradients<T>& gradients) {
    const std::int64_t n_channels = input.n_channels;
    std::vector<T> weights;
    for (std::int64_t j = input.pairs.first_center; j < input.pairs.n_centers; ++j) {
        const std::int64_t first = input.pairs.row_ptr[j], last = input.pairs.row_ptr[j + 1];
        weights.resize(last - first);
        const T own = T(1) + input.coordination[j];
        const T* densities = input.densities + j * n_channels;
        const T* own_gradient = averaged_gradient + j * n_channels;
        T bonds = 0;
        for (std::int64_t p = first; p < last; ++p) {
            const std::int64_t i = input.pairs.neighbor[p];
            T value, slope;
            switching(input.table, input.distances[p], value, slope);
            const T ratio = (T(1) + input.coordination[i]) / own;
            weights[p - first] = value * ratio;
            const T of_value = ratio * dot<T>(averaged_gradient + i * n_channels, densities, n_channels);
            bonds += of_value * value;
            gradients.distances[p] = of_value * slope;
        }
        T* row = gradients.densities + j * n_channels;
        std::copy_n(own_gradient, n_channels, row);
        gather<T>(averaged_gradient, n_channels, input.pairs.neighbor + first, weights.data(), last - first,
                  row);
        const T shared = dot<T>(own_gradient, averaged + j * n_channels, n_channels) -
                         dot<T>(own_gradient, densities, n_channels);
        gradients.coordination[j] = (shared - bonds) / own;
    }
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void averaged_densities_kernel(const AveragedInput<T>& input, T* averaged) {          \
        forward_body<T>(input, averaged);                                                                    \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void averaged_densities_backward_kernel(                                              \
        const AveragedInput<T>& input, const T* averaged, const T* averaged_gradient,                        \
        const AveragedGradients<T>& gradients) {                                                             \
        backward_body<T>(input, averaged, averaged_gradient, gradients);                                     \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
