// The density of as many latents as `parts` registers hold, side by side in them: what is computed of one
// does not wait for the other. For the *_cpu.cpp beside it.
#pragma once

#include "kernels/lanes_exp.h"
#include "kernels/lanes_log.h"
#include "kernels/latent_density.h"

#include <algorithm>

namespace gnncv::kernels {

// Columns of scratch, `parts` registers a latent or a component.
template <int bytes, int parts>
struct MixtureLanes {
    using Register = Lanes<double, bytes>;
    static constexpr int part_width = LanesOf<double, bytes>::width, width = parts * part_width;
    struct Numbers {
        Register part[parts];
    };

    const NormalMixture& in;
    Numbers *latents, *exponents, *gradient;

    GNNCV_INLINE MixtureLanes(const NormalMixture& in, LaneBuffer<double>& buffer)
        : in(in), latents(reinterpret_cast<Numbers*>(
                      buffer.reserve(static_cast<std::size_t>(parts * (2 * in.n_latent + in.n_components))))),
          exponents(latents + in.n_latent), gradient(exponents + in.n_components) {}

    // The sites from `first` on; of a last group that is not full, the last site is repeated.
    template <typename T>
    GNNCV_INLINE void read(const T* sites, std::int64_t first, std::int64_t end) const {
        const std::int64_t n = in.n_latent;
        for (std::int64_t d = 0; d < n; ++d) {
            for (int p = 0; p < parts; ++p) {
                latents[d].part[p] = collect_lanes<double, bytes>([&](int w) __attribute__((always_inline)) {
                    return static_cast<double>(sites[std::min(first + p * part_width + w, end - 1) * n + d]);
                });
            }
        }
    }

    // Numbers e .. e+count-1 of W_k^T (z - m_k)
    template <int count>
    GNNCV_INLINE void whiten(std::int64_t k, std::int64_t e, Numbers (&sums)[count]) const {
        const double* mean = in.means + k * in.n_latent;
        const double* whitening = in.whitenings + k * in.n_latent * in.n_latent + e;
        std::fill_n(sums, count, Numbers{});
        for (std::int64_t d = 0; d < in.n_latent; ++d, whitening += in.n_latent) {
            for (int p = 0; p < parts; ++p) {
                const Register offset = latents[d].part[p] - mean[d];
                for (int c = 0; c < count; ++c) {
                    sums[c].part[p] += whitening[c] * offset;
                }
            }
        }
    }

    // f(e, numbers) for all numbers of W_k^T (z - m_k), four at once as long as there are so many
    template <typename F>
    GNNCV_INLINE void whitened(std::int64_t k, const F& f) const {
        std::int64_t e = 0;
        for (; e + 4 <= in.n_latent; e += 4) {
            Numbers sums[4];
            whiten(k, e, sums);
            f(e, sums);
        }
        for (; e < in.n_latent; ++e) {
            Numbers sums[1];
            whiten(k, e, sums);
            f(e, sums);
        }
    }

    // Of every component the exponential of its exponent less the largest; that largest.
    GNNCV_INLINE Numbers shares() const {
        Numbers largest;
        std::fill_n(largest.part, parts, Register{} - 1e300);
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            Numbers square{};
            whitened(k, [&](std::int64_t, const auto& sums) __attribute__((always_inline)) {
                for (const Numbers& sum : sums) {
                    for (int p = 0; p < parts; ++p) {
                        square.part[p] += sum.part[p] * sum.part[p];
                    }
                }
            });
            for (int p = 0; p < parts; ++p) {
                const Register exponent = in.log_weights[k] - 0.5 * square.part[p];
                largest.part[p] = exponent > largest.part[p] ? exponent : largest.part[p];
                exponents[k].part[p] = exponent;
            }
        }
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            for (int p = 0; p < parts; ++p) {
                exponents[k].part[p] = lanes_exp<double>(exponents[k].part[p] - largest.part[p]);
            }
        }
        return largest;
    }

    GNNCV_INLINE Numbers sum_of_shares() const {
        Numbers sum{};
        for (std::int64_t k = 0; k < in.n_components; ++k) {
            for (int p = 0; p < parts; ++p) {
                sum.part[p] += exponents[k].part[p];
            }
        }
        return sum;
    }

    // h of the latents, `width` numbers
    GNNCV_INLINE void surprises(double* numbers) const {
        const Numbers largest = shares(), sum = sum_of_shares();
        for (int p = 0; p < parts; ++p) {
            store_lanes(numbers + p * part_width,
                        -(largest.part[p] + lanes_log<double>(sum.part[p])) - in.floor);
        }
    }
};

} // namespace gnncv::kernels
