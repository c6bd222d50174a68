#include "gnncv/collective_variable.h"

#include "core/chain_rule.h"
#include "core/sha256.h"
#include "core/stopwatch.h"
#include "core/validation.h"
#include "model/model.h"
#include "model/model_device.h"
#include "model/torch_calls.h"

#include <algorithm>
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
    if (const int device = device_number(options.device); device >= 0) {
        check_gpu(device);
    }
    if (std::isnan(options.skin) || std::isinf(options.skin)) {
        throw InvalidArgument("the skin must be a finite length in angstrom, or negative for the default");
    }
    if (options.num_threads < 0) {
        throw InvalidArgument("num_threads is " + std::to_string(options.num_threads) +
                              ", expected 0 (libtorch's) or more");
    }
}

} // namespace

struct CollectiveVariable::Implementation {
    std::string path;
    std::unique_ptr<Model> model;
    std::shared_ptr<Communicator> communicator; // null: this process alone
    double skin;
    int num_threads;
    std::unique_ptr<NeighborList> neighbors;
    std::vector<std::string> remarks;
    std::vector<std::int64_t> types, local_types; // of all atoms; of the list's, if they are others
    bool differentiable = false;                  // whether the last evaluation can be differentiated
    PairList pairs;
    Result result;
    WeightedGradient weighted;
    std::vector<double> weights, local_gradient, sites, local_sites;
    ChainRule chain_rule;
    Statistics statistics;

    Implementation(const std::string& path, const Options& options)
        : path(path),
          model(load_model(path, options.num_threads, options.precision, device_number(options.device))),
          skin(options.skin < 0.0 ? default_skin(model->info().cutoff) : options.skin),
          num_threads(options.num_threads), remarks(model->info().remarks) {
        if (options.communicator && options.communicator->size() > 1) {
            if (model->info().hops > 0) {
                communicator = options.communicator;
            } else {
                remarks.push_back(
                    "The file does not say how far its sites see, so they cannot be divided: each of the " +
                    std::to_string(options.communicator->size()) + " processes evaluates all of them.");
            }
        }
    }

    // The list is made when the number of atoms is known: fewer atoms than processes are not divided.
    void make_list() {
        const double cutoff = model->info().cutoff;
        std::unique_ptr<Division> division;
        if (divided()) {
            division = std::make_unique<Division>(communicator->rank(), communicator->size(),
                                                  model->info().hops, cutoff + skin);
        }
        neighbors = std::make_unique<NeighborList>(cutoff, skin, model->info().pairs, std::move(division));
    }

    [[nodiscard]] bool divided() const {
        return communicator && types.size() >= static_cast<std::size_t>(communicator->size());
    }

    [[nodiscard]] std::size_t index_of(const std::string& output) const {
        const std::vector<std::string>& names = model->info().names;
        const auto found = std::find(names.begin(), names.end(), output);
        if (found == names.end()) {
            throw InvalidArgument("the model has no output '" + output + "'; it has " + joined(names));
        }
        return static_cast<std::size_t>(found - names.begin());
    }

    void find_pairs(View<const double> positions, const Cell& cell) {
        if (types.empty()) {
            throw InvalidArgument("no atoms are bound: call bind with the species of each atom first");
        }
        differentiable = false;
        Stopwatch watch;
        const std::span<const double> points(positions.data(), positions.size());
        check_positions(points, types.size());
        const Box box(cell);
        const ThreadCount threads(num_threads);
        const Workers workers = libtorch_workers();
        if (neighbors->update(points, box, workers)) {
            ++statistics.n_rebuilds;
            gather_types();
        }
        if (model->info().single_vectors) {
            pairs.select<float>(*neighbors, box, model->info().cutoff, workers);
        } else {
            pairs.select<double>(*neighbors, box, model->info().cutoff, workers);
        }
        const std::size_t n_listed = neighbors->candidates().neighbor.size();
        statistics.n_candidates =
            static_cast<std::int64_t>(neighbors->kind() == PairKind::half ? 2 * n_listed : n_listed);
        statistics.n_pairs = static_cast<std::int64_t>(pairs.n_directed());
        ++statistics.n_evaluations;
        statistics.seconds_neighbors += watch.lap();
    }

