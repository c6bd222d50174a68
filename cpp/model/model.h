// What the core needs of a model: pair vectors in, values and their gradients with respect to the pair
// vectors out.
#pragma once

#include "core/pairs.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gnncv {

struct ModelInfo {
    std::vector<std::string> names;      // of the outputs
    std::vector<std::string> site_names; // of the per-site columns
    std::vector<std::string> species;
    std::string metadata; // JSON text
    double cutoff = 0.0;  // angstrom
};

// Takes the gradient (P,3) of the g-th output asked for; the numbers are gone when it returns.
using GradientSink = std::function<void(std::size_t g, std::span<const double> vectors_gradient)>;

class Model {
public:
    virtual ~Model() = default;
    [[nodiscard]] virtual const ModelInfo& info() const = 0;

    // Values of all outputs in one forward pass, and one backward pass for each of `outputs` (indices of
    // names). types (N): index of each atom's species. Throws ModelError.
    virtual void evaluate(const PairList& pairs, std::span<const std::int64_t> types,
                          std::span<const std::size_t> outputs, std::span<double> values,
                          const GradientSink& sink) = 0;

    // Per-site columns, resized to (N, site_names). Throws ModelError.
    virtual void site_values(const PairList& pairs, std::span<const std::int64_t> types,
                             std::vector<double>& values) = 0;

    // The first atom whose per-site quantities are not finite, or -1: to say where a bad value comes from.
    virtual std::int64_t first_bad_site(const PairList& pairs, std::span<const std::int64_t> types) = 0;
};

// Read a model file. num_threads 0 leaves libtorch's setting alone. Throws ModelError.
[[nodiscard]] std::unique_ptr<Model> load_torchscript_model(const std::string& path, int num_threads);

} // namespace gnncv
