// Sites side by side in registers, one component after the other.
#include "kernels/lanes_exp.h"
#include "kernels/lanes_log.h"
#include "kernels/latent_density.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

// As many sites as a register holds; columns of scratch, one register a latent or a component.
template <int bytes, typename T>
struct Mixture {
    using Register = Lanes<double, bytes>;
    static constexpr int width = LanesOf<double, bytes>::width;

    const LatentDensityInput<T>& in;
    Register *latents, *exponents, *gradient;

    GNNCV_INLINE Mixture(const LatentDensityInput<T>& in, LaneBuffer<double>& buffer)
        : in(in), latents(reinterpret_cast<Register*>(buffer.reserve(2 * in.n_latent + in.n_components))),
          exponents(latents + in.n_latent), gradient(exponents + in.n_components) {}

    // Of a last block that is not full, the last site is repeated.
    GNNCV_INLINE void read(std::int64_t first, std::int64_t end) const {
        const std::int64_t n = in.n_latent;
        for (std::int64_t d = 0; d < n; ++d) {
            latents[d] = collect_lanes<bytes>([&](int w) __attribute__((always_inline)) {
                return in.latents[std::min(first + w, end - 1) * n + d];
            });
        }
    }

    // Numbers e .. e+count-1 of W_k^T (z - m_k), side by side so that they do not wait for one another.
    template <int count>
    GNNCV_INLINE void whiten(std::int64_t k, std::int64_t e, Register (&sums)[count]) const {
        const double* mean = in.means + k * in.n_latent;
        const double* whitening = in.whitenings + k * in.n_latent * in.n_latent + e;
        std::fill_n(sums, count, Register{});
        for (std::int64_t d = 0; d < in.n_latent; ++d, whitening += in.n_latent) {
            const Register offset = latents[d] - mean[d];
            for (int c = 0; c < count; ++c) {
                sums[c] += whitening[c] * offset;
            }
        }
    }

    // f(e, numbers) for all numbers of W_k^T (z - m_k), four at once as long as there are so many
    template <typename F>
    GNNCV_INLINE void whitened(std::int64_t k, const F& f) const {
        std::int64_t e = 0;
        for (; e + 4 <= in.n_latent; e += 4) {
            Register sums[4];
            whiten(k, e, sums);
            f(e, sums);
        }
        for (; e < in.n_latent; ++e) {
            Register sums[1];
            whiten(k, e, sums);
            f(e, sums);
        }
    }

    // Of every component the exponential of its exponent less the largest; that largest.
    GNNCV_INLINE Register shares() const {
        Register largest = Register{} - 1e300;
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            Register square{};
            whitened(k, [&](std::int64_t, const auto& numbers) __attribute__((always_inline)) {
                for (const Register& number : numbers) {
                    square += number * number;
                }
            });
            exponents[k] = in.log_weights[k] - 0.5 * square;
            largest = exponents[k] > largest ? exponents[k] : largest;
        }
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            exponents[k] = lanes_exp<double>(exponents[k] - largest);
        }
        return largest;
    }

    GNNCV_INLINE Register sum_of_shares() const {
        Register sum{};
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            sum += exponents[k];
        }
        return sum;
    }
};

template <int bytes, typename T>
GNNCV_INLINE void forward_body(const LatentDensityInput<T>& in, double* surprises, std::int64_t begin,
                               std::int64_t end, LaneBuffer<double>& buffer) {
    const Mixture<bytes, T> mixture(in, buffer);
    for (std::int64_t first = begin; first < end; first += mixture.width) {
        mixture.read(first, end);
        const auto largest = mixture.shares();
        const auto surprise = -(largest + lanes_log<double>(mixture.sum_of_shares())) - in.floor;
        for (int w = 0; w < mixture.width && first + w < end; ++w) {
            surprises[first + w] = surprise[w];
        }
    }
}

template <int bytes, typename T>
GNNCV_INLINE void backward_body(const LatentDensityInput<T>& in, const double* surprises_gradient,
                                T* latents_gradient, std::int64_t begin, std::int64_t end,
                                LaneBuffer<double>& buffer) {
    const Mixture<bytes, T> mixture(in, buffer);
    const std::int64_t n = in.n_latent;
    for (std::int64_t first = begin; first < end; first += mixture.width) {
        mixture.read(first, end);
        mixture.shares();
        typename Mixture<bytes, T>::Register weight{};
        for (int w = 0; w < mixture.width && first + w < end; ++w) {
            weight[w] = surprises_gradient[first + w];
        }
        weight /= mixture.sum_of_shares();
        std::fill_n(mixture.gradient, n, typename Mixture<bytes, T>::Register{});
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            const auto share = weight * mixture.exponents[k];
            const double* whitening = in.whitenings + k * n * n;
            mixture.whitened(k, [&](std::int64_t e, const auto& numbers) __attribute__((always_inline)) {
                for (std::int64_t d = 0; d < n; ++d) {
                    const double* row = whitening + d * n + e;
                    for (const auto& number : numbers) {
                        mixture.gradient[d] += *row++ * share * number;
                    }
                }
            });
        }
        for (int w = 0; w < mixture.width && first + w < end; ++w) {
            for (std::int64_t d = 0; d < n; ++d) {
                latents_gradient[(first + w) * n + d] = static_cast<T>(mixture.gradient[d][w]);
            }
        }
    }
}

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void forward(const LatentDensityInput<T>& input, double* surprises, std::int64_t begin,        \
                           std::int64_t end, LaneBuffer<double>& buffer) {                                   \
        forward_body<bytes>(input, surprises, begin, end, buffer);                                           \
    }                                                                                                        \
    attribute void backward(const LatentDensityInput<T>& input, const double* surprises_gradient,            \
                            T* latents_gradient, std::int64_t begin, std::int64_t end,                       \
                            LaneBuffer<double>& buffer) {                                                    \
        backward_body<bytes>(input, surprises_gradient, latents_gradient, begin, end, buffer);               \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, float)                                                               \
    GNNCV_INSTANCE_OF(attribute, bytes, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

template <typename T>
void latent_density_kernel(const LatentDensityInput<T>& input, double* surprises, std::int64_t begin,
                           std::int64_t end) {
    LaneBuffer<double> buffer;
    forward(input, surprises, begin, end, buffer);
}

template <typename T>
void latent_density_backward_kernel(const LatentDensityInput<T>& input, const double* surprises_gradient,
                                    T* latents_gradient, std::int64_t begin, std::int64_t end) {
    LaneBuffer<double> buffer;
    backward(input, surprises_gradient, latents_gradient, begin, end, buffer);
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void latent_density_kernel(const LatentDensityInput<T>&, double*, std::int64_t, std::int64_t);  \
    template void latent_density_backward_kernel(const LatentDensityInput<T>&, const double*, T*,            \
                                                 std::int64_t, std::int64_t);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
