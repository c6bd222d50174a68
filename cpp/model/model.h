// What the core needs of a model: pair vectors in, values and their gradients with respect to the pair
// vectors out, in parts that can be divided between processes.
#pragma once

#include "core/chain_rule.h"
#include "core/pairs.h"

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
    std::vector<std::string> species;
    std::string metadata;             // JSON text
    std::string precision;            // float32 or float64
    std::vector<std::string> remarks; // for the user, a sentence each
    double cutoff = 0.0;              // angstrom
    PairKind pairs = PairKind::full;  // which pairs the model wants,
    bool single_vectors = false;      // and in what precision their vectors
    int hops =
        0; // how many bonds away an atom can change a site's quantities; 0: the sites cannot be divided
};

// One evaluation is: sums (what is pooled over sites) from the pairs; values from the sums; and back, any
// number of times, from weights of the values to a gradient with respect to the sums, and from there to one
// with respect to the pair vectors. Everything throws ModelError.
class Model {
public:
    virtual ~Model() = default;
    [[nodiscard]] virtual const ModelInfo& info() const = 0;

    // Sums over the sites `owned` (indices; none: all sites). types (N): index of each atom's species. Keeps
    // what the backward pass needs if `differentiable`. The span is valid until the next call.
    virtual std::span<double> sums(const PairList& pairs, std::span<const std::int64_t> types,
                                   std::optional<std::span<const std::int64_t>> owned,
                                   bool differentiable) = 0;

    // Values of all outputs from sums, which may be those of all processes together.
    virtual void values(std::span<const double> sums, bool differentiable, std::span<double> values) = 0;

    // d(sum_k weights[k] value_k)/d(sums), at the last sums given to `values`. Valid until the next call.
    virtual std::span<const double> sums_gradient(std::span<const double> weights) = 0;

    // (P,3) gradient with respect to the vectors of the last pairs given to `sums`. Valid until the next
    // call.
    virtual PairGradient vectors_gradient(std::span<const double> sums_gradient) = 0;

    // Let go of what the backward pass needs.
    virtual void forget() = 0;

    // Per-site columns, resized to (N, site_names).
    virtual void site_values(const PairList& pairs, std::span<const std::int64_t> types,
                             std::vector<double>& values) = 0;

    // The first atom whose per-site quantities are not finite, or -1: to say where a bad value comes from.
    virtual std::int64_t first_bad_site(const PairList& pairs, std::span<const std::int64_t> types) = 0;
};

// Read a model file. num_threads 0 leaves libtorch's setting alone; precision float32, float64, or empty for
// the file's own; device -1 for the CPU, or the number of a GPU that can be used. Throws ModelError,
// InvalidArgument, DeviceError.
[[nodiscard]] std::unique_ptr<Model> load_model(const std::string& path, int num_threads,
                                                const std::string& precision, int device);

} // namespace gnncv
