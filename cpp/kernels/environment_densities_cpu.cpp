// One center at a time, its bonds side by side in blocks of one register. The densities are a product of two
// small matrices, (radial functions x bonds) (bonds x harmonics), in tiles that fill the registers.
#include "kernels/environment_densities.h"

#include "kernels/bond_blocks.h"
#include "kernels/density_rows.h"
#include "kernels/harmonic_polynomials.h"
#include "kernels/table_lanes.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

namespace gnncv::kernels {
namespace {

constexpr int tile = 4; // radial functions, and harmonics, that are summed at once

constexpr int tiles(int n) {
    return (n + tile - 1) / tile;
}

// Where a tile of sums goes: row k of them to out[k stride ..], each times its column's constant.
template <typename T>
struct TileTarget {
    T* out;
    std::int64_t stride;
    const T* constants;
    int n_rows, n_columns; // up to tile
};

// sum over bonds of radial[k] harmonics[m], for a tile of each.
template <typename T>
GNNCV_INLINE void sum_tile(const Lanes<T>* radial, std::int64_t radial_stride, const Lanes<T>* harmonics,
                           std::int64_t harmonic_stride, std::int64_t n_blocks, const TileTarget<T>& target) {
    Lanes<T> total[tile * tile] = {};
    for (std::int64_t b = 0; b < n_blocks; ++b) {
        for (int k = 0; k < tile; ++k) {
            for (int m = 0; m < tile; ++m) {
                total[k * tile + m] += radial[k] * harmonics[m];
            }
        }
        radial += radial_stride;
        harmonics += harmonic_stride;
    }
    alignas(64) T sums[tile * tile];
    for (int n = 0; n < tile * tile; n += RowOf<T>::width) {
        store_row<T>(sums + n, sums_over_lanes(total + n));
    }
    using Four __attribute__((vector_size(tile * sizeof(T)))) = T;
    Four constants;
    std::memcpy(&constants, target.constants, sizeof constants);
    for (int k = 0; k < target.n_rows; ++k) {
        Four row;
        std::memcpy(&row, sums + k * tile, sizeof row);
        row *= constants;
        if (target.n_columns == tile) {
            std::memcpy(target.out + k * target.stride, &row, sizeof row);
        } else {
            for (int m = 0; m < target.n_columns; ++m) {
                target.out[k * target.stride + m] = row[m];
            }
        }
    }
}

template <int L, typename T>
GNNCV_INLINE void forward_body(const EnvironmentInput<T>& input, T* densities, T* coordination,
                               T* switching) {
    const int l_max = L >= 0 ? L : input.l_max;
    const int n_lm = (l_max + 1) * (l_max + 1);
    const int n_tiles = tiles(n_lm - 1); // of the harmonics above degree zero, which is a constant
    const int n_harmonics = 1 + n_tiles * tile;
    const std::int64_t n_radial = input.table.n_channels - 1;
    const HarmonicConstants<T> constants(l_max);
    const TableRows<T> table(input.table);
    const std::int64_t n_channels = tiles(table.n_padded()) * tile;
    Lanes<T> polynomials[polynomials_of<L>];
    LaneBuffer<T> harmonic_buffer, radial_buffer;
    std::vector<T> sums(n_channels);
    BondBlocks<T> blocks(input.pairs, input.types, input.n_species);

    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        blocks.of_center(i, input.vectors);
        const auto n_blocks = static_cast<std::int64_t>(blocks.list().size());
        Lanes<T>* const harmonics = harmonic_buffer.reserve(n_blocks * n_harmonics);
        Lanes<T>* const radial = radial_buffer.reserve(n_blocks * n_channels);
        T* out = densities + i * input.stride();
        for (std::int64_t c = 0; c < input.stride(); c += LanesOf<T>::width) {
            __builtin_prefetch(out + c, 1); // it comes from afar, and is written at the end
        }
        std::fill(out + input.row_size(), out + input.stride(), T(0));
        T neighbors = 0;
        std::int64_t b = 0;
        for (int s = 0; s < input.n_species; ++s) {
            const std::int64_t first = b;
            std::fill(sums.begin(), sums.end(), T(0));
            for (; b < n_blocks && blocks.list()[b].species == s; ++b) {
                const BondBlock& block = blocks.list()[b];
                const Directions<T> d = blocks.directions(b);
                Lanes<T>* const values = harmonics + b * n_harmonics;
                harmonic_polynomials<L>(constants, l_max, d.x, d.y, d.z, values, polynomials);
                std::fill(values + n_lm, values + n_harmonics, Lanes<T>{});
                Lanes<T>* const values_of_table = radial + b * n_channels;
                table.template lanes<false>(d.length, block.count, values_of_table, nullptr, sums.data());
                if (switching != nullptr) {
                    blocks.store_numbers(switching, block, values_of_table[n_radial]);
                }
            }
            neighbors += sums[n_radial];
            for (std::int64_t k = 0; k < n_radial; k += tile, out += tile * n_lm) {
                const int n_rows = static_cast<int>(std::min<std::int64_t>(tile, n_radial - k));
                for (int row = 0; row < n_rows; ++row) {
                    out[row * n_lm] = constants.norm[0] * sums[k + row];
                }
                for (int t = 0; t < n_tiles; ++t) {
                    const int lm = 1 + t * tile;
                    sum_tile<T>(radial + first * n_channels + k, n_channels,
                                harmonics + first * n_harmonics + lm, n_harmonics, b - first,
                                {out + lm, n_lm, constants.norm + lm, n_rows, std::min(tile, n_lm - lm)});
                }
            }
            out -= (tiles(static_cast<int>(n_radial)) * tile - n_radial) * n_lm;
        }
        coordination[i] = neighbors;
    }
}

template <int L, typename T>
GNNCV_INLINE void backward_body(const EnvironmentInput<T>& input, CenterGradients<T>& gradients,
                                T* vectors_gradient) {
    const int l_max = L >= 0 ? L : input.l_max;
    const int n_lm = (l_max + 1) * (l_max + 1);
    const std::int64_t n_radial = input.table.n_channels - 1, n_rows = input.n_species * n_radial;
    const HarmonicConstants<T> constants(l_max);
    const TableRows<T> table(input.table);
    const int n_channels = table.n_padded();
    Lanes<T> harmonics[harmonics_of<L>], polynomials[polynomials_of<L>], weights[harmonics_of<L>],
        gradient[3];
    LaneBuffer<T> buffer;
    Lanes<T>* const radial = buffer.reserve(3 * n_channels);
    Lanes<T>* const slopes = radial + n_channels;
    Lanes<T>* const sums = slopes + n_channels;
    std::vector<T> scaled(n_rows * n_lm); // the gradient of the densities before their constants
    BondBlocks<T> blocks(input.pairs, input.types, input.n_species);

    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        const CenterGradient<T> of_center = gradients.of_center(i);
        for (std::int64_t row = 0; row < n_rows; ++row) {
            for (int lm = 0; lm < n_lm; ++lm) {
                scaled[row * n_lm + lm] = constants.norm[lm] * of_center.densities[row * n_lm + lm];
            }
        }
        blocks.of_center(i, input.vectors);
        for (std::size_t b = 0; b < blocks.list().size(); ++b) {
            const BondBlock& block = blocks.list()[b];
            const Directions<T> d = blocks.directions(b);
            table.template lanes<true>(d.length, block.count, radial, slopes, nullptr);
            harmonic_polynomials<L>(constants, l_max, d.x, d.y, d.z, harmonics, polynomials);
            const T* const g = scaled.data() + block.species * n_radial * n_lm;
            contract_rows<L>(g, n_radial, n_lm, harmonics, radial, weights, sums);
            Lanes<T> of_switching = Lanes<T>{} + of_center.coordination;
            if (of_center.switching != nullptr) {
                of_switching += blocks.load_numbers(of_center.switching - input.pairs.row_ptr[i], block);
            }
            Lanes<T> stretch = of_switching * slopes[n_radial];
            for (std::int64_t k = 0; k < n_radial; ++k) {
                stretch += sums[k] * slopes[k];
            }
            contract_polynomial_gradients<L>(l_max, d.x, d.y, polynomials, weights, gradient);
            const Lanes<T> along = gradient[0] * d.x + gradient[1] * d.y + gradient[2] * d.z;
            const Lanes<T> own = stretch - along * d.inverse;
            blocks.store_vectors(vectors_gradient, block, own * d.x + gradient[0] * d.inverse,
                                 own * d.y + gradient[1] * d.inverse, own * d.z + gradient[2] * d.inverse);
        }
    }
}

