// One center at a time, its bonds side by side in blocks of one register.
#include "kernels/environment_densities.h"

#include "kernels/bond_radial.h"
#include "kernels/density_rows.h"
#include "kernels/harmonic_polynomials.h"

#include <type_traits>
#include <vector>

namespace gnncv::kernels {
namespace {

// numbers[row, lm] = factors[lm] times those of `rows`
template <typename T>
GNNCV_INLINE void scale_numbers(const T* __restrict__ rows, std::int64_t n, const T* __restrict__ factors,
                                T* __restrict__ numbers) {
    for (std::int64_t c = 0; c < n; ++c) {
        numbers[c] = factors[c] * rows[c];
    }
}

template <int L, int bytes, typename T>
GNNCV_INLINE void backward_body(const EnvironmentInput<T>& input, CenterGradients<T>& gradients,
                                T* vectors_gradient) {
    using Register = Lanes<T, bytes>;
    const int l_max = L >= 0 ? L : input.l_max;
    const int n_lm = (l_max + 1) * (l_max + 1);
    const std::int64_t n_channels = input.table.n_channels, n_radial = n_channels - 1;
    const std::int64_t n_rows = input.n_species * n_radial;
    const HarmonicConstants<T> constants(l_max);
    BondRadial<T, bytes> table(input.table);
    Register harmonics[harmonics_of<L>], polynomials[polynomials_of<L>], weights[harmonics_of<L>],
        gradient[3];
    LaneBuffer<T> buffer;
    auto* const radial = reinterpret_cast<Register*>(buffer.reserve(3 * n_channels));
    Register* const slopes = radial + n_channels;
    Register* const sums = slopes + n_channels;
    std::vector<T> factors; // the constants of each row, and the gradient of the densities times these
    for (std::int64_t row = 0; row < n_rows; ++row) {
        factors.insert(factors.end(), constants.norm, constants.norm + n_lm);
    }
    std::vector<T> scaled(factors.size());
    BondBlocks<T, bytes> blocks(input.pairs, input.types, input.n_species);

    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        const CenterGradient<T> of_center = gradients.of_center(i);
        scale_numbers(of_center.densities, n_rows * n_lm, factors.data(), scaled.data());
        blocks.of_center(i, input.vectors);
        table.of_center(blocks);
        for (std::size_t b = 0; b < blocks.list().size(); ++b) {
            const BondBlock& block = blocks.list()[b];
            const Directions<Register> d = blocks.directions(b);
            table.template evaluate<true>(b, radial, slopes);
            harmonic_polynomials<L>(constants, l_max, d.x, d.y, d.z, harmonics, polynomials);
            const T* const g = scaled.data() + block.species * n_radial * n_lm;
            contract_rows<L>(g, n_radial, n_lm, harmonics, radial, weights, sums);
            Register of_switching = Register{} + of_center.coordination;
            if (of_center.switching != nullptr) {
                of_switching += blocks.load_numbers(of_center.switching - input.pairs.row_ptr[i], block);
            }
            Register stretch = of_switching * slopes[n_radial];
            for (std::int64_t k = 0; k < n_radial; ++k) {
                stretch += sums[k] * slopes[k];
            }
            contract_polynomial_gradients<L>(l_max, d.x, d.y, polynomials, weights, gradient);
            const Register along = gradient[0] * d.x + gradient[1] * d.y + gradient[2] * d.z;
            const Register own = stretch - along * d.inverse;
            blocks.store_vectors(vectors_gradient, block, own * d.x + gradient[0] * d.inverse,
                                 own * d.y + gradient[1] * d.inverse, own * d.z + gradient[2] * d.inverse);
        }
    }
}

// Instances for the degrees in use; any other degree takes the general one (L = -1).
#define GNNCV_INSTANCE_OF(attribute, bytes, L, T)                                                            \
    attribute void backward_instance(std::integral_constant<int, L>, const EnvironmentInput<T>& input,       \
                                     CenterGradients<T>& gradients, T* vectors_gradient) {                   \
        backward_body<L, bytes>(input, gradients, vectors_gradient);                                         \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, -1, float)                                                           \
    GNNCV_INSTANCE_OF(attribute, bytes, -1, double)                                                          \
    GNNCV_INSTANCE_OF(attribute, bytes, 6, float)                                                            \
    GNNCV_INSTANCE_OF(attribute, bytes, 6, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

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
    template void environment_densities_backward_kernel(const EnvironmentInput<T>&, CenterGradients<T>&,     \
                                                        T*);                                                 \
    template void environment_densities_backward_kernel(const EnvironmentInput<T>&, const T*, const T*, T*);
GNNCV_KERNELS(float)
GNNCV_KERNELS(double)
#undef GNNCV_KERNELS

} // namespace gnncv::kernels
