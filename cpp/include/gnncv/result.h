// What one evaluation of a collective variable gives.
#pragma once

#include "gnncv/view.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gnncv {

struct Result {
    std::vector<double> values;       // (K): all outputs of the model
    std::vector<std::string> outputs; // (G): the outputs whose gradients were asked for, in the order asked
    std::vector<double> gradients;    // (G,N,3): dCV/dr, per angstrom
    std::vector<double>
        strain_gradients; // (G,3,3): dCV/dstrain for r' = (1 + strain) r; PLUMED's virial is minus this
    std::size_t n_atoms = 0;

    // Gradient (N,3) and strain gradient (3,3) of outputs[g].
    [[nodiscard]] View<const double> gradient(std::size_t g) const {
        return {gradients.data() + 3 * n_atoms * g, 3 * n_atoms};
    }
    [[nodiscard]] View<const double> strain_gradient(std::size_t g) const {
        return {strain_gradients.data() + 9 * g, 9};
    }
};

// The gradient of a weighted sum of outputs, as the force of a bias on several of them needs it.
struct WeightedGradient {
    std::vector<double> gradient;            // (N,3), per angstrom
    std::array<double, 9> strain_gradient{}; // (3,3), as in Result
};

// Counts and times since the collective variable was made.
struct Statistics {
    std::int64_t n_pairs = 0;        // pairs within the cutoff at the last evaluation, each direction counted
    std::int64_t n_candidates = 0;   // pairs within cutoff + skin at the last rebuild, counted alike
    std::int64_t n_evaluations = 0;  // calls of compute and per_site
    std::int64_t n_rebuilds = 0;     // of the neighbor list
    std::int64_t n_backward = 0;     // backward passes
    double seconds_neighbors = 0.0;  // neighbor list and pair vectors
    double seconds_model = 0.0;      // forward and backward passes
    double seconds_chain_rule = 0.0; // from pair vectors to positions and strain
};

} // namespace gnncv
