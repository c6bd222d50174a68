#include "gnncv/collective_variable.h"

#include "core/sha256.h"
#include "model/evaluator.h"
#include "model/model_device.h"

#include <cmath>

namespace gnncv {
namespace {

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
    Evaluator evaluator;
    std::vector<std::string> kinds, species;

    Implementation(const std::string& path, const Options& options)
        : path(path), evaluator(path, options), kinds(evaluator.info().topology.kinds()),
          species(evaluator.info().topology.species()) {}
};

CollectiveVariable::CollectiveVariable(const std::string& path, const Options& options) {
    check_options(options);
    implementation_ = std::make_unique<Implementation>(path, options);
}

CollectiveVariable::~CollectiveVariable() = default;
CollectiveVariable::CollectiveVariable(CollectiveVariable&&) noexcept = default;
CollectiveVariable& CollectiveVariable::operator=(CollectiveVariable&&) noexcept = default;

const std::vector<std::string>& CollectiveVariable::names() const {
    return implementation_->evaluator.info().names;
}
const std::vector<std::string>& CollectiveVariable::site_names() const {
    return implementation_->evaluator.info().site_names;
}
const std::vector<std::string>& CollectiveVariable::species() const {
    return implementation_->species;
}
const std::vector<std::string>& CollectiveVariable::kinds() const {
    return implementation_->kinds;
}
std::vector<std::string> CollectiveVariable::molecule(const std::string& kind) const {
    for (const MoleculeKind& molecule : implementation_->evaluator.info().topology.molecules()) {
        if (molecule.name == kind) {
            return molecule.symbols;
        }
    }
    return {};
}
const std::string& CollectiveVariable::metadata() const {
    return implementation_->evaluator.info().metadata;
}
double CollectiveVariable::cutoff() const {
    return implementation_->evaluator.info().cutoff;
}
double CollectiveVariable::skin() const {
    return implementation_->evaluator.skin();
}
const Statistics& CollectiveVariable::statistics() const {
    return implementation_->evaluator.statistics();
}
const std::string& CollectiveVariable::precision() const {
    return implementation_->evaluator.info().precision;
}
int CollectiveVariable::hops() const {
    return implementation_->evaluator.info().hops;
}
std::string CollectiveVariable::hash() const {
    return sha256_of_file(implementation_->path);
}
const std::vector<std::string>& CollectiveVariable::remarks() const {
    return implementation_->evaluator.remarks();
}

void CollectiveVariable::bind(const std::vector<std::string>& symbols) {
    implementation_->evaluator.bind(symbols);
}

const std::vector<std::int64_t>& CollectiveVariable::site_kinds() const {
    return implementation_->evaluator.layout().kind;
}
const std::vector<std::int64_t>& CollectiveVariable::first_atoms() const {
    return implementation_->evaluator.layout().first_atom;
}
std::size_t CollectiveVariable::n_atoms() const {
    return implementation_->evaluator.layout().n_atoms;
}

const Result& CollectiveVariable::compute(View<const double> positions, const Cell& cell) {
    return compute(positions, cell, names());
}

const Result& CollectiveVariable::compute(View<const double> positions, const Cell& cell,
                                          const std::vector<std::string>& outputs) {
    Evaluator& evaluator = implementation_->evaluator;
    for (const std::string& output : outputs) {
        (void)evaluator.index_of(output);
    }
    evaluator.evaluate(positions, cell, !outputs.empty());
    if (!outputs.empty()) {
        evaluator.differentiate(outputs, true);
    }
    evaluator.forget();
    return evaluator.result();
}

const Result& CollectiveVariable::evaluate(View<const double> positions, const Cell& cell,
                                           bool differentiable) {
    return implementation_->evaluator.evaluate(positions, cell, differentiable);
}

const Result& CollectiveVariable::differentiate(const std::vector<std::string>& outputs) {
    return implementation_->evaluator.differentiate(outputs);
}

const WeightedGradient& CollectiveVariable::differentiate(View<const double> weights) {
    return implementation_->evaluator.differentiate(weights);
}

const std::vector<double>& CollectiveVariable::per_site(View<const double> positions, const Cell& cell) {
    return implementation_->evaluator.per_site(positions, cell);
}

} // namespace gnncv
