// One center at a time, its bonds side by side in blocks of one register; gradients of the neighbors' axes
// are added where they belong.
#include "kernels/orientation_densities.h"

#include "kernels/orientation_lanes.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

// weights[t] (+)= sum_k R_k G_kt and stretch += sum_k R'_k sum_t G_kt T_t, for n radial functions.
template <int n, bool first, typename T, typename V>
GNNCV_INLINE void weigh_some(const T* gradient, int n_terms, const V* terms, const V* radial, const V* slopes,
                             V* weights, V& stretch) {
    V r[n], sum[n] = {};
    for (int k = 0; k < n; ++k) {
        r[k] = radial[k];
    }
    for (int t = 0; t < n_terms; ++t) {
        const V y = terms[t];
        V weight = first ? gradient[t] * r[0] : weights[t] + gradient[t] * r[0];
        sum[0] += gradient[t] * y;
        for (int k = 1; k < n; ++k) {
            const T g = gradient[k * n_terms + t];
            sum[k] += g * y;
            weight += g * r[k];
        }
        weights[t] = weight;
    }
    for (int k = 0; k < n; ++k) {
        stretch += sum[k] * slopes[k];
    }
}
template <typename T, typename V>
GNNCV_INLINE void weigh_terms(const T* gradient, std::int64_t n_radial, int n_terms, const V* terms,
                              const V* radial, const V* slopes, V* weights, V& stretch) {
    std::int64_t k = 0;
    if (n_radial >= 4) {
        weigh_some<4, true>(gradient, n_terms, terms, radial, slopes, weights, stretch);
        for (k = 4; k + 4 <= n_radial; k += 4) {
            weigh_some<4, false>(gradient + k * n_terms, n_terms, terms, radial + k, slopes + k, weights,
                                 stretch);
        }
    } else {
        weigh_some<1, true>(gradient, n_terms, terms, radial, slopes, weights, stretch);
        k = 1;
    }
    for (; k < n_radial; ++k) {
        weigh_some<1, false>(gradient + k * n_terms, n_terms, terms, radial + k, slopes + k, weights,
                             stretch);
    }
}

// to[neighbor, c] += lane of numbers[c], for the bonds of a block.
template <int room, int bytes, typename T>
GNNCV_INLINE void add_to_neighbors(const Lanes<T, bytes>* numbers, int n, const std::int32_t* neighbors,
                                   int count, T* to) {
    constexpr int width = LanesOf<T, bytes>::width;
    T stored[room * width];
    for (int c = 0; c < n; ++c) {
        store_lanes<T>(stored + c * width, numbers[c]);
    }
    for (int w = 0; w < count; ++w) {
        T* const row = to + std::int64_t{neighbors[w]} * n;
        for (int c = 0; c < n; ++c) {
            row[c] += stored[c * width + w];
        }
    }
}

