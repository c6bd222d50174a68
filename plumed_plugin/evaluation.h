// One core object, and the evaluation of one configuration, for all GNNCV actions that ask for the same: the
// model is evaluated once for all of them, and one backward pass gives all their forces.
#pragma once

#include "gnncv/collective_variable.h"

#include <cstdint>
#include <string>
#include <vector>

namespace gnncv_plumed {

// An action that shares an evaluation.
class Sharer {
public:
    virtual ~Sharer() = default;
    [[nodiscard]] virtual bool is_taking_part() const = 0;    // in this step
    [[nodiscard]] virtual bool needs_derivatives() const = 0; // of anything, now or in apply()
    std::int64_t evaluation = -1;                             // which one it read its values from
};

// Positions and box in angstrom, at a step.
struct Configuration {
    std::vector<double> positions;
    gnncv::Cell cell;
    std::int64_t step = -1;
};

class Evaluation {
public:
    Evaluation(const std::string& model, const gnncv::Options& options) : core_(model, options) {}

    void bind(const std::vector<std::string>& symbols);
    [[nodiscard]] const std::vector<std::string>& symbols() const { return symbols_; }
    [[nodiscard]] const gnncv::CollectiveVariable& core() const { return core_; }

    // In the order in which PLUMED calculates them.
    void join(Sharer* sharer) { sharers_.push_back(sharer); }
    void leave(Sharer* sharer);

    // Values of all outputs at this configuration, computed if the last evaluation was of another.
    const std::vector<double>& evaluate(const Configuration& now, Sharer& sharer);
    // The same without derivatives: for differences, of which there are many.
    const std::vector<double>& evaluate_plainly(const Configuration& now);

    // Gradients of the named outputs, where the sharer evaluated.
    const gnncv::Result& differentiate(const Configuration& at, Sharer& sharer,
                                       const std::vector<std::string>& names);

    // In apply() of those that need derivatives, in reverse order: add a sharer's weights of the outputs; the
    // last one takes the gradient of what all have added. Null: not the last, or all weights are zero.
    const gnncv::WeightedGradient* take_turn(const Configuration& at, Sharer& sharer,
                                             const std::vector<double>& weights);

private:
    [[nodiscard]] bool holds(const Configuration& now, bool differentiable) const;
    [[nodiscard]] bool is_last(const Sharer& sharer) const;
    void run(const Configuration& now, bool differentiable);
    void return_to(const Configuration& at, std::int64_t evaluation);

    gnncv::CollectiveVariable core_;
    std::vector<std::string> symbols_;
    std::vector<Sharer*> sharers_;
    Configuration last_;
    std::vector<double> values_;
    std::int64_t held_ = -1; // number of the evaluation the core has now
    std::int64_t n_numbers_ = 0;
    bool differentiable_ = false;
    std::vector<double> weights_; // added in this step's apply()
};

} // namespace gnncv_plumed
