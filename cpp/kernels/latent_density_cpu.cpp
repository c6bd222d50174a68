// Sites side by side in registers, one component after the other.
#include "kernels/latent_density_lanes.h"

namespace gnncv::kernels {
namespace {

template <int bytes, typename T>
GNNCV_INLINE void forward_body(const NormalMixture& in, const T* latents, double* surprises,
                               std::int64_t begin, std::int64_t end, LaneBuffer<double>& buffer) {
    const MixtureLanes<bytes, 2> mixture(in, buffer);
    for (std::int64_t first = begin; first < end; first += mixture.width) {
        double numbers[mixture.width];
        mixture.read(latents, first, end);
        mixture.surprises(numbers);
        std::copy_n(numbers, std::min<std::int64_t>(mixture.width, end - first), surprises + first);
    }
}

template <int bytes, typename T>
GNNCV_INLINE void backward_body(const NormalMixture& in, const T* latents, const double* surprises_gradient,
                                T* latents_gradient, std::int64_t begin, std::int64_t end,
                                LaneBuffer<double>& buffer) {
    using Mixture = MixtureLanes<bytes, 1>;
    const Mixture mixture(in, buffer);
    const std::int64_t n = in.n_latent;
    for (std::int64_t first = begin; first < end; first += mixture.width) {
        mixture.read(latents, first, end);
        mixture.shares();
        typename Mixture::Register weight{};
        for (int w = 0; w < mixture.width && first + w < end; ++w) {
            weight[w] = surprises_gradient[first + w];
        }
        weight /= mixture.sum_of_shares().part[0];
        std::fill_n(mixture.gradient, n, typename Mixture::Numbers{});
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            const auto share = weight * mixture.exponents[k].part[0];
            const double* whitening = in.whitenings + k * n * n;
            mixture.whitened(k, [&](std::int64_t e, const auto& numbers) __attribute__((always_inline)) {
                for (std::int64_t d = 0; d < n; ++d) {
                    const double* row = whitening + d * n + e;
                    for (const auto& number : numbers) {
                        mixture.gradient[d].part[0] += *row++ * share * number.part[0];
                    }
                }
            });
        }
        for (int w = 0; w < mixture.width && first + w < end; ++w) {
            for (std::int64_t d = 0; d < n; ++d) {
                latents_gradient[(first + w) * n + d] = static_cast<T>(mixture.gradient[d].part[0][w]);
            }
        }
    }
}

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void forward(const NormalMixture& mixture, const T* latents, double* surprises,                \
                           std::int64_t begin, std::int64_t end, LaneBuffer<double>& buffer) {               \
        forward_body<bytes>(mixture, latents, surprises, begin, end, buffer);                                \
    }                                                                                                        \
    attribute void backward(const NormalMixture& mixture, const T* latents,                                  \
                            const double* surprises_gradient, T* latents_gradient, std::int64_t begin,       \
                            std::int64_t end, LaneBuffer<double>& buffer) {                                  \
        backward_body<bytes>(mixture, latents, surprises_gradient, latents_gradient, begin, end, buffer);    \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, float)                                                               \
    GNNCV_INSTANCE_OF(attribute, bytes, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

template <typename T>
void latent_density_kernel(const NormalMixture& mixture, const T* latents, double* surprises,
                           std::int64_t begin, std::int64_t end) {
    LaneBuffer<double> buffer;
    forward(mixture, latents, surprises, begin, end, buffer);
}

template <typename T>
void latent_density_backward_kernel(const NormalMixture& mixture, const T* latents,
                                    const double* surprises_gradient, T* latents_gradient, std::int64_t begin,
                                    std::int64_t end) {
    LaneBuffer<double> buffer;
    backward(mixture, latents, surprises_gradient, latents_gradient, begin, end, buffer);
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void latent_density_kernel(const NormalMixture&, const T*, double*, std::int64_t,               \
                                        std::int64_t);                                                       \
    template void latent_density_backward_kernel(const NormalMixture&, const T*, const double*, T*,          \
                                                 std::int64_t, std::int64_t);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
