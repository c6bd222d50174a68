// One center at a time; its neighbors' rows pass through registers (row_gather.h).
#include "kernels/averaged_densities.h"

#include "kernels/row_gather.h"
#include "kernels/table_lanes.h"

#include <algorithm>
#include <vector>

namespace gnncv::kernels {
namespace {

// Of the bonds of one center: f, its slope, and 1 + n of the neighbor; padded to whole registers.
template <typename T>
class Bonds {
public:
    LaneBuffer<T> buffer;
    T *values = nullptr, *slopes = nullptr, *norms = nullptr;

    explicit Bonds(const RadialTable<T>& table) : switching_(table, table.n_channels - 1) {}

    GNNCV_INLINE void fill(const AveragedInput<T>& input, std::int64_t i) {
        constexpr int width = LanesOf<T>::width;
        const std::int64_t first = input.pairs.row_ptr[i], count = input.pairs.row_ptr[i + 1] - first;
        const std::int64_t n_registers = (count + width - 1) / width;
        values = reinterpret_cast<T*>(buffer.reserve(3 * n_registers));
        slopes = values + n_registers * width;
        norms = slopes + n_registers * width;
        const std::int64_t end = input.pairs.row_ptr[input.pairs.n_centers];
        for (std::int64_t b = 0; b < n_registers * width; b += width) {
            alignas(64) T rest[width] = {}; // a whole register may end beyond the list
            const T* distances = input.distances + first + b;
            if (first + b + width > end) {
                std::copy_n(distances, count - b, rest);
                distances = rest;
            }
            Lanes<T> value, slope;
            switching_.lanes(load_lanes<T>(distances), value, slope);
            store_lanes<T>(values + b, value);
            store_lanes<T>(slopes + b, slope);
        }
        for (std::int64_t b = 0; b < count; ++b) {
            norms[b] = T(1) + input.coordination[input.pairs.neighbor[first + b]];
        }
    }

private:
    TableChannel<T> switching_;
};

// g . (b - a)
template <typename T>
GNNCV_INLINE T product_with_difference(const T* g, const T* b, const T* a, std::int64_t n) {
    Lanes<T> sum{};
    std::int64_t c = 0;
    for (; c + LanesOf<T>::width <= n; c += LanesOf<T>::width) {
        sum += load_lanes<T>(g + c) * (load_lanes<T>(b + c) - load_lanes<T>(a + c));
    }
    T total = sum_lanes<T>(sum);
    for (; c < n; ++c) {
        total += g[c] * (b[c] - a[c]);
    }
    return total;
}

template <typename T>
GNNCV_INLINE void forward_body(const AveragedInput<T>& input, T* averaged) {
    const std::int64_t n_channels = input.n_channels;
    Bonds<T> bonds(input.table);
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        const std::int64_t first = input.pairs.row_ptr[i], count = input.pairs.row_ptr[i + 1] - first;
        bonds.fill(input, i);
        const T own = T(1) + input.coordination[i];
        T* const weights = bonds.values;
        for (std::int64_t b = 0; b < count; ++b) {
            weights[b] *= own / bonds.norms[b];
        }
        gather_rows<T>({input.densities, n_channels, input.pairs.neighbor + first, weights, count},
                       input.densities + i * n_channels, averaged + i * n_channels);
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
    Bonds<T> bonds(input.table);
    LaneBuffer<T> scratch;
    std::vector<T> weights, products;
    for (std::int64_t j = input.pairs.first_center; j < input.pairs.n_centers; ++j) {
        const std::int64_t first = input.pairs.row_ptr[j], count = input.pairs.row_ptr[j + 1] - first;
        const T* const densities = input.densities + j * n_channels;
        const T* const own_gradient = averaged_gradient + j * n_channels;
        bonds.fill(input, j);
        weights.resize(count);
        products.resize(count + LanesOf<T>::width);
        const T own = T(1) + input.coordination[j];
        for (std::int64_t b = 0; b < count; ++b) {
            bonds.norms[b] /= own;
            weights[b] = bonds.values[b] * bonds.norms[b];
        }
        gather_rows_and_products<T>(
            {averaged_gradient, n_channels, input.pairs.neighbor + first, weights.data(), count},
            own_gradient, gradients.densities + j * n_channels, densities, products.data(), scratch);
        T sum = 0;
        for (std::int64_t b = 0; b < count; ++b) {
            sum += weights[b] * products[b];
            gradients.distances[first + b] = bonds.norms[b] * products[b] * bonds.slopes[b];
        }
        const T shared =
            product_with_difference<T>(own_gradient, averaged + j * n_channels, densities, n_channels);
        gradients.coordination[j] = (shared - sum) / own;
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