    void gather_types() {
        if (const std::vector<std::int64_t>* atoms = neighbors->atoms()) {
            local_types.clear();
            for (const std::int64_t i : *atoms) {
                local_types.push_back(types[i]);
            }
        }
    }

    [[nodiscard]] std::span<const std::int64_t> site_types() const {
        return neighbors->atoms() != nullptr ? local_types : types;
    }

    const Result& evaluate(View<const double> positions, const Cell& cell, bool keep) {
        find_pairs(positions, cell);
        Stopwatch watch;
        const Division* division = neighbors->division();
        std::optional<std::span<const std::int64_t>> owned;
        if (division != nullptr) {
            owned = division->owned();
        }
        const std::span<double> sums = model->sums(pairs, site_types(), owned, keep);
        if (division != nullptr) {
            communicator->sum(sums.data(), sums.size());
        }
        result.n_atoms = types.size();
        result.values.resize(model->info().names.size());
        result.outputs.clear();
        result.gradients.clear();
        result.strain_gradients.clear();
        model->values(sums, keep, result.values);
        statistics.seconds_model += watch.lap();
        check_values();
        differentiable = keep;
        return result;
    }

    const Result& differentiate(const std::vector<std::string>& outputs) {
        std::vector<std::size_t> selected;
        for (const std::string& output : outputs) {
            selected.push_back(index_of(output));
        }
        check_differentiable();
        const std::size_t n = 3 * types.size();
        result.outputs = outputs;
        result.gradients.resize(selected.size() * n);
        result.strain_gradients.resize(selected.size() * 9);
        weights.assign(result.values.size(), 0.0);
        for (std::size_t g = 0; g < selected.size(); ++g) {
            weights[selected[g]] = 1.0;
            pull_back(weights, std::span(result.gradients).subspan(n * g, n),
                      std::span(result.strain_gradients).subspan(9 * g, 9));
            weights[selected[g]] = 0.0;
        }
        share(result.gradients.data(), result.gradients.size());
        share(result.strain_gradients.data(), result.strain_gradients.size());
        for (std::size_t g = 0; g < selected.size(); ++g) {
            check_gradient(result.gradient(g), outputs[g]);
        }
        return result;
    }

    const WeightedGradient& differentiate(View<const double> wanted) {
        if (wanted.size() != model->info().names.size()) {
            throw InvalidArgument("there are " + std::to_string(wanted.size()) + " weights, expected " +
                                  std::to_string(model->info().names.size()) + ", one for each output");
        }
        check_differentiable();
        weighted.gradient.resize(3 * types.size());
        pull_back({wanted.data(), wanted.size()}, weighted.gradient, weighted.strain_gradient);
        share(weighted.gradient.data(), weighted.gradient.size());
        share(weighted.strain_gradient.data(), weighted.strain_gradient.size());
        check_gradient(weighted.gradient, "");
        return weighted;
    }

    // This process's share of the gradient of sum_k weights[k] CV_k.
    void pull_back(std::span<const double> of_values, std::span<double> gradient, std::span<double> strain) {
        Stopwatch watch;
        const PairGradient slope = model->vectors_gradient(model->sums_gradient(of_values));
        ++statistics.n_backward;
        statistics.seconds_model += watch.lap();
        const ThreadCount threads(num_threads);
        const Workers workers = libtorch_workers();
        if (const std::vector<std::int64_t>* atoms = neighbors->atoms()) {
            local_gradient.resize(3 * pairs.n_atoms());
            chain_rule.apply(pairs, slope, local_gradient, strain, workers);
            std::fill(gradient.begin(), gradient.end(), 0.0);
            for (std::size_t k = 0; k < atoms->size(); ++k) {
                std::copy_n(&local_gradient[3 * k], 3, &gradient[3 * (*atoms)[k]]);
            }
        } else {
            chain_rule.apply(pairs, slope, gradient, strain, workers);
        }
        statistics.seconds_chain_rule += watch.lap();
    }

