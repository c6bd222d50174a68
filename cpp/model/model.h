// What the core needs of a model: pair vectors in, values and their gradients with respect to the pair
// vectors out, in parts that can be divided between processes.
#pragma once

#include "core/chain_rule.h"
#include "core/pairs.h"
#include "core/sites.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace gnncv {

struct ModelInfo {
    std::vector<std::string> names;      // of the outputs
    std::vector<std::string> site_names; // of the per-site columns; none if the model has no such quantities
    Topology topology;                   // the kinds of its sites
    std::string metadata;                // JSON text
    std::string precision;               // float32 or float64
    std::vector<std::string> remarks;    // for the user, a sentence each
    double cutoff = 0.0;                 // angstrom
    PairKind pairs = PairKind::full;     // which pairs the model wants,
    bool single_vectors = false;         // and in what precision their vectors
    int hops = 0; // how many bonds away a site can change another's quantities; 0: they cannot be divided
};

// Gradient with respect to the vectors of the pairs (P,3), the axes (M,A,3) and the descriptors (D).
struct ModelGradient {
    PairGradient vectors;
    std::span<const double> axes, descriptors;
};

// One evaluation is: sums (what is pooled over sites) from the pairs; values from the sums; and back, any
// number of times, from weights of the values to a gradient with respect to the sums, and from there to one
// with respect to pair vectors, axes and descriptors. Everything throws ModelError.
class Model {
public:
    virtual ~Model() = default;
    [[nodiscard]] virtual const ModelInfo& info() const = 0;

    // Sums over the sites `owned` (indices; none: all sites). Keeps what the backward pass needs if
    // `differentiable`. The span is valid until the next call.
    virtual std::span<double> sums(const PairList& pairs, const SiteFacts& sites,
                                   std::optional<std::span<const std::int64_t>> owned,
                                   bool differentiable) = 0;

    // Values of all outputs from sums, which may be those of all processes together.
    virtual void values(std::span<const double> sums, bool differentiable, std::span<double> values) = 0;

    // d(sum_k weights[k] value_k)/d(sums), at the last sums given to `values`. Valid until the next call.
    virtual std::span<const double> sums_gradient(std::span<const double> weights) = 0;

    // At the last pairs and sites given to `sums`. Valid until the next call. The `last` one before `forget`
    // can let go of what it has passed.
    virtual ModelGradient gradient(std::span<const double> sums_gradient, bool last) = 0;

    // Let go of what the backward pass needs.
    virtual void forget() = 0;

    // Per-site columns, resized to (M, site_names).
    virtual void site_values(const PairList& pairs, const SiteFacts& sites, std::vector<double>& values) = 0;

    // The first site whose quantities are not finite, or -1: to say where a bad value comes from.
    virtual std::int64_t first_bad_site(const PairList& pairs, const SiteFacts& sites) = 0;
};

// Read a model file. num_threads 0 leaves libtorch's setting alone; precision float32, float64, or empty for
// the file's own; device -1 for the CPU, or the number of a GPU that can be used. Throws ModelError,
// InvalidArgument, DeviceError.
[[nodiscard]] std::unique_ptr<Model> load_model(const std::string& path, int num_threads,
                                                const std::string& precision, int device);

} // namespace gnncv
