// Written with densities over N = 1 + n, a = O/N and b[i] = a[i] + sum_j f_ij a[j], features are a and b/N.
// With e_i the gradient of a feature a, g_i that of b[i], and h_j the whole gradient of a[j]:
//   h_j   = e_j + g_j + sum_i f_ij g_i
//   df    = g_i . a[j]                     of the bond i -> j, put on j -> i
//   dn[j] = -(a[j] . h_j + b[j] . g_j) / N_j
// See environment_invariants_cpu.cpp.
#include "kernels/orientation_invariants.h"

#include "kernels/row_gather.h"

#include <vector>

namespace gnncv::kernels {
namespace {

// to[c] = (factor from[c] - mean[c]) / scale[c]
template <typename T>
GNNCV_INLINE void standardize_body(const T* __restrict__ from, double factor, const double* __restrict__ mean,
                                   const double* __restrict__ scale, std::int64_t n, T* __restrict__ to) {
    for (std::int64_t c = 0; c < n; ++c) {
        to[c] = static_cast<T>((factor * static_cast<double>(from[c]) - mean[c]) / scale[c]);
    }
}
// to[c] = factor gradient[c] / scale[c]; the sum of its products with numbers[c].
template <typename T>
GNNCV_INLINE double scaled_body(const T* __restrict__ gradient, double factor,
                                const double* __restrict__ scale, const T* __restrict__ numbers,
                                std::int64_t n, T* __restrict__ to) {
    double product[8] = {};
    std::int64_t c = 0;
    const auto one = [&](int k) __attribute__((always_inline)) {
        const double g = factor * static_cast<double>(gradient[c + k]) / scale[c + k];
        product[k] += g * static_cast<double>(numbers[c + k]);
        to[c + k] = static_cast<T>(g);
    };
    for (; c + 8 <= n; c += 8) {
        for (int k = 0; k < 8; ++k) {
            one(k);
        }
    }
    for (; c < n; ++c) {
        one(0);
    }
    return ((product[0] + product[4]) + (product[1] + product[5])) +
           ((product[2] + product[6]) + (product[3] + product[7]));
}
// row[c] = factor (row[c] + own[c]); the sum of the products of the brackets with numbers[c].
template <typename T>
GNNCV_INLINE double added_body(const T* __restrict__ own, double factor, const T* __restrict__ numbers,
                               std::int64_t n, T* __restrict__ row) {
    double product[8] = {};
    std::int64_t c = 0;
    const auto one = [&](int k) __attribute__((always_inline)) {
        const double h = static_cast<double>(row[c + k]) + static_cast<double>(own[c + k]);
        product[k] += h * static_cast<double>(numbers[c + k]);
        row[c + k] = static_cast<T>(factor * h);
    };
    for (; c + 8 <= n; c += 8) {
        for (int k = 0; k < 8; ++k) {
            one(k);
        }
    }
    for (; c < n; ++c) {
        one(0);
    }
    return ((product[0] + product[4]) + (product[1] + product[5])) +
           ((product[2] + product[6]) + (product[3] + product[7]));
}

#define GNNCV_INSTANCE(T)                                                                                    \
    GNNCV_MULTIVERSION void standardize(const T* from, double factor, const double* mean,                    \
                                        const double* scale, std::int64_t n, T* to) {                        \
        standardize_body(from, factor, mean, scale, n, to);                                                  \
    }                                                                                                        \
    GNNCV_MULTIVERSION double scaled(const T* gradient, double factor, const double* scale,                  \
                                     const T* numbers, std::int64_t n, T* to) {                              \
        return scaled_body(gradient, factor, scale, numbers, n, to);                                         \
    }                                                                                                        \
    GNNCV_MULTIVERSION double added(const T* own, double factor, const T* numbers, std::int64_t n, T* row) { \
        return added_body(own, factor, numbers, n, row);                                                     \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

template <typename T>
double norm_of(const OrientationState<T>& state, std::int64_t i) {
    return 1.0 + static_cast<double>(state.coordination[i]);
}

// Of the rows of the neighbors of center i.
template <typename T>
Gather<T> neighbors_of(const OrientationInvariantsInput<T>& input, const OrientationState<T>& state,
                       std::int64_t i, const T* rows) {
    const PairRows& pairs = input.orientation.pairs;
    const std::int64_t first = pairs.row_ptr[i];
    return {rows, input.orientation.row_size(), pairs.neighbor + first, state.switching + first,
            pairs.row_ptr[i + 1] - first};
}

// The gradients of each center, and of the switching function of its bonds.
template <typename T>
class AveragedGradientSource final : public CenterGradients<T> {
public:
    AveragedGradientSource(const OrientationInvariantsInput<T>& input, const OrientationState<T>& state,
                           const OrientationFeatureGradients<T>& gradients)
        : input_(input), state_(state), gradients_(gradients), n_(input.orientation.row_size()), own_(n_),
          row_(n_) {}

    CenterGradient<T> of_center(std::int64_t j) override {
        const double norm = norm_of(state_, j);
        const T* const densities = state_.densities + j * n_;
        const T* const of_features = gradients_.features + j * input_.n_features();
        if (!input_.averaged) {
            const double product = scaled(of_features, 1.0 / norm, input_.scale, densities, n_, row_.data());
            return {row_.data(), static_cast<T>(-product), nullptr};
        }
        const Gather<T> neighbors = neighbors_of(input_, state_, j, gradients_.averaged);
        T* const products =
            reinterpret_cast<T*>(products_.reserve(neighbors.n_pairs / LanesOf<T>::width + 2));
        gather_rows_and_products(neighbors, gradients_.averaged + j * n_, row_.data(), densities, products,
                                 scratch_);
        scaled(of_features, 1.0, input_.scale, densities, n_, own_.data());
        const double product = added(own_.data(), 1.0 / norm, densities, n_, row_.data());
        return {row_.data(), static_cast<T>(static_cast<double>(gradients_.coordination[j]) - product / norm),
                products};
    }

private:
    OrientationInvariantsInput<T> input_;
    OrientationState<T> state_;
    OrientationFeatureGradients<T> gradients_;
    std::int64_t n_;
    std::vector<T> own_, row_;
    LaneBuffer<T> products_, scratch_;
};

} // namespace

template <typename T>
void orientation_invariants_kernel(const OrientationInvariantsInput<T>& input,
                                   const OrientationState<T>& state, T* features) {
    const PairRows& pairs = input.orientation.pairs;
    const std::int64_t n = input.orientation.row_size();
    for (std::int64_t i = pairs.first_center; i < pairs.n_centers; ++i) {
        T* const out = features + i * input.n_features();
        const T* const own = state.densities + i * n;
        standardize(own, 1.0, input.mean, input.scale, n, out);
        if (input.averaged) {
            T* const averaged = state.averaged + i * n;
            gather_rows(neighbors_of<T>(input, state, i, state.densities), own, averaged);
            standardize(averaged, 1.0 / norm_of(state, i), input.mean + n, input.scale + n, n, out + n);
        }
    }
}

template <typename T>
void orientation_invariants_sites_kernel(const OrientationInvariantsInput<T>& input,
                                         const OrientationState<T>& state,
                                         const OrientationFeatureGradients<T>& gradients) {
    const PairRows& pairs = input.orientation.pairs;
    const std::int64_t n = input.orientation.row_size();
    for (std::int64_t i = pairs.first_center; i < pairs.n_centers; ++i) {
        const double norm = norm_of(state, i);
        const double product = scaled(gradients.features + i * 2 * n + n, 1.0 / norm, input.scale + n,
                                      state.averaged + i * n, n, gradients.averaged + i * n);
        gradients.coordination[i] = static_cast<T>(-product / norm);
    }
}

template <typename T>
void orientation_invariants_pairs_kernel(const OrientationInvariantsInput<T>& input,
                                         const OrientationState<T>& state,
                                         const OrientationFeatureGradients<T>& gradients, T* vectors_gradient,
                                         T* axes_gradient) {
    AveragedGradientSource<T> source(input, state, gradients);
    orientation_densities_backward_kernel<T>(input.orientation, source, vectors_gradient, axes_gradient);
}

#define GNNCV_KERNELS(T)                                                                                     \
    template void orientation_invariants_kernel(const OrientationInvariantsInput<T>&,                        \
                                                const OrientationState<T>&, T*);                             \
    template void orientation_invariants_sites_kernel(const OrientationInvariantsInput<T>&,                  \
                                                      const OrientationState<T>&,                            \
                                                      const OrientationFeatureGradients<T>&);                \
    template void orientation_invariants_pairs_kernel(const OrientationInvariantsInput<T>&,                  \
                                                      const OrientationState<T>&,                            \
                                                      const OrientationFeatureGradients<T>&, T*, T*);
GNNCV_KERNELS(float)
GNNCV_KERNELS(double)
#undef GNNCV_KERNELS

} // namespace gnncv::kernels
