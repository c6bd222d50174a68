// What GNNCV does in a step: values in calculate(), forces in apply(), derivatives where somebody reads them.
#include "action.h"

#include "core/PlumedMain.h"
#include "tools/Communicator.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace gnncv_plumed {

bool GnncvAction::needs_derivatives() const {
    return (!doNotCalculateDerivatives() && !checkNumericalDerivatives()) || has_gradient_squares();
}

void GnncvAction::read_configuration() {
    const std::vector<PLMD::Vector>& positions = getPositions();
    now_.positions.resize(3 * positions.size());
    for (std::size_t i = 0; i < positions.size(); ++i) {
        for (unsigned k = 0; k < 3; ++k) {
            now_.positions[3 * i + k] = scales_.angstrom * positions[i][k];
        }
    }
    now_.cell = cell_in_angstrom(getBox(), scales_, request_.without_pbc);
    now_.step = getStep();
}

// At the first step: before the evaluation, which may drown in pairs, and after it, when they are counted.
void GnncvAction::check_density() const {
    const std::string doubt = doubt_about_lengths(getPositions(), now_.cell, scales_);
    if (!doubt.empty()) {
        plumed_merror("GNNCV " + getLabel() + ": " + doubt);
    }
}

void GnncvAction::check_neighbors() {
    double n_pairs = static_cast<double>(evaluation_->core().statistics().n_pairs);
    comm.Sum(n_pairs); // each process counts its own
    if (n_pairs == 0.0 && getNumberOfAtoms() > 1 && !request_.dilute) {
        plumed_merror("GNNCV " + getLabel() + ": " +
                      doubt_about_isolation(evaluation_->core().cutoff() / scales_.angstrom, scales_));
    }
}

void GnncvAction::calculate() {
    if (differencing_ && without_box_ &&
        modulo2(getBox().getRow(0) + getBox().getRow(1) + getBox().getRow(2)) > 0.0) {
        return;
    }
    read_configuration();
    if (!units_checked_) {
        check_density();
    }
    try {
        set_values(differencing_ ? evaluation_->evaluate_plainly(now_) : evaluation_->evaluate(now_, *this));
        if (!units_checked_) {
            check_neighbors();
            units_checked_ = true;
        }
        if (!differencing_) {
            set_derivatives();
            show_bias(false);
        }
    } catch (const gnncv::Error& reason) {
        fail(reason);
    }
}

// PLUMED moves the atoms and changes the box, and calls calculate() for each. It cannot change a box that is
// not there: what it does instead (all atoms end at the origin) is not evaluated, and the box derivatives
// follow from the atoms'.
void GnncvAction::calculateNumericalDerivatives(PLMD::ActionWithValue* action) {
    const gnncv::Cell cell = cell_in_angstrom(getBox(), scales_, false);
    without_box_ = std::none_of(cell.periodic.begin(), cell.periodic.end(), [](bool is) { return is; });
    if (!without_box_ && std::abs(getBox().determinant()) == 0.0) {
        plumed_merror("GNNCV " + getLabel() +
                      ": NUMERICAL_DERIVATIVES needs a box of three vectors, or none at all");
    }
    differencing_ = true;
    Colvar::calculateNumericalDerivatives(action);
    differencing_ = false;
    if (without_box_) {
        const auto n = static_cast<unsigned>(3 * getNumberOfAtoms());
        for (PLMD::Value* value : values_) {
            for (unsigned i = 0; i < 9; ++i) {
                value->setDerivative(n + i, 0.0);
            }
            setBoxDerivativesNoPbc(value);
        }
    }
    has_derivatives_.assign(values_.size(), true);
    show_bias(false);
}

void GnncvAction::set_values(const std::vector<double>& outputs) {
    for (std::size_t k = 0; k < values_.size(); ++k) {
        if (!components_[k].is_gradient_square) {
            values_[k]->set(outputs[components_[k].output] * scales_.of_output(components_[k].name));
        }
    }
}

void GnncvAction::find_readers_once() {
    if (n_actions_seen_ != plumed.getActionSet().size()) {
        n_actions_seen_ = plumed.getActionSet().size();
        std::vector<std::string> names;
        for (const PLMD::Value* value : values_) {
            names.push_back(value->getName());
        }
        readers_ = find_readers(plumed.getActionSet(), names);
    }
}

// Components whose derivatives, or squared gradients, somebody reads in this step.
std::vector<bool> GnncvAction::wanted_derivatives() const {
    std::vector<bool> wanted(values_.size(), false);
    const bool derivatives = !doNotCalculateDerivatives() && !checkNumericalDerivatives();
    if (derivatives &&
        isOptionOn("GRADIENTS")) { // somebody projects gradients, of these or of functions of these
        wanted = readers_.used;
    }
    for (const Reader& reader : readers_.all) {
        const bool looks =
            components_[reader.component].is_gradient_square || (derivatives && reader.at_derivatives);
        if (looks && reader.action->isActive()) {
            wanted[reader.component] = true;
        }
    }
    return wanted;
}

