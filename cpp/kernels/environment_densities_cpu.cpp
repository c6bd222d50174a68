// One center at a time, its pairs ordered by species, in blocks of one vector register.
#include "kernels/environment_densities.h"

#include "kernels/density_rows.h"
#include "kernels/spherical_harmonics.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

namespace gnncv::kernels {
namespace {

// The pairs of one center in the order of their species: those of species s are
// order[begin[s]..begin[s+1]-1].
class SpeciesOrder {
public:
    explicit SpeciesOrder(int n_species) : begin_(n_species + 1) {}

    template <typename T>
    void sort(const EnvironmentInput<T>& input, std::int64_t first, std::int64_t last) {
        order_.resize(last - first);
        std::int64_t n = 0;
        for (int s = 0; s < input.n_species; ++s) {
            begin_[s] = n;
            for (std::int64_t p = first; p < last; ++p) {
                if (input.n_species == 1 || input.types[input.pairs.neighbor[p]] == s) {
                    order_[n++] = p;
                }
            }
        }
        begin_[input.n_species] = n;
    }
    [[nodiscard]] std::int64_t begin(int s) const { return begin_[s]; }
    [[nodiscard]] std::int64_t operator[](std::int64_t n) const { return order_[n]; }

private:
    std::vector<std::int64_t> order_;
    std::vector<std::int64_t> begin_;
};

// Unit vectors of up to one register of pairs and their lengths; lanes beyond `count` are zero.
template <typename T>
struct DirectionBlock {
    static constexpr int width = LanesOf<T>::width;
    Lanes<T> x{}, y{}, z{};
    T distance[width], inverse[width];

    GNNCV_INLINE DirectionBlock(const T* vectors, const SpeciesOrder& order, std::int64_t n, int count) {
        for (int w = 0; w < count; ++w) {
            const T* r = vectors + 3 * order[n + w];
            const T square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
            distance[w] = std::sqrt(square);
            inverse[w] = square > T(0) ? T(1) / distance[w] : T(0);
            x[w] = r[0] * inverse[w];
            y[w] = r[1] * inverse[w];
            z[w] = r[2] * inverse[w];
        }
    }
};

template <int L, typename T>
GNNCV_INLINE void forward_body(const EnvironmentInput<T>& input, T* densities, T* coordination) {
    constexpr int width = LanesOf<T>::width;
    const int l_max = L >= 0 ? L : input.l_max;
    const int n_lm = (l_max + 1) * (l_max + 1);
    const int n_vectors = (n_lm + width - 1) / width;
    constexpr int max_vectors = ((L >= 0 ? (L + 1) * (L + 1) : max_harmonics) + width - 1) / width;
    const std::int64_t n_channels = input.table.n_channels, n_radial = n_channels - 1;
    const HarmonicCoefficients<T> coefficients(l_max);
    Lanes<T> block[L >= 0 ? (L + 1) * (L + 1) : max_harmonics];
    LaneBuffer<T> row_buffer; // harmonics of the center's pairs, one padded row a pair
    std::vector<T> radial;    // table channels of the center's pairs
    SpeciesOrder order(input.n_species);

    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        const std::int64_t first = input.pairs.row_ptr[i], last = input.pairs.row_ptr[i + 1];
        const std::int64_t n_pairs = last - first;
        order.sort(input, first, last);
        Lanes<T>* const rows = row_buffer.reserve((n_pairs + width) * n_vectors);
        radial.resize(n_pairs * n_channels);
        T sum_of_switching = 0;
        for (std::int64_t n = 0; n < n_pairs; n += width) {
            const int count = static_cast<int>(std::min<std::int64_t>(width, n_pairs - n));
            const DirectionBlock<T> d(input.vectors, order, n, count);
            spherical_harmonics<Lanes<T>, T>(coefficients, l_max, d.x, d.y, d.z, block);
            for (int w = 0; w < count; ++w) {
                T* row = reinterpret_cast<T*>(rows + (n + w) * n_vectors);
                for (int lm = 0; lm < n_lm; ++lm) {
                    row[lm] = block[lm][w];
                }
                T* values = radial.data() + (n + w) * n_channels;
                table_values(input.table, TablePlace<T>(input.table, d.distance[w]), values);
                sum_of_switching += values[n_radial];
            }
        }
        coordination[i] = sum_of_switching;
        for (int s = 0; s < input.n_species; ++s) {
            for (std::int64_t k = 0; k < n_radial; ++k) {
                Lanes<T> sum[max_vectors] = {};
                for (std::int64_t n = order.begin(s); n < order.begin(s + 1); ++n) {
                    const T weight = radial[n * n_channels + k];
                    const Lanes<T>* row = rows + n * n_vectors;
                    for (int v = 0; v < n_vectors; ++v) {
                        sum[v] += weight * row[v];
                    }
                }
                const T* sums = reinterpret_cast<const T*>(sum);
                std::copy(sums, sums + n_lm, densities + ((i * input.n_species + s) * n_radial + k) * n_lm);
            }
        }
    }
}

template <int L, typename T>
GNNCV_INLINE void backward_body(const EnvironmentInput<T>& input, const T* densities_gradient,
                                const T* coordination_gradient, T* vectors_gradient) {
    constexpr int width = LanesOf<T>::width;
    constexpr int max_lm = L >= 0 ? (L + 1) * (L + 1) : max_harmonics;
    const int l_max = L >= 0 ? L : input.l_max;
    const int n_lm = (l_max + 1) * (l_max + 1);
    const std::int64_t n_channels = input.table.n_channels, n_radial = n_channels - 1;
    const HarmonicCoefficients<T> coefficients(l_max);
    Lanes<T> harmonics[max_lm], weights[max_lm], gradient[3];
    LaneBuffer<T> buffer;
    Lanes<T>* const radial = buffer.reserve(3 * n_channels);
    Lanes<T>* const slopes = radial + n_channels;
    Lanes<T>* const sums = slopes + n_channels;
    std::vector<T> values(n_channels), derivatives(n_channels);
    SpeciesOrder order(input.n_species);

    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        order.sort(input, input.pairs.row_ptr[i], input.pairs.row_ptr[i + 1]);
        for (int s = 0; s < input.n_species; ++s) {
            const T* species_gradient = densities_gradient + (i * input.n_species + s) * n_radial * n_lm;
            for (std::int64_t n = order.begin(s); n < order.begin(s + 1); n += width) {
                const int count = static_cast<int>(std::min<std::int64_t>(width, order.begin(s + 1) - n));
                const DirectionBlock<T> d(input.vectors, order, n, count);
                spherical_harmonics<Lanes<T>, T>(coefficients, l_max, d.x, d.y, d.z, harmonics);
                std::fill(weights, weights + n_lm, Lanes<T>{});
                std::fill(radial, radial + 2 * n_channels, Lanes<T>{});
                for (int w = 0; w < count; ++w) {
                    table_values_and_slopes(input.table, TablePlace<T>(input.table, d.distance[w]),
                                            values.data(), derivatives.data());
                    for (std::int64_t k = 0; k < n_channels; ++k) {
                        radial[k][w] = values[k];
                        slopes[k][w] = derivatives[k];
                    }
                }
                std::int64_t k = 0;
                for (; k + 4 <= n_radial; k += 4) {
                    contract_channels<4, L, T>(species_gradient + k * n_lm, n_lm, harmonics, &radial[k],
                                               weights, &sums[k]);
                }
                for (; k < n_radial; ++k) {
                    contract_channels<1, L, T>(species_gradient + k * n_lm, n_lm, harmonics, &radial[k],
                                               weights, &sums[k]);
                }
                Lanes<T> stretch = coordination_gradient[i] * slopes[n_radial];
                for (k = 0; k < n_radial; ++k) {
                    stretch += sums[k] * slopes[k];
                }
                contract_harmonic_gradients<Lanes<T>, T>(coefficients, l_max, d.x, d.y, d.z, weights,
                                                         gradient);
                const Lanes<T> along = gradient[0] * d.x + gradient[1] * d.y + gradient[2] * d.z;
                const Lanes<T> tangent[3] = {gradient[0] - along * d.x, gradient[1] - along * d.y,
                                             gradient[2] - along * d.z};
                const Lanes<T> radially[3] = {stretch * d.x, stretch * d.y, stretch * d.z};
                for (int w = 0; w < count; ++w) {
                    T* out = vectors_gradient + 3 * order[n + w];
                    for (int a = 0; a < 3; ++a) {
                        out[a] = radially[a][w] + tangent[a][w] * d.inverse[w];
                    }
                }
            }
        }
    }
}

