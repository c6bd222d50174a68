// One center at a time, its pairs in blocks of one vector register: harmonics side by side, then a small
// matrix product.
#include "kernels/bond_densities.h"

#include "kernels/density_rows.h"
#include "kernels/spherical_harmonics.h"

#include <algorithm>
#include <type_traits>

namespace gnncv::kernels {
namespace {

// Directions and inverse lengths of up to one register of pairs; lanes beyond `count` are zero.
template <typename T>
struct DirectionBlock {
    Lanes<T> x{}, y{}, z{}, inverse{};

    GNNCV_INLINE DirectionBlock(const T* vectors, int count) {
        for (int w = 0; w < count; ++w) {
            x[w] = vectors[3 * w];
            y[w] = vectors[3 * w + 1];
            z[w] = vectors[3 * w + 2];
        }
        const Lanes<T> square = x * x + y * y + z * z;
        for (int w = 0; w < LanesOf<T>::width; ++w) {
            inverse[w] = square[w] > T(0) ? T(1) / std::sqrt(square[w]) : T(0);
        }
        x *= inverse;
        y *= inverse;
        z *= inverse;
    }
};

template <int L, typename T>
GNNCV_INLINE void forward_body(const BondDensityInput<T>& input, T* densities) {
    constexpr int width = LanesOf<T>::width;
    const int l_max = L >= 0 ? L : input.l_max;
    const int n_lm = (l_max + 1) * (l_max + 1);
    const int n_vectors = (n_lm + width - 1) / width;
    constexpr int max_vectors = ((L >= 0 ? (L + 1) * (L + 1) : max_harmonics) + width - 1) / width;
    const HarmonicCoefficients<T> coefficients(l_max);
    Lanes<T> block[L >= 0 ? (L + 1) * (L + 1) : max_harmonics];
    LaneBuffer<T> row_buffer; // harmonics of the center's pairs, one padded row a pair

    for (std::int64_t i = 0; i < input.n_centers; ++i) {
        const std::int64_t first = input.row_ptr[i];
        const std::int64_t n_pairs = input.row_ptr[i + 1] - first;
        Lanes<T>* const rows = row_buffer.reserve((n_pairs + width) * n_vectors);
        for (std::int64_t p = 0; p < n_pairs; p += width) {
            const int count = static_cast<int>(std::min<std::int64_t>(width, n_pairs - p));
            const DirectionBlock<T> d(input.vectors + 3 * (first + p), count);
            spherical_harmonics<Lanes<T>, T>(coefficients, l_max, d.x, d.y, d.z, block);
            for (int w = 0; w < width; ++w) {
                T* row = reinterpret_cast<T*>(rows + (p + w) * n_vectors);
                for (int lm = 0; lm < n_lm; ++lm) {
                    row[lm] = block[lm][w];
                }
            }
        }
        for (std::int64_t k = 0; k < input.n_radial; ++k) {
            Lanes<T> sum[max_vectors] = {};
            const T* radial = input.radial + first * input.n_radial + k;
            const Lanes<T>* row = rows;
            for (std::int64_t p = 0; p < n_pairs; ++p, radial += input.n_radial, row += n_vectors) {
                for (int v = 0; v < n_vectors; ++v) {
                    sum[v] += *radial * row[v];
                }
            }
            const T* sums = reinterpret_cast<const T*>(sum);
            std::copy(sums, sums + n_lm, densities + (i * input.n_radial + k) * n_lm);
        }
    }
}

template <int L, typename T>
GNNCV_INLINE void backward_body(const BondDensityInput<T>& input, const T* densities_gradient,
                                T* vectors_gradient, T* radial_gradient) {
    constexpr int width = LanesOf<T>::width;
    constexpr int max_lm = L >= 0 ? (L + 1) * (L + 1) : max_harmonics;
    const int l_max = L >= 0 ? L : input.l_max;
    const int n_lm = (l_max + 1) * (l_max + 1);
    const std::int64_t n_radial = input.n_radial;
    const HarmonicCoefficients<T> coefficients(l_max);
    Lanes<T> harmonics[max_lm], weights[max_lm], gradient[3];
    LaneBuffer<T> buffer;
    Lanes<T>* const radial = buffer.reserve(2 * n_radial);
    Lanes<T>* const sums = radial + n_radial;

    for (std::int64_t i = 0; i < input.n_centers; ++i) {
        const T* center_gradient = densities_gradient + i * n_radial * n_lm;
        const std::int64_t end = input.row_ptr[i + 1];
        for (std::int64_t p = input.row_ptr[i]; p < end; p += width) {
            const int count = static_cast<int>(std::min<std::int64_t>(width, end - p));
            const DirectionBlock<T> d(input.vectors + 3 * p, count);
            spherical_harmonics<Lanes<T>, T>(coefficients, l_max, d.x, d.y, d.z, harmonics);
            std::fill(weights, weights + n_lm, Lanes<T>{});
            for (std::int64_t k = 0; k < n_radial; ++k) {
                Lanes<T> lanes{};
                for (int w = 0; w < count; ++w) {
                    lanes[w] = input.radial[(p + w) * n_radial + k];
                }
                radial[k] = lanes;
            }
            std::int64_t k = 0;
            for (; k + 4 <= n_radial; k += 4) {
                contract_channels<4, L, T>(center_gradient + k * n_lm, n_lm, harmonics, &radial[k], weights,
                                           &sums[k]);
            }
            for (; k < n_radial; ++k) {
                contract_channels<1, L, T>(center_gradient + k * n_lm, n_lm, harmonics, &radial[k], weights,
                                           &sums[k]);
            }
            for (k = 0; k < n_radial; ++k) {
                for (int w = 0; w < count; ++w) {
                    radial_gradient[(p + w) * n_radial + k] = sums[k][w];
                }
            }
            contract_harmonic_gradients<Lanes<T>, T>(coefficients, l_max, d.x, d.y, d.z, weights, gradient);
            const Lanes<T> along = gradient[0] * d.x + gradient[1] * d.y + gradient[2] * d.z;
            const Lanes<T> gx = (gradient[0] - along * d.x) * d.inverse;
            const Lanes<T> gy = (gradient[1] - along * d.y) * d.inverse;
            const Lanes<T> gz = (gradient[2] - along * d.z) * d.inverse;
            for (int w = 0; w < count; ++w) {
                vectors_gradient[3 * (p + w)] = gx[w];
                vectors_gradient[3 * (p + w) + 1] = gy[w];
                vectors_gradient[3 * (p + w) + 2] = gz[w];
            }
        }
    }
}

// Instances for the degrees in use; any other degree takes the general one (L = -1).
#define GNNCV_INSTANCE(L, T)                                                                                 \
    GNNCV_MULTIVERSION void forward_instance(std::integral_constant<int, L>,                                 \
                                             const BondDensityInput<T>& input, T* densities) {               \
        forward_body<L, T>(input, densities);                                                                \
    }                                                                                                        \
    GNNCV_MULTIVERSION void backward_instance(std::integral_constant<int, L>,                                \
                                              const BondDensityInput<T>& input, const T* gradient,           \
                                              T* vectors_gradient, T* radial_gradient) {                     \
        backward_body<L, T>(input, gradient, vectors_gradient, radial_gradient);                             \
    }
GNNCV_INSTANCE(-1, float)
GNNCV_INSTANCE(-1, double)
GNNCV_INSTANCE(6, float)
GNNCV_INSTANCE(6, double)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void bond_densities_kernel(const BondDensityInput<T>& input, T* densities) {
    with_degree(input.l_max, [&](auto degree) { forward_instance(degree, input, densities); });
}

template <typename T>
void bond_densities_backward_kernel(const BondDensityInput<T>& input, const T* densities_gradient,
                                    T* vectors_gradient, T* radial_gradient) {
    with_degree(input.l_max, [&](auto degree) {
        backward_instance(degree, input, densities_gradient, vectors_gradient, radial_gradient);
    });
}

template void bond_densities_kernel(const BondDensityInput<float>&, float*);
template void bond_densities_kernel(const BondDensityInput<double>&, double*);
template void bond_densities_backward_kernel(const BondDensityInput<float>&, const float*, float*, float*);
template void bond_densities_backward_kernel(const BondDensityInput<double>&, const double*, double*,
                                             double*);

} // namespace gnncv::kernels
