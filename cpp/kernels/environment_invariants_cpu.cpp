// Written with densities over N = 1 + n, a = A/N and b = B/N, averages need no norms of neighbors,
//   b[i] = a[i] + sum_j f_ij a[j],
// and features are of a and b/N. With g_i the gradient of b[i] and h_j the whole gradient of a[j]:
//   h_j   = (dF/da)[j] + g_j + sum_i f_ij g_i
//   df    = g_i . a[j]                     of the bond i -> j, put on j -> i
//   dn[j] = (dF/dn)[j] - (a[j] . h_j + b[j] . g_j) / N_j
// The last is what N does in a = A/N and in b/N; dF/dn the feature that n is itself.
#include "kernels/environment_invariants.h"

#include "kernels/degree_registers.h"
#include "kernels/row_gather.h"
#include "kernels/site_magnitudes.h"

#include <algorithm>
#include <vector>

namespace gnncv::kernels {
namespace {

template <typename T>
std::int64_t rows_of(const InvariantsInput<T>& input) {
    return input.environment.n_species * (input.environment.table.n_channels - 1);
}

// Magnitudes of own densities, and as many of averaged ones.
template <typename T>
std::int64_t half_of(const InvariantsInput<T>& input) {
    return rows_of(input) * (input.environment.l_max + 1);
}

// For the features of sites: where their densities lie does not matter.
template <typename T>
FeatureInput<T> features_of(const InvariantsInput<T>& input) {
    return {nullptr,        nullptr,
            nullptr,        input.mean,
            input.scale,    input.environment.pairs.n_centers,
            rows_of(input), input.environment.l_max,
            input.floor,    input.environment.stride()};
}

// factors = slopes times the features' gradient, of half of the magnitudes of site i from `first` on.
template <typename T>
GNNCV_INLINE void factors_body(const InvariantsState<T>& state, const T* features_gradient, std::int64_t half,
                               std::int64_t i, std::int64_t first, T* __restrict__ factors) {
    const T* __restrict__ slopes = state.slopes + i * 2 * half + first;
    const T* __restrict__ gradient = features_gradient + i * (2 * half + 1) + first;
    for (std::int64_t f = 0; f < half; ++f) {
        factors[f] = slopes[f] * gradient[f];
    }
}

// See environment_invariants_kernel. A few sites at a time: their rows are near when features are made.
template <int bytes, typename T>
GNNCV_INLINE void features_body(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                T* features) {
    constexpr std::int64_t few = 16;
    const PairRows& pairs = input.environment.pairs;
    const std::int64_t stride = input.environment.stride(), n = 2 * half_of(input);
    SiteMagnitudes<T, bytes> magnitudes(features_of(input));
    for (std::int64_t first = pairs.first_center; first < pairs.n_centers; first += few) {
        const std::int64_t end = std::min(first + few, pairs.n_centers);
        for (std::int64_t i = first; i < end; ++i) {
            prefetch_row(state.averaged + (i + 1) * stride, i + 1 < pairs.n_centers ? stride : 0);
            const std::int64_t begin = pairs.row_ptr[i];
            gather_rows<T>({state.densities, stride, pairs.neighbor + begin, state.switching + begin,
                            pairs.row_ptr[i + 1] - begin},
                           state.densities + i * stride, state.averaged + i * stride);
        }
        for (std::int64_t i = first; i < end; ++i) {
            const double inverse = 1.0 / (1.0 + static_cast<double>(state.coordination[i]));
            magnitudes.fill(state.densities + i * stride, state.averaged + i * stride, 1.0, inverse * inverse,
                            state.coordination[i], features + i * (n + 1), state.slopes + i * n);
        }
    }
}

// row = (own + factors of degrees times densities) scale; the sum of the products of the brackets with the
// densities.
template <int bytes, typename T>
GNNCV_INLINE T add_degrees(const DegreeFactors<T>& degrees, const T* factors, const T* densities,
                           std::int64_t stride, const T* own, T scale, T* row) {
    constexpr int width = LanesOf<T, bytes>::width;
    Lanes<T, bytes> products[2] = {};
    for (std::int64_t v = 0; v < stride / width; ++v) {
        const Lanes<T, bytes> numbers = load_lanes<T, bytes>(densities + v * width);
        Lanes<T, bytes> sum = degrees.template in_register<bytes>(factors, v) * numbers;
        if (own != nullptr) {
            sum += load_lanes<T, bytes>(own + v * width);
        }
        products[v % 2] += sum * numbers;
        store_lanes<T>(row + v * width, sum * scale);
    }
    return sum_of_register(products[0] + products[1]);
}

// See environment_invariants_sites_kernel.
template <int bytes, typename T>
GNNCV_INLINE void sites_body(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                             const InvariantsGradients<T>& gradients) {
    const PairRows& pairs = input.environment.pairs;
    const std::int64_t stride = input.environment.stride(), half = half_of(input);
    const DegreeFactors<T> degrees(rows_of(input), input.environment.l_max);
    std::vector<T> factors(half + LanesOf<T>::width);
    for (std::int64_t i = pairs.first_center; i < pairs.n_centers; ++i) {
        factors_body(state, gradients.features, half, i, half, factors.data());
        const T product = add_degrees<bytes, T>(degrees, factors.data(), state.averaged + i * stride, stride,
                                                nullptr, T(1), gradients.averaged + i * stride);
        const double of_feature = static_cast<double>(gradients.features[i * (2 * half + 1) + 2 * half]);
        gradients.coordination[i] =
            static_cast<T>(of_feature / input.scale[2 * half] -
                           static_cast<double>(product) / (1.0 + static_cast<double>(state.coordination[i])));
    }
}

// The gradients of each center, and of the switching function of its bonds; made for a few centers at once,
// or their neighbors' rows and what is needed for bonds would drive each other from the nearest cache.
template <typename T>
class AveragedGradientSource final : public CenterGradients<T> {
public:
    AveragedGradientSource(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                           const InvariantsGradients<T>& gradients)
        : pairs_(input.environment.pairs), stride_(input.environment.stride()), half_(half_of(input)),
          state_(state), gradients_(gradients), degrees_(rows_of(input), input.environment.l_max),
          factors_(half_ + LanesOf<T>::width), coordination_(few),
          rows_(reinterpret_cast<T*>(row_buffer_.reserve(few * stride_ / LanesOf<T>::width))),
          begin_(pairs_.first_center), end_(begin_) {}