void GnncvAction::set_derivatives() {
    has_derivatives_.assign(values_.size(), false);
    if (!needs_derivatives()) {
        return;
    }
    find_readers_once();
    const std::vector<bool> wanted = wanted_derivatives();
    const std::vector<std::string>& outputs = evaluation_->core().names();
    std::vector<std::string> names; // each output once
    std::vector<std::size_t> places(values_.size());
    for (std::size_t k = 0; k < values_.size(); ++k) {
        if (wanted[k]) {
            const std::string& name = outputs[components_[k].output];
            places[k] = std::find(names.begin(), names.end(), name) - names.begin();
            if (places[k] == names.size()) {
                names.push_back(name);
            }
        }
    }
    if (names.empty()) {
        return;
    }
    const gnncv::Result& result = evaluation_->differentiate(now_, *this, names);
    for (std::size_t k = 0; k < values_.size(); ++k) {
        if (wanted[k]) {
            set_derivative(k, result, places[k]);
        }
    }
}

// Of a component, from gradient g of the result: its derivatives, or its value if it is a square.
void GnncvAction::set_derivative(std::size_t component, const gnncv::Result& result, std::size_t g) {
    const auto n = static_cast<unsigned>(3 * getNumberOfAtoms());
    const double unit = scales_.of_output(evaluation_->core().names()[components_[component].output]);
    PLMD::Value& value = *values_[component];
    if (components_[component].is_gradient_square) {
        double square = 0.0;
        for (unsigned i = 0; i < n; ++i) {
            const double slope = unit * scales_.angstrom * result.gradient(g)[i];
            square += slope * slope;
        }
        value.set(square);
        return;
    }
    for (unsigned i = 0; i < n; ++i) {
        value.setDerivative(i, unit * scales_.angstrom * result.gradient(g)[i]);
    }
    for (unsigned a = 0; a < 3; ++a) {
        for (unsigned b = 0; b < 3; ++b) { // PLUMED: minus the sum over atoms of r_a dCV/dr_b
            value.setDerivative(n + 3 * a + b, -unit * result.strain_gradient(g)[3 * b + a]);
        }
    }
    has_derivatives_[component] = true;
}

void GnncvAction::apply() {
    std::vector<double> weights(evaluation_->core().names().size(), 0.0);
    bool stored = false;
    bool lazy = false;
    for (std::size_t k = 0; k < values_.size(); ++k) {
        const double force = values_[k]->getForce();
        if (force != 0.0 && components_[k].is_gradient_square) {
            plumed_merror("GNNCV " + getLabel() + ": " + components_[k].name +
                          " has no derivatives and cannot be biased: print it, or reweight with it");
        }
        if (force != 0.0) {
            stored = stored || has_derivatives_[k];
            lazy = lazy || !has_derivatives_[k];
            weights[components_[k].output] += force * scales_.of_output(components_[k].name);
        }
    }
    // All forces of this action one way: the stored derivatives serve only if they are all there.
    if (!lazy) {
        std::fill(weights.begin(), weights.end(), 0.0);
    }
    if (needs_derivatives()) {
        try {
            if (const gnncv::WeightedGradient* gradient = evaluation_->take_turn(now_, *this, weights)) {
                add_forces(*gradient);
            }
        } catch (const gnncv::Error& reason) {
            fail(reason);
        }
    }
    if (stored && !lazy) {
        Colvar::apply();
    }
}

void GnncvAction::add_forces(const gnncv::WeightedGradient& gradient) {
    forces_.clear();
    for (const double slope : gradient.gradient) {
        forces_.push_back(scales_.angstrom * slope);
    }
    for (unsigned a = 0; a < 3; ++a) {
        for (unsigned b = 0; b < 3; ++b) {
            forces_.push_back(-gradient.strain_gradient[3 * b + a]);
        }
    }
    unsigned first = 0;
    setForcesOnAtoms(forces_, first);
}

// PLUMED adds every component called `bias` to its total bias when calculate() returns. Here that would count
// the energy twice, since BIASVALUE adds it again; so it is shown only afterwards, where PLUMED lets us.
void GnncvAction::show_bias(bool shown) {
#ifdef GNNCV_PLUMED_WITHOUT_ATOMS
    if (bias_ != nullptr) {
        if (shown) {
            bias_->set(bias_energy_);
        } else {
            bias_energy_ = bias_->get();
            bias_->set(0.0);
        }
    }
#else
    (void)shown;
#endif
}

#ifdef GNNCV_PLUMED_WITHOUT_ATOMS
void GnncvAction::setGradientsIfNeeded() {
    show_bias(true);
    Colvar::setGradientsIfNeeded();
}
#endif

void GnncvAction::fail(const std::exception& reason) const {
    static const std::string counted = " (counted from 0)";
    std::string text = reason.what();
    const std::size_t end = text.find(counted);
    const std::size_t start =
        end == std::string::npos ? end : text.find_last_not_of("0123456789", end - 1) + 1;
    if (start != std::string::npos && start < end) {
        const std::size_t place = std::strtoul(text.c_str() + start, nullptr, 10);
        if (place < request_.atoms.size()) {
            text.replace(start, end + counted.size() - start, std::to_string(request_.atoms[place].serial()));
        }
    }
    plumed_merror("GNNCV " + getLabel() + " at step " + std::to_string(getStep()) + ": " + text);
}

} // namespace gnncv_plumed
