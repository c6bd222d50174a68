// From gradients with respect to pair vectors to gradients with respect to positions and strain: the
// transpose of the sparse Jacobian of r_ij = r_j - r_i + S . cell, straight from the pair list, never stored.
#pragma once

#include "core/pairs.h"

#include <span>

namespace gnncv {

// vectors_gradient (P,3) -> gradient (N,3), dCV/dr, and strain_gradient (3,3), both overwritten:
// strain_gradient_ab = sum over pairs of (dCV/dr_ij)_a (r_ij)_b = dCV/dstrain_ab for r' = (1 + strain) r.
void apply_chain_rule(const PairList& pairs, std::span<const double> vectors_gradient,
                      std::span<double> gradient, std::span<double> strain_gradient);

} // namespace gnncv
