#include "kernels/pooled_outputs.h"

#include <algorithm>
#include <cmath>

namespace gnncv::kernels {
namespace {

constexpr double power_floor = 1e-30; // keeps the root's slope finite at zero

// Where the mean latent lies beside the line from the first centroid to another: t, |z - c_0 - t a|^2 / a .
// a.
struct OnLine {
    const PooledOutputsInput& in;
    const double *from, *to;
    double gap = 0.0, progress = 0.0, beside = 0.0;

    OnLine(const PooledOutputsInput& in, std::int64_t k)
        : in(in), from(in.centroids), to(in.centroids + (k + 1) * in.n_latent) {
        for (std::int64_t d = 0; d < in.n_latent; ++d) {
            gap += along(d) * along(d);
            progress += offset(d) * along(d);
        }
        progress /= gap;
        for (std::int64_t d = 0; d < in.n_latent; ++d) {
            beside += rest(d) * rest(d);
        }
        beside /= gap;
    }

    [[nodiscard]] double along(std::int64_t d) const { return to[d] - from[d]; }
    [[nodiscard]] double offset(std::int64_t d) const {
        return in.sums[d] / in.sums[in.n_sums() - 1] - from[d];
    }
    [[nodiscard]] double rest(std::int64_t d) const { return offset(d) - progress * along(d); }
    [[nodiscard]] double root() const { return std::sqrt(beside + in.softness * in.softness); }
};

} // namespace

void pooled_outputs_kernel(const PooledOutputsInput& in, double* outputs) {
    const double n_sites = in.sums[in.n_sums() - 1];
    for (std::int64_t d = 0; d < in.n_latent; ++d) {
        *outputs++ = in.sum_pooling ? in.sums[d] : in.sums[d] / n_sites;
    }
    for (std::int64_t k = 0; k < in.n_classes; ++k) {
        const OnLine line(in, k);
        *outputs++ = in.sums[in.n_latent + k] / n_sites;
        *outputs++ = in.sums[in.n_latent + k];
        *outputs++ = line.progress;
        if (in.n_latent > 1) {
            *outputs++ = line.root() - in.softness;
        }
    }
    *outputs = std::pow(in.sums[in.n_sums() - 2] / n_sites + power_floor, 1.0 / in.power);
}

void pooled_outputs_backward_kernel(const PooledOutputsInput& in, const double* outputs_gradient,
                                    double* gradient) {
    const std::int64_t last = in.n_sums() - 1;
    const double n_sites = in.sums[last];
    const double* of = outputs_gradient;
    const double* of_latent = of;
    std::fill_n(gradient, in.n_sums(), 0.0); // at first of the means over sites
    of += in.n_latent;
    for (std::int64_t d = 0; d < in.n_latent; ++d) {
        gradient[d] = in.sum_pooling ? 0.0 : of_latent[d];
    }
    for (std::int64_t k = 0; k < in.n_classes; ++k) {
        const OnLine line(in, k);
        gradient[in.n_latent + k] = of[0];
        const double of_progress = of[2] / line.gap;
        const double of_rest = in.n_latent > 1 ? of[3] / (line.root() * line.gap) : 0.0;
        for (std::int64_t d = 0; d < in.n_latent; ++d) { // the rest is normal to the line
            gradient[d] += of_progress * line.along(d) + of_rest * line.rest(d);
        }
        of += in.n_latent > 1 ? 4 : 3;
    }
    const double mean = in.sums[last - 1] / n_sites + power_floor;
    gradient[last - 1] = *of * std::pow(mean, 1.0 / in.power - 1.0) / in.power;
    for (std::int64_t c = 0; c < last; ++c) {
        gradient[c] /= n_sites;
        gradient[last] -= gradient[c] * in.sums[c] / n_sites;
    }
    for (std::int64_t d = 0; in.sum_pooling && d < in.n_latent; ++d) {
        gradient[d] += of_latent[d];
    }
    of = outputs_gradient + in.n_latent;
    for (std::int64_t k = 0; k < in.n_classes; ++k, of += in.n_latent > 1 ? 4 : 3) {
        gradient[in.n_latent + k] += of[1];
    }
}

} // namespace gnncv::kernels