// Gradients of all centers as they lie in memory.
template <typename T>
class StoredGradients final : public CenterGradients<T> {
public:
    StoredGradients(const T* densities, std::int64_t stride, const T* coordination)
        : densities_(densities), stride_(stride), coordination_(coordination) {}
    CenterGradient<T> of_center(std::int64_t i) override {
        return {densities_ + i * stride_, coordination_[i], nullptr};
    }

private:
    const T* densities_;
    std::int64_t stride_;
    const T* coordination_;
};

// Instances for the degrees in use; any other degree takes the general one (L = -1).
#define GNNCV_INSTANCE(L, T)                                                                                 \
    GNNCV_MULTIVERSION void forward_instance(std::integral_constant<int, L>,                                 \
                                             const EnvironmentInput<T>& input, T* densities,                 \
                                             T* coordination, T* switching) {                                \
        forward_body<L, T>(input, densities, coordination, switching);                                       \
    }                                                                                                        \
    GNNCV_MULTIVERSION void backward_instance(std::integral_constant<int, L>,                                \
                                              const EnvironmentInput<T>& input,                              \
                                              CenterGradients<T>& gradients, T* vectors_gradient) {          \
        backward_body<L, T>(input, gradients, vectors_gradient);                                             \
    }
GNNCV_INSTANCE(-1, float)
GNNCV_INSTANCE(-1, double)
GNNCV_INSTANCE(6, float)
GNNCV_INSTANCE(6, double)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void environment_densities_kernel(const EnvironmentInput<T>& input, T* densities, T* coordination,
                                  T* switching) {
    with_degree(input.l_max,
                [&](auto degree) { forward_instance(degree, input, densities, coordination, switching); });
}

template <typename T>
void environment_densities_backward_kernel(const EnvironmentInput<T>& input, CenterGradients<T>& gradients,
                                           T* vectors_gradient) {
    with_degree(input.l_max,
                [&](auto degree) { backward_instance(degree, input, gradients, vectors_gradient); });
}

template <typename T>
void environment_densities_backward_kernel(const EnvironmentInput<T>& input, const T* densities_gradient,
                                           const T* coordination_gradient, T* vectors_gradient) {
    StoredGradients<T> gradients(densities_gradient, input.stride(), coordination_gradient);
    environment_densities_backward_kernel<T>(input, gradients, vectors_gradient);
}

#define GNNCV_KERNELS(T)                                                                                     \
    template void environment_densities_kernel(const EnvironmentInput<T>&, T*, T*, T*);                      \
    template void environment_densities_backward_kernel(const EnvironmentInput<T>&, CenterGradients<T>&,     \
                                                        T*);                                                 \
    template void environment_densities_backward_kernel(const EnvironmentInput<T>&, const T*, const T*, T*);
GNNCV_KERNELS(float)
GNNCV_KERNELS(double)
#undef GNNCV_KERNELS

} // namespace gnncv::kernels
