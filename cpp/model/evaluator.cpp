#include "model/evaluator.h"

#include "core/stopwatch.h"
#include "core/validation.h"
#include "gnncv/error.h"
#include "model/kept_memory.h"
#include "model/model_device.h"
#include "model/torch_calls.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace gnncv {
namespace {

// Rebuilding costs about as much as tens of evaluations' worth of extra candidates: a seventh of the cutoff,
// within limits.
double default_skin(double cutoff) {
    return std::clamp(cutoff / 7.0, 0.3, 1.5);
}

} // namespace

Evaluator::Evaluator(const std::string& path, const Options& options)
    : model_(load_model(path, options.num_threads, options.precision, device_number(options.device))),
      skin_(options.skin < 0.0 ? default_skin(info().cutoff) : options.skin),
      num_threads_(options.num_threads), remarks_(info().remarks) {
    if (options.communicator && options.communicator->size() > 1) {
        if (info().hops > 0) {
            communicator_ = options.communicator;
        } else {
            remarks_.push_back(
                "The file does not say how far its sites see, so they cannot be divided: each of the " +
                std::to_string(options.communicator->size()) + " processes evaluates all of them.");
        }
    }
}

void Evaluator::bind(const std::vector<std::string>& symbols) {
    if (symbols.empty()) {
        throw InvalidArgument("there are no atoms to bind");
    }
    layout_ = info().topology.match(symbols);
    sites_.reset();
    if (info().topology.has_molecules()) {
        sites_ = std::make_unique<Sites>(info().topology, layout_);
    }
    make_list();
}

// The list is made when the number of sites is known: fewer sites than processes are not divided.
void Evaluator::make_list() {
    const double cutoff = info().cutoff;
    std::unique_ptr<Division> division;
    if (communicator_ && layout_.kind.size() >= static_cast<std::size_t>(communicator_->size())) {
        division = std::make_unique<Division>(communicator_->rank(), communicator_->size(), info().hops,
                                              cutoff + skin_);
    }
    neighbors_ = std::make_unique<NeighborList>(cutoff, skin_, info().pairs, std::move(division));
}

std::size_t Evaluator::index_of(const std::string& output) const {
    const std::vector<std::string>& names = info().names;
    const auto found = std::find(names.begin(), names.end(), output);
    if (found == names.end()) {
        std::string known;
        for (const std::string& name : names) {
            known += (known.empty() ? "" : ", ") + name;
        }
        throw InvalidArgument("the model has no output '" + output + "'; it has " + known);
    }
    return static_cast<std::size_t>(found - names.begin());
}

void Evaluator::find_pairs(View<const double> positions, const Cell& cell) {
    if (neighbors_ == nullptr) {
        throw InvalidArgument("no atoms are bound: call bind with the species of each atom first");
    }
    differentiable_ = false;
    Stopwatch watch;
    const std::span<const double> atoms(positions.data(), positions.size());
    check_positions(atoms, layout_.n_atoms);
    const Box box(cell);
    const ThreadCount threads(num_threads_);
    const Workers workers = libtorch_workers();
    std::span<const double> points = atoms;
    if (sites_) {
        sites_->update(atoms, box, workers);
        points = sites_->centers();
    }
    // A new list needs much memory for a moment: what the last step left makes room for it.
    const bool rebuilt = neighbors_->update(points, box, workers, [this] {
        forget();
        pairs_ = PairList();
        release_kept_memory();
    });
    if (rebuilt) {
        ++statistics_.n_rebuilds;
    }
    if (sites_) {
        sites_->gather(neighbors_->atoms(), rebuilt, facts_);
    } else if (rebuilt) {
        facts_.types = layout_.kind;
        if (const std::vector<std::int64_t>* list = neighbors_->atoms()) {
            facts_.types.resize(list->size());
            std::transform(list->begin(), list->end(), facts_.types.begin(),
                           [this](std::int64_t i) { return layout_.kind[static_cast<std::size_t>(i)]; });
        }
    }
    if (info().single_vectors) {
        pairs_.select<float>(*neighbors_, box, info().cutoff, workers);
    } else {
        pairs_.select<double>(*neighbors_, box, info().cutoff, workers);
    }
    const std::size_t n_listed = neighbors_->candidates().neighbor.size();
    statistics_.n_candidates =
        static_cast<std::int64_t>(neighbors_->kind() == PairKind::half ? 2 * n_listed : n_listed);
    statistics_.n_pairs = static_cast<std::int64_t>(pairs_.n_directed());
    ++statistics_.n_evaluations;
    statistics_.seconds_neighbors += watch.lap();
}

const Result& Evaluator::evaluate(View<const double> positions, const Cell& cell, bool differentiable) {
    find_pairs(positions, cell);
    Stopwatch watch;
    const Division* division = neighbors_->division();
    std::optional<std::span<const std::int64_t>> owned;
    if (division != nullptr) {
        owned = division->owned();
    }
    const std::span<double> sums = model_->sums(pairs_, facts_, owned, differentiable);
    if (division != nullptr) {
        communicator_->sum(sums.data(), sums.size());
    }
    result_.n_atoms = layout_.n_atoms;
    result_.values.resize(info().names.size());
    result_.outputs.clear();
    result_.gradients.clear();
    result_.strain_gradients.clear();
    model_->values(sums, differentiable, result_.values);
    statistics_.seconds_model += watch.lap();
    check_values();
    differentiable_ = differentiable;
    return result_;
}

