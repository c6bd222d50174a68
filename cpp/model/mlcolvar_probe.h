// What a model does when a pair of atoms crosses its cutoff, found by trying.
#pragma once

#include "core/pairs.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace gnncv {

// A random cluster without a box, as dense as a liquid of about sixteen neighbors within the cutoff.
struct ProbeCluster {
    std::vector<double> positions;   // (N,3), angstrom
    std::vector<std::int64_t> types; // (N)
    PairList pairs;
};

// Always the same ones: the first `n` of a fixed sequence.
[[nodiscard]] std::vector<ProbeCluster> probe_clusters(std::size_t n, double cutoff, std::size_t n_species);

// Values of all outputs.
using ProbeEvaluation =
    std::function<std::vector<double>(const PairList& pairs, std::span<const std::int64_t> types)>;

struct Crossing {
    std::vector<double> jump;      // largest change of each output when one pair appears at the cutoff
    std::vector<double> variation; // typical change of each output when all atoms move by `displacement`
    std::vector<double> size;      // largest magnitude of each output
    double displacement = 0.0;     // angstrom, root mean square of each atom
    std::size_t n_atoms = 0;       // of each cluster
    std::size_t n_pairs = 0;       // that were made to cross
};

[[nodiscard]] Crossing measure_crossing(const std::vector<ProbeCluster>& clusters, double cutoff,
                                        std::size_t n_outputs, const ProbeEvaluation& evaluate);

} // namespace gnncv
