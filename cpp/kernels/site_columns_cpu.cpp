// Exponentials of as many sites at once as a register holds; the rest site by site.
#include "kernels/lanes_exp.h"
#include "kernels/site_columns.h"

#include <algorithm>
#include <cmath>

namespace gnncv::kernels {
namespace {

double cube(double x) {
    return x * x * x;
}

// p_c of the classes but the first
template <int bytes, typename T>
GNNCV_INLINE void probabilities_body(const SiteColumnsInput<T>& in, double* columns, std::int64_t begin,
                                     std::int64_t end, LaneBuffer<double>& buffer) {
    using Register = Lanes<double, bytes>;
    constexpr int width = LanesOf<double, bytes>::width;
    const std::int64_t n = in.n_classes, stride = in.n_columns();
    auto* const shares = reinterpret_cast<Register*>(buffer.reserve(n));
    for (std::int64_t first = begin; first < end; first += width) {
        for (std::int64_t c = 0; c < n; ++c) { // of a last block that is not full, the last site is repeated
            shares[c] = collect_lanes<double, bytes>([&](int w) __attribute__((always_inline)) {
                return static_cast<double>(in.logits[std::min(first + w, end - 1) * n + c]);
            });
        }
        Register largest = shares[0], sum{};
        for (std::int64_t c = 1; c < n; ++c) {
            largest = shares[c] > largest ? shares[c] : largest;
        }
        for (std::int64_t c = 0; c < n; ++c) {
            shares[c] = lanes_exp<double>(shares[c] - largest);
            sum += shares[c];
        }
        for (std::int64_t c = 1; c < n; ++c) {
            const Register probability = shares[c] / sum;
            for (int w = 0; w < width && first + w < end; ++w) {
                columns[(first + w) * stride + in.n_latent + c - 1] = probability[w];
            }
        }
    }
}

// Few sites at once, so that roots and divisions are of registers.
template <int bytes, typename T>
GNNCV_INLINE void novelties_body(const SiteColumnsInput<T>& in, double* columns, std::int64_t begin,
                                 std::int64_t end) {
    constexpr std::int64_t width = 8;
    const std::int64_t stride = in.n_columns();
    double* column = columns + stride - 1;
    for (std::int64_t first = begin; first < end; first += width) {
        const std::int64_t n = std::min(width, end - first);
        double e[width]{}, h[width]{}, novelty[width];
        for (std::int64_t w = 0; w < n; ++w) {
            e[w] = static_cast<double>(in.errors[first + w]);
            h[w] = in.surprises[first + w];
        }
        for (std::int64_t w = 0; w < width; ++w) {
            const double a = e[w] / in.error_scale, b = h[w] / in.surprise_scale;
            const double fourth = a * a * (a * a) + b * b * (b * b) + novelty_floor;
            novelty[w] = std::sqrt(std::sqrt(fourth)) / in.novelty_scale;
        }
        for (std::int64_t w = 0; w < n; ++w) {
            column[(first + w) * stride] = novelty[w];
        }
    }
}

#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    attribute void probabilities(const SiteColumnsInput<float>& in, double* columns, std::int64_t begin,     \
                                 std::int64_t end, LaneBuffer<double>& buffer) {                             \
        probabilities_body<bytes>(in, columns, begin, end, buffer);                                          \
    }                                                                                                        \
    attribute void probabilities(const SiteColumnsInput<double>& in, double* columns, std::int64_t begin,    \
                                 std::int64_t end, LaneBuffer<double>& buffer) {                             \
        probabilities_body<bytes>(in, columns, begin, end, buffer);                                          \
    }                                                                                                        \
    attribute void novelties(const SiteColumnsInput<float>& in, double* columns, std::int64_t begin,         \
                             std::int64_t end) {                                                             \
        novelties_body<bytes>(in, columns, begin, end);                                                      \
    }                                                                                                        \
    attribute void novelties(const SiteColumnsInput<double>& in, double* columns, std::int64_t begin,        \
                             std::int64_t end) {                                                             \
        novelties_body<bytes>(in, columns, begin, end);                                                      \
    }
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void site_columns_kernel(const SiteColumnsInput<T>& in, double* columns, std::int64_t begin,
                         std::int64_t end) {
    const std::int64_t stride = in.n_columns();
    for (std::int64_t i = begin; i < end; ++i) {
        for (std::int64_t d = 0; d < in.n_latent; ++d) {
            columns[i * stride + d] = static_cast<double>(in.latents[i * in.n_latent + d]);
        }
    }
    novelties(in, columns, begin, end);
    if (in.n_classes > 0) {
        LaneBuffer<double> buffer;
        probabilities(in, columns, begin, end, buffer);
    }
}

template <typename T>
void site_columns_backward_kernel(const SiteColumnsInput<T>& in, const double* columns,
                                  const double* columns_gradient, const SiteColumnsGradients<T>& gradients,
                                  std::int64_t begin, std::int64_t end) {
    const std::int64_t stride = in.n_columns();
    for (std::int64_t i = begin; i < end; ++i) {
        const double *column = columns + i * stride, *g = columns_gradient + i * stride;
        if (gradients.latents) {
            for (std::int64_t d = 0; d < in.n_latent; ++d) {
                gradients.latents[i * in.n_latent + d] = static_cast<T>(g[d]);
            }
        }
        if (gradients.logits) { // p_c (g_c - sum_b p_b g_b), where g_0 = 0 and p_0 is what is left of one
            const double *p = column + in.n_latent, *of_p = g + in.n_latent;
            T* result = gradients.logits + i * in.n_classes;
            double mean = 0.0, rest = 1.0;
            for (std::int64_t c = 0; c < in.n_probabilities(); ++c) {
                mean += p[c] * of_p[c];
                rest -= p[c];
            }
            result[0] = static_cast<T>(-rest * mean);
            for (std::int64_t c = 0; c < in.n_probabilities(); ++c) {
                result[c + 1] = static_cast<T>(p[c] * (of_p[c] - mean));
            }
        }
        if (gradients.errors || gradients.surprises) {
            const double root = column[stride - 1] * in.novelty_scale;
            const double slope = g[stride - 1] / (cube(root) * in.novelty_scale);
            if (gradients.errors) {
                const double e = static_cast<double>(in.errors[i]) / in.error_scale;
                gradients.errors[i] = static_cast<T>(slope * cube(e) / in.error_scale);
            }
            if (gradients.surprises) {
                gradients.surprises[i] =
                    slope * cube(in.surprises[i] / in.surprise_scale) / in.surprise_scale;
            }
        }
    }
}

void site_sums_kernel(const double* columns, std::int64_t n_columns, std::int64_t begin, std::int64_t end,
                      double* sums) {
    constexpr std::int64_t n_partial = 4; // sums that do not wait for one another
    for (std::int64_t c = 0; c < n_columns; ++c) {
        const double* column = columns + c;
        double partial[n_partial]{};
        const auto add = [&](auto term) {
            std::int64_t i = begin;
            for (; i + n_partial <= end; i += n_partial) {
                for (std::int64_t k = 0; k < n_partial; ++k) {
                    partial[k] += term(column[(i + k) * n_columns]);
                }
            }
            for (; i < end; ++i) {
                partial[0] += term(column[i * n_columns]);
            }
        };
        if (c < n_columns - 1) {
            add([](double x) { return x; });
        } else {
            add([](double x) { return x * x * (x * x); });
        }
        sums[c] = (partial[0] + partial[1]) + (partial[2] + partial[3]);
    }
}

void site_sums_backward_kernel(const double* columns, const double* sums_gradient, std::int64_t n_columns,
                               std::int64_t begin, std::int64_t end, double* columns_gradient) {
    for (std::int64_t i = begin; i < end; ++i) {
        double* result = columns_gradient + i * n_columns;
        std::copy_n(sums_gradient, n_columns - 1, result);
        result[n_columns - 1] = 4.0 * cube(columns[(i + 1) * n_columns - 1]) * sums_gradient[n_columns - 1];
    }
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void site_columns_kernel(const SiteColumnsInput<T>&, double*, std::int64_t, std::int64_t);      \
    template void site_columns_backward_kernel(const SiteColumnsInput<T>&, const double*, const double*,     \
                                               const SiteColumnsGradients<T>&, std::int64_t, std::int64_t);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