const Result& Evaluator::differentiate(const std::vector<std::string>& outputs, bool last) {
    std::vector<std::size_t> selected;
    for (const std::string& output : outputs) {
        selected.push_back(index_of(output));
    }
    check_differentiable();
    const std::size_t n = 3 * layout_.n_atoms;
    result_.outputs = outputs;
    result_.gradients.resize(selected.size() * n);
    result_.strain_gradients.resize(selected.size() * 9);
    weights_.assign(result_.values.size(), 0.0);
    for (std::size_t g = 0; g < selected.size(); ++g) {
        weights_[selected[g]] = 1.0;
        pull_back(weights_, last && g + 1 == selected.size(), std::span(result_.gradients).subspan(n * g, n),
                  std::span(result_.strain_gradients).subspan(9 * g, 9));
        weights_[selected[g]] = 0.0;
    }
    if (last) {
        forget();
    }
    share(result_.gradients.data(), result_.gradients.size());
    share(result_.strain_gradients.data(), result_.strain_gradients.size());
    for (std::size_t g = 0; g < selected.size(); ++g) {
        check_gradient(result_.gradient(g), outputs[g]);
    }
    return result_;
}

const WeightedGradient& Evaluator::differentiate(View<const double> wanted) {
    if (wanted.size() != info().names.size()) {
        throw InvalidArgument("there are " + std::to_string(wanted.size()) + " weights, expected " +
                              std::to_string(info().names.size()) + ", one for each output");
    }
    check_differentiable();
    weighted_.gradient.resize(3 * layout_.n_atoms);
    pull_back({wanted.data(), wanted.size()}, false, weighted_.gradient, weighted_.strain_gradient);
    share(weighted_.gradient.data(), weighted_.gradient.size());
    share(weighted_.strain_gradient.data(), weighted_.strain_gradient.size());
    check_gradient(weighted_.gradient, "");
    return weighted_;
}

// This process's share of the gradient of sum_k weights[k] CV_k.
void Evaluator::pull_back(std::span<const double> of_values, bool last, std::span<double> gradient,
                          std::span<double> strain) {
    Stopwatch watch;
    const ModelGradient slope = model_->gradient(model_->sums_gradient(of_values), last);
    ++statistics_.n_backward;
    statistics_.seconds_model += watch.lap();
    const ThreadCount threads(num_threads_);
    const Workers workers = libtorch_workers();
    const std::vector<std::int64_t>* list = neighbors_->atoms();
    std::span<double> of_sites = gradient;
    if (sites_) {
        site_gradient_.resize(3 * sites_->n_sites());
        of_sites = site_gradient_;
    }
    if (list != nullptr) {
        local_gradient_.resize(3 * pairs_.n_atoms());
        chain_rule_.apply(pairs_, slope.vectors, local_gradient_, strain, workers);
        std::fill(of_sites.begin(), of_sites.end(), 0.0);
        for (std::size_t k = 0; k < list->size(); ++k) {
            std::copy_n(&local_gradient_[3 * k], 3, &of_sites[3 * static_cast<std::size_t>((*list)[k])]);
        }
    } else {
        chain_rule_.apply(pairs_, slope.vectors, of_sites, strain, workers);
    }
    if (sites_) {
        sites_->pull_back(list, of_sites, slope.axes, slope.descriptors, gradient, strain, workers);
    }
    statistics_.seconds_chain_rule += watch.lap();
}

const std::vector<double>& Evaluator::per_site(View<const double> positions, const Cell& cell) {
    if (communicator_) {
        throw InvalidArgument("per-site values are not gathered from several processes: use one process");
    }
    find_pairs(positions, cell);
    Stopwatch watch;
    model_->site_values(pairs_, facts_, columns_);
    if (const std::vector<std::int64_t>* list = neighbors_->atoms()) {
        local_columns_.swap(columns_);
        const std::size_t n = info().site_names.size();
        columns_.resize(local_columns_.size());
        for (std::size_t k = 0; k < list->size(); ++k) {
            std::copy_n(&local_columns_[n * k], n, &columns_[n * static_cast<std::size_t>((*list)[k])]);
        }
    }
    statistics_.seconds_model += watch.lap();
    return columns_;
}

void Evaluator::share(double* numbers, std::size_t n) {
    if (neighbors_->division() != nullptr) {
        communicator_->sum(numbers, n);
    }
}

void Evaluator::forget() {
    model_->forget();
    differentiable_ = false;
}

void Evaluator::check_differentiable() const {
    if (!differentiable_) {
        throw InvalidArgument("there is nothing to differentiate: call evaluate first, differentiable");
    }
}

void Evaluator::check_values() {
    for (std::size_t k = 0; k < info().names.size(); ++k) {
        if (std::isfinite(result_.values[k])) {
            continue;
        }
        std::string where;
        if (const std::int64_t bad = model_->first_bad_site(pairs_, facts_); bad >= 0) {
            const auto site = static_cast<std::size_t>(neighbors_->atom(bad));
            where = sites_ ? "; the first bad site is " + sites_->name_of(site)
                           : "; the first bad atom is " + std::to_string(site) + " (counted from 0)";
        } else if (!info().site_names.empty()) { // a model without them cannot tell
            where = ", though every atom's share is";
        }
        refuse("value of output '" + info().names[k] + "'", where);
    }
}

void Evaluator::check_gradient(View<const double> gradient, const std::string& output) const {
    const auto* bad =
        std::find_if_not(gradient.begin(), gradient.end(), [](double x) { return std::isfinite(x); });
    if (bad != gradient.end()) {
        refuse("gradient of " + (output.empty() ? "the weighted outputs" : "output '" + output + "'"),
               "; the first bad atom is " + std::to_string((bad - gradient.begin()) / 3) +
                   " (counted from 0)");
    }
}

void Evaluator::refuse(const std::string& what, const std::string& where) const {
    throw ModelError("the " + what + " is not finite" + where +
                     ": the configuration is outside of what the model can evaluate");
}

} // namespace gnncv