template <int A, bool with_axes_gradient, int bytes, typename T>
GNNCV_INLINE void backward_body(const OrientationInput<T>& input, CenterGradients<T>& gradients,
                                T* vectors_gradient, T* axes_gradient) {
    using Register = Lanes<T, bytes>;
    constexpr int width = LanesOf<T, bytes>::width, room = 3 * OrientationRoom<A>::axes;
    const std::int64_t n_channels = input.table.n_channels, n_radial = n_channels - 1;
    const int n_terms = input.terms.count();
    Register terms[OrientationRoom<A>::terms], weights[OrientationRoom<A>::terms];
    BondCosines<A, Register> slopes_of_cosines;
    BondRadial<T, bytes> table(input.table);
    LaneBuffer<T> buffer;
    auto* const radial = reinterpret_cast<Register*>(buffer.reserve(2 * n_channels));
    Register* const slopes = radial + n_channels;
    BondBlocks<T, bytes> blocks(input.pairs, input.types, input.n_species);
    AxesOfBonds<A, T, bytes> axes(input);
    const int n_axes = axes.n_axes(), n_numbers = axes.n_numbers();

    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        blocks.of_center(i, input.vectors);
        table.of_center(blocks);
        axes.of_center(i);
        const CenterGradient<T> of_center = gradients.of_center(i);
        Register of_own[room] = {};
        for (std::size_t b = 0; b < blocks.list().size(); ++b) {
            const BondBlock& block = blocks.list()[b];
            const Directions<Register> d = blocks.directions(b);
            table.template evaluate<true>(b, radial, slopes);
            if (block.count < width) {
                clear_beyond(block.count, static_cast<int>(n_radial), radial);
            }
            axes.of_block(blocks, block, d);
            orientation_terms<T>(input.terms, axes.cosines, terms);
            const T* const g = of_center.densities + block.species * n_radial * n_terms;
            Register of_switching = Register{} + of_center.coordination;
            if (of_center.switching != nullptr) {
                of_switching += blocks.load_numbers(of_center.switching - input.pairs.row_ptr[i], block);
            }
            Register stretch = of_switching * slopes[n_radial];
            weigh_terms(g, n_radial, n_terms, terms, radial, slopes, weights, stretch);
            orientation_slopes<T>(input.terms, axes.cosines, weights, slopes_of_cosines);
            Register of_direction[3];
            direction_gradient<A>(n_axes, slopes_of_cosines, axes.own, axes.other, of_direction);
            const Register along = stretch - dot_product(of_direction, axes.direction) * d.inverse;
            blocks.store_vectors(vectors_gradient, block, along * d.x + of_direction[0] * d.inverse,
                                 along * d.y + of_direction[1] * d.inverse,
                                 along * d.z + of_direction[2] * d.inverse);
            if constexpr (with_axes_gradient) {
                Register of_other[room] = {};
                add_own_gradient<A>(n_axes, slopes_of_cosines, axes.direction, axes.own, axes.other, of_own);
                add_other_gradient<A>(n_axes, slopes_of_cosines, axes.direction, axes.own, axes.other,
                                      of_other);
                add_to_neighbors<room, bytes>(of_other, n_numbers, axes.neighbors, block.count,
                                              axes_gradient);
            }
        }
        if constexpr (with_axes_gradient) {
            for (int c = 0; c < n_numbers; ++c) {
                axes_gradient[i * n_numbers + c] += sum_of_register(of_own[c]);
            }
        }
    }
}

#define GNNCV_INSTANCE(attribute, bytes, A, T)                                                               \
    attribute void backward_instance(std::integral_constant<int, A>, const OrientationInput<T>& input,       \
                                     CenterGradients<T>& gradients, T* vectors_gradient, T* axes_gradient) { \
        axes_gradient != nullptr                                                                             \
            ? backward_body<A, true, bytes>(input, gradients, vectors_gradient, axes_gradient)               \
            : backward_body<A, false, bytes>(input, gradients, vectors_gradient, axes_gradient);             \
    }
GNNCV_FOR_REGISTERS(GNNCV_ORIENTATION_INSTANCES)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void orientation_densities_backward_kernel(const OrientationInput<T>& input, CenterGradients<T>& gradients,
                                           T* vectors_gradient, T* axes_gradient) {
    with_axes(input.terms.n_axes,
              [&](auto axes) { backward_instance(axes, input, gradients, vectors_gradient, axes_gradient); });
}

template <typename T>
void orientation_densities_backward_kernel(const OrientationInput<T>& input,
                                           const OrientationGradients<T>& gradients, T* vectors_gradient,
                                           T* axes_gradient) {
    StoredGradients<T> stored(gradients.densities, input.row_size(), gradients.coordination);
    orientation_densities_backward_kernel<T>(input, stored, vectors_gradient, axes_gradient);
}

#define GNNCV_KERNELS(T)                                                                                     \
    template void orientation_densities_backward_kernel(const OrientationInput<T>&, CenterGradients<T>&, T*, \
                                                        T*);                                                 \
    template void orientation_densities_backward_kernel(const OrientationInput<T>&,                          \
                                                        const OrientationGradients<T>&, T*, T*);
GNNCV_KERNELS(float)
GNNCV_KERNELS(double)
#undef GNNCV_KERNELS

} // namespace gnncv::kernels
