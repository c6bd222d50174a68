#include "evaluation.h"

#include "python_lock.h"

#include <algorithm>

namespace gnncv_plumed {

void Evaluation::bind(const std::vector<std::string>& symbols) {
    core_.bind(symbols);
    symbols_ = symbols;
}

void Evaluation::leave(Sharer* sharer) {
    sharers_.erase(std::remove(sharers_.begin(), sharers_.end(), sharer), sharers_.end());
}

bool Evaluation::holds(const Configuration& now, bool differentiable) const {
    return last_.step == now.step && (differentiable_ || !differentiable) &&
           last_.cell.vectors == now.cell.vectors && last_.cell.periodic == now.cell.periodic &&
           last_.positions == now.positions;
}

void Evaluation::run(const Configuration& now, bool differentiable) {
    const PythonUnlocked unlocked;
    last_.step = -1; // whatever happens, the previous one is gone
    values_ = core_.evaluate(now.positions, now.cell, differentiable).values;
    last_ = now;
    differentiable_ = differentiable;
}

const std::vector<double>& Evaluation::evaluate(const Configuration& now, Sharer& sharer) {
    const bool differentiable = std::any_of(sharers_.begin(), sharers_.end(), [](const Sharer* one) {
        return one->is_taking_part() && one->needs_derivatives();
    });
    if (!holds(now, differentiable)) {
        run(now, differentiable);
        held_ = n_numbers_++;
    }
    weights_.assign(values_.size(), 0.0); // all calculate() come before all apply()
    sharer.evaluation = held_;
    return values_;
}

const std::vector<double>& Evaluation::evaluate_plainly(const Configuration& now) {
    run(now, false);
    held_ = n_numbers_++;
    return values_;
}

// Somebody moved atoms between two sharers, and the other one evaluated last.
void Evaluation::return_to(const Configuration& at, std::int64_t evaluation) {
    if (evaluation != held_ || !differentiable_) {
        run(at, true);
        held_ = evaluation;
    }
}

const gnncv::Result& Evaluation::differentiate(const Configuration& at, Sharer& sharer,
                                               const std::vector<std::string>& names) {
    return_to(at, sharer.evaluation);
    const PythonUnlocked unlocked;
    return core_.differentiate(names);
}

bool Evaluation::is_last(const Sharer& sharer) const {
    const auto first = std::find_if(sharers_.begin(), sharers_.end(), [&sharer](const Sharer* other) {
        return other->is_taking_part() && other->needs_derivatives() &&
               other->evaluation == sharer.evaluation;
    });
    return first != sharers_.end() && *first == &sharer;
}

const gnncv::WeightedGradient* Evaluation::take_turn(const Configuration& at, Sharer& sharer,
                                                     const std::vector<double>& weights) {
    for (std::size_t k = 0; k < weights.size(); ++k) {
        weights_[k] += weights[k];
    }
    if (!is_last(sharer)) {
        return nullptr;
    }
    std::vector<double> all(values_.size(), 0.0);
    all.swap(weights_);
    if (std::all_of(all.begin(), all.end(), [](double weight) { return weight == 0.0; })) {
        return nullptr;
    }
    return_to(at, sharer.evaluation);
    const PythonUnlocked unlocked;
    return &core_.differentiate(all);
}

} // namespace gnncv_plumed