    CenterGradient<T> of_center(std::int64_t j) override;

    // Of centers from j on.
    template <int bytes>
    GNNCV_INLINE void fill(std::int64_t j) {
        constexpr std::int64_t width = LanesOf<T>::width;
        begin_ = j;
        end_ = std::min(begin_ + few, pairs_.n_centers);
        const std::int64_t n_bonds = pairs_.row_ptr[end_] - pairs_.row_ptr[begin_];
        products_ = reinterpret_cast<T*>(product_buffer_.reserve(n_bonds / width + 2));
        for (; j < end_; ++j) {
            const std::int64_t first = pairs_.row_ptr[j], count = pairs_.row_ptr[j + 1] - first;
            const T* const densities = state_.densities + j * stride_;
            T* const row = rows_ + (j - begin_) * stride_;
            prefetch(j + 1);
            gather_rows_and_products<T>(
                {gradients_.averaged, stride_, pairs_.neighbor + first, state_.switching + first, count},
                gradients_.averaged + j * stride_, row, densities,
                products_ + (first - pairs_.row_ptr[begin_]), scratch_);
            factors_body(state_, gradients_.features, half_, j, 0, factors_.data());
            const T inverse = T(1) / (T(1) + state_.coordination[j]);
            const T product =
                add_degrees<bytes, T>(degrees_, factors_.data(), densities, stride_, row, inverse, row);
            coordination_[j - begin_] = gradients_.coordination[j] - product * inverse;
        }
    }

private:
    // What is read of a center alone: by the time it is asked for, it will have come.
    GNNCV_INLINE void prefetch(std::int64_t j) const {
        if (j < pairs_.n_centers) {
            const std::int64_t first = pairs_.row_ptr[j], count = pairs_.row_ptr[j + 1] - first;
            prefetch_row(pairs_.neighbor + first, count);
            prefetch_row(state_.switching + first, count);
            prefetch_row(state_.densities + j * stride_, stride_);
            prefetch_row(gradients_.averaged + j * stride_, stride_);
            prefetch_row(state_.slopes + j * 2 * half_, half_);
            prefetch_row(gradients_.features + j * (2 * half_ + 1), half_);
        }
    }

    static constexpr std::int64_t few = 32;
    PairRows pairs_;
    std::int64_t stride_, half_;
    InvariantsState<T> state_;
    InvariantsGradients<T> gradients_;
    DegreeFactors<T> degrees_;
    std::vector<T> factors_, coordination_;
    LaneBuffer<T> row_buffer_, product_buffer_, scratch_;
    T *rows_, *products_ = nullptr;
    std::int64_t begin_, end_; // the centers there are
};

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void features_of_centers(const InvariantsInput<T>& input, const InvariantsState<T>& state,     \
                                       T* features) {                                                        \
        features_body<bytes>(input, state, features);                                                        \
    }                                                                                                        \
    attribute void gradients_of_sites(const InvariantsInput<T>& input, const InvariantsState<T>& state,      \
                                      const InvariantsGradients<T>& gradients) {                             \
        sites_body<bytes>(input, state, gradients);                                                          \
    }                                                                                                        \
    attribute void fill_gradients(AveragedGradientSource<T>& source, std::int64_t j) {                       \
        source.template fill<bytes>(j);                                                                      \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, float)                                                               \
    GNNCV_INSTANCE_OF(attribute, bytes, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

template <typename T>
CenterGradient<T> AveragedGradientSource<T>::of_center(std::int64_t j) {
    if (j >= end_) {
        fill_gradients(*this, j);
    }
    return {rows_ + (j - begin_) * stride_, coordination_[j - begin_],
            products_ + (pairs_.row_ptr[j] - pairs_.row_ptr[begin_])};
}

} // namespace

template <typename T>
void environment_invariants_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                   T* features) {
    features_of_centers(input, state, features);
}

template <typename T>
void environment_invariants_sites_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const InvariantsGradients<T>& gradients) {
    gradients_of_sites(input, state, gradients);
}

template <typename T>
void environment_invariants_pairs_kernel(const InvariantsInput<T>& input, const InvariantsState<T>& state,
                                         const InvariantsGradients<T>& gradients, T* vectors_gradient) {
    AveragedGradientSource<T> source(input, state, gradients);
    environment_densities_backward_kernel<T>(input.environment, source, vectors_gradient);
}

#define GNNCV_KERNELS(T)                                                                                     \
    template void environment_invariants_kernel(const InvariantsInput<T>&, const InvariantsState<T>&, T*);   \
    template void environment_invariants_sites_kernel(const InvariantsInput<T>&, const InvariantsState<T>&,  \
                                                      const InvariantsGradients<T>&);                        \
    template void environment_invariants_pairs_kernel(const InvariantsInput<T>&, const InvariantsState<T>&,  \
                                                      const InvariantsGradients<T>&, T*);
GNNCV_KERNELS(float)
GNNCV_KERNELS(double)
#undef GNNCV_KERNELS

} // namespace gnncv::kernels