// Instances for the degrees in use; any other degree takes the general one (L = -1).
#define GNNCV_INSTANCE(L, T)                                                                                 \
    GNNCV_MULTIVERSION void forward_instance(                                                                \
        std::integral_constant<int, L>, const EnvironmentInput<T>& input, T* densities, T* coordination) {   \
        forward_body<L, T>(input, densities, coordination);                                                  \
    }                                                                                                        \
    GNNCV_MULTIVERSION void backward_instance(std::integral_constant<int, L>,                                \
                                              const EnvironmentInput<T>& input, const T* densities_gradient, \
                                              const T* coordination_gradient, T* vectors_gradient) {         \
        backward_body<L, T>(input, densities_gradient, coordination_gradient, vectors_gradient);             \
    }
GNNCV_INSTANCE(-1, float)
GNNCV_INSTANCE(-1, double)
GNNCV_INSTANCE(4, float)
GNNCV_INSTANCE(4, double)
GNNCV_INSTANCE(6, float)
GNNCV_INSTANCE(6, double)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void environment_densities_kernel(const EnvironmentInput<T>& input, T* densities, T* coordination) {
    with_degree(input.l_max, [&](auto degree) { forward_instance(degree, input, densities, coordination); });
}

template <typename T>
void environment_densities_backward_kernel(const EnvironmentInput<T>& input, const T* densities_gradient,
                                           const T* coordination_gradient, T* vectors_gradient) {
    with_degree(input.l_max, [&](auto degree) {
        backward_instance(degree, input, densities_gradient, coordination_gradient, vectors_gradient);
    });
}

template void environment_densities_kernel(const EnvironmentInput<float>&, float*, float*);
template void environment_densities_kernel(const EnvironmentInput<double>&, double*, double*);
template void environment_densities_backward_kernel(const EnvironmentInput<float>&, const float*,
                                                    const float*, float*);
template void environment_densities_backward_kernel(const EnvironmentInput<double>&, const double*,
                                                    const double*, double*);

} // namespace gnncv::kernels
