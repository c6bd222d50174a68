#include "model/mlcolvar_probe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace gnncv {
namespace {

constexpr std::size_t n_atoms = 32;
constexpr std::size_t n_neighbors = 16;        // within the cutoff, of an atom in the middle
constexpr std::size_t crossings_each = 3;      // pairs tried in each cluster
constexpr double smallest_distance = 0.4;      // of two atoms, in cutoffs
constexpr double distance_inside = 1e-6;       // angstrom within the cutoff at which a pair appears
constexpr double relative_displacement = 0.02; // in cutoffs

// Numbers of our own making, so that they are the same with every standard library.
class Random {
public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}
    double uniform(double low, double high) { return low + (high - low) * (engine_() / 4294967296.0); }
    std::size_t index(std::size_t n) { return engine_() % n; }

private:
    std::mt19937 engine_;
};

double distance(const double* a, const double* b) {
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

// Distance from `point` to the nearest of the atoms, `except` left out.
double clearance(const std::vector<double>& positions, const double* point, std::size_t except) {
    double nearest = INFINITY;
    for (std::size_t i = 0; 3 * i < positions.size(); ++i) {
        if (i != except) {
            nearest = std::min(nearest, distance(&positions[3 * i], point));
        }
    }
    return nearest;
}

// All pairs within the cutoff; those of atoms a and b left out if `without`.
PairList pairs_within(const std::vector<double>& positions, double cutoff, bool without = false,
                      std::size_t a = 0, std::size_t b = 0) {
    const std::size_t n = positions.size() / 3;
    std::vector<double> vectors;
    std::vector<std::int32_t> neighbor;
    std::vector<std::int64_t> row_ptr{0};
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            const bool left_out = without && ((i == a && j == b) || (i == b && j == a));
            if (i == j || left_out || distance(&positions[3 * i], &positions[3 * j]) >= cutoff) {
                continue;
            }
            for (std::size_t x = 0; x < 3; ++x) {
                vectors.push_back(positions[3 * j + x] - positions[3 * i + x]);
            }
            neighbor.push_back(static_cast<std::int32_t>(j));
        }
        row_ptr.push_back(static_cast<std::int64_t>(neighbor.size()));
    }
    return {vectors, neighbor, std::move(row_ptr)};
}

std::array<double, 3> direction(Random& random) {
    while (true) {
        const std::array<double, 3> v = {random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)};
        const double length = std::hypot(v[0], v[1], v[2]);
        if (length > 0.1 && length < 1.0) {
            return {v[0] / length, v[1] / length, v[2] / length};
        }
    }
}

// The positions with atom b put just within the cutoff of atom a, clear of the others.
std::vector<double> brought_to_cutoff(std::vector<double> positions, std::size_t a, std::size_t b,
                                      double cutoff, Random& random) {
    std::array<double, 3> best{};
    double widest = -1.0;
    for (int attempt = 0; attempt < 50 && widest < smallest_distance * cutoff; ++attempt) {
        std::array<double, 3> point = direction(random);
        for (std::size_t x = 0; x < 3; ++x) {
            point[x] = positions[3 * a + x] + (cutoff - distance_inside) * point[x];
        }
        const double room = clearance(positions, point.data(), b);
        if (room > widest) {
            widest = room;
            best = point;
        }
    }
    std::copy(best.begin(), best.end(), &positions[3 * b]);
    return positions;
}

std::vector<double> displaced(std::vector<double> positions, double displacement, Random& random) {
    for (double& x : positions) { // a uniform number of [-a, a] has the mean square a^2 / 3
        x += random.uniform(-displacement, displacement);
    }
    return positions;
}

} // namespace

std::vector<ProbeCluster> probe_clusters(std::size_t n, double cutoff, std::size_t n_species) {
    Random random(20240607);
    const double radius = cutoff * std::cbrt(static_cast<double>(n_atoms) / n_neighbors);
    std::vector<ProbeCluster> clusters(n);
    for (ProbeCluster& cluster : clusters) {
        double closest = smallest_distance * cutoff;
        while (cluster.types.size() < n_atoms) {
            std::array<double, 3> point = direction(random);
            const double r = radius * std::cbrt(random.uniform(0.0, 1.0));
            for (double& x : point) {
                x *= r;
            }
            closest *= 0.9999; // so that an unlucky beginning does not last for ever
            if (clearance(cluster.positions, point.data(), n_atoms) > closest) {
                cluster.positions.insert(cluster.positions.end(), point.begin(), point.end());
                cluster.types.push_back(static_cast<std::int64_t>(random.index(n_species)));
            }
        }
        cluster.pairs = pairs_within(cluster.positions, cutoff);
    }
    return clusters;
}

Crossing measure_crossing(const std::vector<ProbeCluster>& clusters, double cutoff, std::size_t n_outputs,
                          const ProbeEvaluation& evaluate) {
    Random random(1);
    Crossing result;
    result.displacement = relative_displacement * cutoff;
    result.n_atoms = n_atoms;
    result.n_pairs = clusters.size() * crossings_each;
    result.jump.assign(n_outputs, 0.0);
    result.variation.assign(n_outputs, 0.0);
    result.size.assign(n_outputs, 0.0);
    for (const ProbeCluster& cluster : clusters) {
        const std::vector<double> here = evaluate(cluster.pairs, cluster.types);
        const auto moved = displaced(cluster.positions, result.displacement, random);
        const std::vector<double> there = evaluate(pairs_within(moved, cutoff), cluster.types);
        for (std::size_t k = 0; k < n_outputs; ++k) {
            const double change = there[k] - here[k];
            result.variation[k] += change * change / static_cast<double>(clusters.size());
            result.size[k] = std::max(result.size[k], std::abs(here[k]));
        }
        for (std::size_t c = 0; c < crossings_each; ++c) {
            const std::size_t a = random.index(n_atoms);
            const std::size_t b = (a + 1 + random.index(n_atoms - 1)) % n_atoms;
            const auto positions = brought_to_cutoff(cluster.positions, a, b, cutoff, random);
            const auto in = evaluate(pairs_within(positions, cutoff), cluster.types);
            const auto out = evaluate(pairs_within(positions, cutoff, true, a, b), cluster.types);
            for (std::size_t k = 0; k < n_outputs; ++k) {
                result.jump[k] = std::max(result.jump[k], std::abs(in[k] - out[k]));
            }
        }
    }
    for (double& x : result.variation) {
        x = std::sqrt(x);
    }
    return result;
}

} // namespace gnncv