    void share(double* numbers, std::size_t n) {
        if (neighbors->division() != nullptr) {
            communicator->sum(numbers, n);
        }
    }

    void forget() {
        model->forget();
        differentiable = false;
    }

    void check_differentiable() const {
        if (!differentiable) {
            throw InvalidArgument("there is nothing to differentiate: call evaluate first, differentiable");
        }
    }

    void check_values() {
        const std::vector<std::string>& names = model->info().names;
        for (std::size_t k = 0; k < names.size(); ++k) {
            if (!std::isfinite(result.values[k])) {
                const std::int64_t atom = model->first_bad_site(pairs, site_types());
                refuse("value of output '" + names[k] + "'", atom >= 0 ? neighbors->atom(atom) : atom);
            }
        }
    }

    void check_gradient(View<const double> gradient, const std::string& output) const {
        const auto* bad =
            std::find_if_not(gradient.begin(), gradient.end(), [](double x) { return std::isfinite(x); });
        if (bad != gradient.end()) {
            refuse("gradient of " + (output.empty() ? "the weighted outputs" : "output '" + output + "'"),
                   (bad - gradient.begin()) / 3);
        }
    }

    [[noreturn]] void refuse(const std::string& what, std::int64_t atom) const {
        std::string where;
        if (atom >= 0) {
            where = "; the first bad atom is " + std::to_string(atom) + " (counted from 0)";
        } else if (!model->info().site_names.empty()) { // a model without them cannot tell
            where = ", though every atom's share is";
        }
        throw ModelError("the " + what + " is not finite" + where +
                         ": the configuration is outside of what the model can evaluate");
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

const std::string& CollectiveVariable::precision() const {
    return implementation_->model->info().precision;
}
int CollectiveVariable::hops() const {
    return implementation_->model->info().hops;
}
std::string CollectiveVariable::hash() const {
    return sha256_of_file(implementation_->path);
}
const std::vector<std::string>& CollectiveVariable::remarks() const {
    return implementation_->remarks;
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
    implementation_->make_list();
}

const Result& CollectiveVariable::compute(View<const double> positions, const Cell& cell) {
    return compute(positions, cell, names());
}

const Result& CollectiveVariable::compute(View<const double> positions, const Cell& cell,
                                          const std::vector<std::string>& outputs) {
    Implementation& self = *implementation_;
    for (const std::string& output : outputs) {
        (void)self.index_of(output);
    }
    self.evaluate(positions, cell, !outputs.empty());
    if (!outputs.empty()) {
        self.differentiate(outputs);
    }
    self.forget();
    return self.result;
}

const Result& CollectiveVariable::evaluate(View<const double> positions, const Cell& cell,
                                           bool differentiable) {
    return implementation_->evaluate(positions, cell, differentiable);
}

const Result& CollectiveVariable::differentiate(const std::vector<std::string>& outputs) {
    return implementation_->differentiate(outputs);
}

const WeightedGradient& CollectiveVariable::differentiate(View<const double> weights) {
    return implementation_->differentiate(weights);
}

const std::vector<double>& CollectiveVariable::per_site(View<const double> positions, const Cell& cell) {
    Implementation& self = *implementation_;
    if (self.communicator) {
        throw InvalidArgument("per-site values are not gathered from several processes: use one process");
    }
    self.find_pairs(positions, cell);
    Stopwatch watch;
    self.model->site_values(self.pairs, self.site_types(), self.sites);
    if (const std::vector<std::int64_t>* atoms = self.neighbors->atoms()) {
        self.local_sites.swap(self.sites);
        const std::size_t n_columns = self.model->info().site_names.size();
        self.sites.resize(self.local_sites.size());
        for (std::size_t k = 0; k < atoms->size(); ++k) {
            std::copy_n(&self.local_sites[n_columns * k], n_columns, &self.sites[n_columns * (*atoms)[k]]);
        }
    }
    self.statistics.seconds_model += watch.lap();
    return self.sites;
}

} // namespace gnncv
