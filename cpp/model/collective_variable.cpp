#include "gnncv/collective_variable.h"

#include "core/chain_rule.h"
#include "core/validation.h"
#include "model/model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

namespace gnncv {
namespace {

// Rebuilding costs about as much as tens of evaluations' worth of extra candidates: a seventh of the cutoff,
// within limits.
double default_skin(double cutoff) {
    return std::clamp(cutoff / 7.0, 0.3, 1.5);
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

void check_options(const Options& options) {
    const std::string& device = options.device;
    if (device.rfind("cuda", 0) == 0) {
        throw DeviceError("device '" + device +
                          "' was asked for, but this build evaluates on the CPU: use device 'cpu'");
    }
    if (device != "cpu") {
        throw DeviceError("device '" + device + "' is not known: use device 'cpu'");
    }
    if (std::isnan(options.skin) || std::isinf(options.skin)) {
        throw InvalidArgument("the skin must be a finite length in angstrom, or negative for the default");
    }
    if (options.num_threads < 0) {
        throw InvalidArgument("num_threads is " + std::to_string(options.num_threads) +
                              ", expected 0 (libtorch's) or more");
    }
}

class Stopwatch {
public:
    [[nodiscard]] double lap() {
        const auto now = std::chrono::steady_clock::now();
        const double seconds = std::chrono::duration<double>(now - start_).count();
        start_ = now;
        return seconds;
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace

struct CollectiveVariable::Implementation {
    std::unique_ptr<Model> model;
    double skin;
    NeighborList neighbors;
    std::vector<std::int64_t> types;
    std::vector<std::size_t> selected; // indices of result.outputs
    PairList pairs;
    Result result;
    std::vector<double> sites;
    Statistics statistics;

    Implementation(const std::string& path, const Options& options)
        : model(load_torchscript_model(path, options.num_threads)),
          skin(options.skin < 0.0 ? default_skin(model->info().cutoff) : options.skin),
          neighbors(model->info().cutoff, skin, options.num_threads) {}

    void select(const std::vector<std::string>& outputs) {
        const std::vector<std::string>& names = model->info().names;
        selected.clear();
        for (const std::string& output : outputs) {
            const auto found = std::find(names.begin(), names.end(), output);
            if (found == names.end()) {
                throw InvalidArgument("the model has no output '" + output + "'; it has " + joined(names));
            }
            selected.push_back(static_cast<std::size_t>(found - names.begin()));
        }
        result.outputs = outputs;
    }

    void find_pairs(View<const double> positions, const Cell& cell) {
        if (types.empty()) {
            throw InvalidArgument("no atoms are bound: call bind with the species of each atom first");
        }
        const std::span<const double> points(positions.data(), positions.size());
        check_positions(points, types.size());
        const Box box(cell);
        statistics.n_rebuilds += neighbors.update(points, box) ? 1 : 0;
        select_pairs(neighbors, box, model->info().cutoff, pairs);
        statistics.n_candidates = static_cast<std::int64_t>(neighbors.candidates().neighbor.size());
        statistics.n_pairs = static_cast<std::int64_t>(pairs.n_pairs());
        ++statistics.n_evaluations;
    }

    void evaluate() {
        const std::size_t n_atoms = types.size();
        result.n_atoms = n_atoms;
        result.values.resize(model->info().names.size());
        result.gradients.resize(selected.size() * 3 * n_atoms);
        result.strain_gradients.resize(selected.size() * 9);
        Stopwatch watch;
        double chain_rule = 0.0;
        model->evaluate(
            pairs, types, selected, result.values, [&](std::size_t g, std::span<const double> gradient) {
                Stopwatch inner;
                apply_chain_rule(pairs, gradient,
                                 std::span(result.gradients).subspan(3 * n_atoms * g, 3 * n_atoms),
                                 std::span(result.strain_gradients).subspan(9 * g, 9));
                chain_rule += inner.lap();
            });
        statistics.seconds_chain_rule += chain_rule;
        statistics.seconds_model += watch.lap() - chain_rule;
        check_finite();
    }

    void check_finite() {
        const std::vector<std::string>& names = model->info().names;
        for (std::size_t k = 0; k < names.size(); ++k) {
            if (!std::isfinite(result.values[k])) {
                const std::int64_t atom = model->first_bad_site(pairs, types);
                refuse(names[k], "value", atom);
            }
        }
        for (std::size_t g = 0; g < selected.size(); ++g) {
            const View<const double> gradient = result.gradient(g);
            const auto* bad =
                std::find_if_not(gradient.begin(), gradient.end(), [](double x) { return std::isfinite(x); });
            if (bad != gradient.end()) {
                refuse(result.outputs[g], "gradient", (bad - gradient.begin()) / 3);
            }
        }
    }

    [[noreturn]] static void refuse(const std::string& output, const char* what, std::int64_t atom) {
        throw ModelError("the " + std::string(what) + " of output '" + output + "' is not finite" +
                         (atom < 0
                              ? std::string(", though every atom's share is")
                              : "; the first bad atom is " + std::to_string(atom) + " (counted from 0)") +
                         ": the configuration is outside of what the model can evaluate");
    }

    const Result& compute(View<const double> positions, const Cell& cell) {
        Stopwatch watch;
        find_pairs(positions, cell);
        statistics.seconds_neighbors += watch.lap();
        evaluate();
        return result;
    }
};

CollectiveVariable::CollectiveVariable(const std::string& path, const Options& options) {
    check_options(options);
    implementation_ = std::make_unique<Implementation>(path, options);
}

CollectiveVariable::~CollectiveVariable() = default;
CollectiveVariable::CollectiveVariable(CollectiveVariable&&) noexcept = default;
CollectiveVariable& CollectiveVariable::operator=(CollectiveVariable&&) noexcept = default;

const std::vector<std::string>& CollectiveVariable::names() const {
    return implementation_->model->info().names;
}
const std::vector<std::string>& CollectiveVariable::site_names() const {
    return implementation_->model->info().site_names;
}
const std::vector<std::string>& CollectiveVariable::species() const {
    return implementation_->model->info().species;
}
const std::string& CollectiveVariable::metadata() const {
    return implementation_->model->info().metadata;
}
double CollectiveVariable::cutoff() const {
    return implementation_->model->info().cutoff;
}
double CollectiveVariable::skin() const {
    return implementation_->skin;
}
const Statistics& CollectiveVariable::statistics() const {
    return implementation_->statistics;
}

void CollectiveVariable::bind(const std::vector<std::string>& symbols) {
    const std::vector<std::string>& known = species();
    if (symbols.empty()) {
        throw InvalidArgument("there are no atoms to bind");
    }
    std::vector<std::int64_t> types;
    for (const std::string& symbol : symbols) {
        const auto found = std::find(known.begin(), known.end(), symbol);
        if (found == known.end()) {
            throw InvalidArgument("atom " + std::to_string(types.size()) +
                                  " (counted from 0) is of species '" + symbol +
                                  "', which the model does not know; it knows " + joined(known));
        }
        types.push_back(found - known.begin());
    }
    implementation_->types = std::move(types);
}

const Result& CollectiveVariable::compute(View<const double> positions, const Cell& cell) {
    return compute(positions, cell, names());
}

const Result& CollectiveVariable::compute(View<const double> positions, const Cell& cell,
                                          const std::vector<std::string>& outputs) {
    implementation_->select(outputs);
    return implementation_->compute(positions, cell);
}

const std::vector<double>& CollectiveVariable::per_site(View<const double> positions, const Cell& cell) {
    Implementation& self = *implementation_;
    Stopwatch watch;
    self.find_pairs(positions, cell);
    self.statistics.seconds_neighbors += watch.lap();
    self.model->site_values(self.pairs, self.types, self.sites);
    self.statistics.seconds_model += watch.lap();
    return self.sites;
}

} // namespace gnncv
