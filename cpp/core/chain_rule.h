// From a gradient with respect to pair vectors to one with respect to positions and strain.
#pragma once

#include "core/buffer.h"
#include "core/pairs.h"

#include <span>
#include <variant>

namespace gnncv {

// (P,3), in the precision of the pairs' vectors.
using PairGradient = std::variant<std::span<const float>, std::span<const double>>;

class ChainRule {
public:
    // gradient (N,3) and strain_gradient (3,3), overwritten.
    void apply(const PairList& pairs, const PairGradient& vectors_gradient, std::span<double> gradient,
               std::span<double> strain_gradient, const Workers& workers);

private:
    Buffer<double> sums_; // (shares, N + 3, 4)
};

} // namespace gnncv
