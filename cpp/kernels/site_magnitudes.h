// The features of one site: sums of squares of each degree first, then what is the same for all of them.
#pragma once

#include "kernels/degree_registers.h"
#include "kernels/environment_features.h"
#include "kernels/harmonic_polynomials.h"

#include <cmath>
#include <vector>

namespace gnncv::kernels {

// In double whatever the densities are: small differences from their means come next.
template <typename T, int bytes>
class SiteMagnitudes {
public:
    explicit SiteMagnitudes(const FeatureInput<T>& input)
        : half_(input.n_features() / 2), floor_(input.floor), root_floor_(std::sqrt(input.floor)),
          squares_(input.n_rows, input.l_max), sums_(2 * half_ + LanesOf<T, bytes>::width),
          weights_(2 * half_), is_shared_(2 * half_), inverse_(2 * half_ + 1), offset_(inverse_.size()) {
        const std::vector<double> weights = weights_of_degrees(input.l_max);
        for (std::int64_t f = 0; f < 2 * half_; ++f) {
            weights_[f] = weights[f % (input.l_max + 1)];
            is_shared_[f] = f < half_ ? 0.0 : 1.0;
        }
        for (std::int64_t f = 0; f < 2 * half_ + 1; ++f) {
            inverse_[f] = 1.0 / input.scale[f];
            offset_[f] = input.mean[f] / input.scale[f];
        }
    }

    // The features of a site, with p_l of its densities times `own`, of its averaged ones times `shared`, and
    // their slopes: the derivative of a feature in each number of its degree is its slope times that number.
    // sqrt(p + e) - sqrt(e) = p / (sqrt(p + e) + sqrt(e)) keeps the digits of a small p.
    GNNCV_INLINE void fill(const T* densities, const T* averaged, double own, double shared, T coordination,
                           T* __restrict__ features, T* __restrict__ slopes) {
        squares_(densities, sums_.data());
        squares_(averaged, sums_.data() + half_);
        const T* __restrict__ sums = sums_.data();
        const double* __restrict__ weights = weights_.data();
        const double* __restrict__ is_shared = is_shared_.data();
        const double* __restrict__ inverse = inverse_.data();
        const double* __restrict__ offset = offset_.data();
        const double floor = floor_, root_floor = root_floor_;
        const std::int64_t n = 2 * half_;
        for (std::int64_t f = 0; f < n; ++f) {
            const double weight = weights[f] * (own + is_shared[f] * (shared - own));
            const double p = static_cast<double>(sums[f]) * weight;
            const double root = std::sqrt(p + floor), sum = root + root_floor;
            const double factor = inverse[f] / (root * sum); // one division for two
            features[f] = static_cast<T>(p * root * factor - offset[f]);
            slopes[f] = static_cast<T>(weight * sum * factor);
        }
        features[n] = static_cast<T>(static_cast<double>(coordination) * inverse[n] - offset[n]);
    }

private:
    // 4 pi / (2 l + 1), with what the harmonics' constants lost when they were rounded to T: that is the same
    // at all sites, and does not average out.
    static std::vector<double> weights_of_degrees(int l_max) {
        const HarmonicConstants<T> rounded(l_max);
        const HarmonicConstants<double> exact(l_max);
        std::vector<double> weights(l_max + 1);
        for (int l = 0; l <= l_max; ++l) {
            for (int lm = l * l; lm < (l + 1) * (l + 1); ++lm) {
                weights[l] += std::pow(exact.norm[lm] / static_cast<double>(rounded.norm[lm]), 2);
            }
            weights[l] *= four_pi / ((2.0 * l + 1.0) * (2.0 * l + 1.0));
        }
        return weights;
    }

    std::int64_t half_;
    double floor_, root_floor_;
    DegreeSquares<T, bytes> squares_;
    std::vector<T> sums_;
    std::vector<double> weights_, is_shared_, inverse_, offset_;
};

} // namespace gnncv::kernels
