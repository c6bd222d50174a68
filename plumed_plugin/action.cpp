#include "action.h"

#include "communicator.h"

#include "core/ActionRegister.h"
#include "core/PlumedMain.h"
#include "tools/OpenMP.h"
#ifndef GNNCV_PLUMED_WITHOUT_ATOMS
#include "core/Atoms.h" // PLUMED 2.9: units are the atoms'
#endif

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace gnncv_plumed {
namespace {

bool same_file(const std::string& one, const std::string& other) {
    std::error_code unknown;
    return one == other || std::filesystem::equivalent(one, other, unknown);
}

} // namespace

PLUMED_REGISTER_ACTION(GnncvAction, "GNNCV")

void GnncvAction::registerKeywords(PLMD::Keywords& keys) {
    Colvar::registerKeywords(keys);
    useCustomisableComponents(keys);
    keys.add("compulsory", "MODEL", "the model file that gnncv exported");
    keys.add("atoms", "ATOMS", "the atoms the collective variable is of");
    keys.add("numbered", "SPECIES", "the atoms of each species, instead of ATOMS or in addition to it");
    keys.reset_style("SPECIES", "atoms");
    keys.add("optional", "SPECIES_TO_TYPES",
             "the model's species (by name or atomic number) of SPECIES1, SPECIES2, ...");
    keys.add("optional", "COMPONENTS",
             "the outputs of the model to have as components (default: all); "
             "gradnorm2-NAME: the square of the gradient of NAME, without derivatives");
    keys.add("optional", "DEVICE", "where to evaluate: cpu (default), cuda, cuda:N");
    keys.add("optional", "PRECISION",
             "of the network: float32 or float64 (default: as the file was exported)");
    keys.add("optional", "NUM_THREADS", "threads of the evaluation (default and at most: PLUMED's)");
    keys.add(
        "optional", "NL_SKIN",
        "distance added to the cutoff in the neighbor list, in PLUMED's unit of length; 0: a new list each "
        "step (default: chosen from the cutoff)");
    keys.addFlag("DILUTE", false, "go on if no atom has another within the cutoff at the first step");
    keys.addFlag("SERIAL", false, "evaluate everything in each MPI process, instead of dividing the atoms");
}

GnncvAction::GnncvAction(const PLMD::ActionOptions& options) : Action(options), Colvar(options) {
    try {
        read_input();
        find_evaluation();
        add_components();
    } catch (const gnncv::Error& reason) {
        error(reason.what());
    } catch (const std::invalid_argument& reason) {
        error(reason.what());
    }
    requestAtoms(request_.atoms);
    log_start();
    evaluation_->join(this);
}

GnncvAction::~GnncvAction() {
    if (evaluation_ != nullptr) {
        evaluation_->leave(this);
        if (evaluation_.use_count() == 1) {
            log_end();
        }
    }
}

void GnncvAction::read_input() {
    parse("MODEL", request_.model);
    parseAtomList("ATOMS", request_.atoms);
    for (int n = 1;; ++n) {
        SpeciesGroup group{n, {}};
        parseAtomList("SPECIES", n, group.atoms);
        if (group.atoms.empty()) {
            break;
        }
        request_.groups.push_back(group);
    }
    parseVector("SPECIES_TO_TYPES", request_.species_to_types);
    parseVector("COMPONENTS", request_.components);
    parse("DEVICE", request_.device);
    parse("PRECISION", request_.precision);
    bool given = false;
    std::string text;
    parse("NUM_THREADS", text);
    given = !text.empty();
    if (given && (!PLMD::Tools::convertNoexcept(text, request_.num_threads) || request_.num_threads < 1)) {
        error("NUM_THREADS=" + text + " is not a number of threads: write NUM_THREADS=1 or more");
    }
    text.clear();
    parse("NL_SKIN", text);
    given = !text.empty();
    if (given && (!PLMD::Tools::convertNoexcept(text, request_.skin) || !(request_.skin >= 0.0))) {
        error("NL_SKIN=" + text +
              " is not a length: write 0 (a new list each step) or a positive length in " +
              "PLUMED's unit, or leave it out");
    }
    parseFlag("NOPBC", request_.without_pbc);
    parseFlag("DILUTE", request_.dilute);
    parseFlag("SERIAL", request_.serial);
    checkRead();
    complete(request_);
#ifdef GNNCV_PLUMED_WITHOUT_ATOMS
    scales_ = unit_scales(getUnits(), usingNaturalUnits());
#else
    scales_ = unit_scales(plumed.getAtoms().getUnits(), plumed.getAtoms().usingNaturalUnits());
#endif
}

gnncv::Options GnncvAction::options() const {
    gnncv::Options options;
    options.device = request_.device;
    options.precision = request_.precision;
    options.skin = request_.skin * scales_.angstrom;
    options.num_threads = threads_to_use(request_, static_cast<int>(PLMD::OpenMP::getNumThreads()));
    if (comm.Get_size() > 1 && !request_.serial) {
        options.communicator = std::make_shared<PlumedCommunicator>(comm);
    }
    return options;
}

bool GnncvAction::asks_for_the_same(const GnncvAction& other) const {
    const Request& a = request_;
    const Request& b = other.request_;
    return same_file(a.model, b.model) && a.atoms == b.atoms && a.device == b.device &&
           a.precision == b.precision && a.num_threads == b.num_threads && a.skin == b.skin &&
           a.without_pbc == b.without_pbc && a.serial == b.serial &&
           checkNumericalDerivatives() == other.checkNumericalDerivatives();
}

void GnncvAction::find_evaluation() {
    const auto* structure = plumed.getActionSet().selectLatest<PLMD::GenericMolInfo*>(this);
    for (const GnncvAction* other : plumed.getActionSet().select<GnncvAction*>()) {
        if (asks_for_the_same(*other)) {
            species_ = find_species(request_, other->evaluation_->core(), structure);
            if (species_.symbols == other->evaluation_->symbols()) {
                evaluation_ = other->evaluation_;
                return;
            }
        }
    }
    evaluation_ = std::make_shared<Evaluation>(request_.model, options());
    const gnncv::CollectiveVariable& core = evaluation_->core();
    if (core.skin() > core.cutoff()) {
        throw std::invalid_argument(
            "NL_SKIN=" + std::to_string(request_.skin) + " is longer than the cutoff, " +
            std::to_string(core.cutoff() / scales_.angstrom) + " in PLUMED's unit of length (" +
            scales_.length + "): write a fraction of the cutoff, or leave it out");
    }
    species_ = find_species(request_, core, structure);
    evaluation_->bind(species_.symbols);
}

void GnncvAction::add_components() {
    components_ = find_components(request_.components, evaluation_->core().names());
    if (checkNumericalDerivatives() && has_gradient_squares()) {
        throw std::invalid_argument(
            "COMPONENTS names a gradnorm2, which NUMERICAL_DERIVATIVES does not give: "
            "leave one of them out");
    }
    for (const Component& component : components_) {
        if (component.is_gradient_square) {
            addComponent(component.name);
        } else {
            addComponentWithDerivatives(component.name);
        }
        componentIsNotPeriodic(component.name);
        values_.push_back(getPntrToComponent(component.name));
    }
    bias_ = components_.front().name == "bias" ? values_.front() : nullptr;
    has_derivatives_.assign(values_.size(), false);
}

bool GnncvAction::has_gradient_squares() const {
    return std::any_of(components_.begin(), components_.end(),
                       [](const Component& one) { return one.is_gradient_square; });
}

} // namespace gnncv_plumed
