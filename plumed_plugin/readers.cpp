#include "readers.h"

#include "bias/Bias.h"
#include "core/ActionWithArguments.h"
#include "core/Value.h"
#include "function/Function.h"

#include <algorithm>
#include <array>

namespace gnncv_plumed {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Actions known to take nothing but values and to give nothing but forces: biases and functions (those of
// PLUMED 2.10 that take scalars end in _SCALAR), and what prints or stores values. Of actions that are not
// known the worst is assumed.
bool takes_values_only(const PLMD::Action& action) {
    static const std::array<const char*, 8> known = {"PRINT",          "COMMITTOR",    "UPDATE_IF",
                                                     "CONCATENATE",    "COLLECT",      "DUMPVECTOR",
                                                     "COLLECT_FRAMES", "REWEIGHT_BIAS"};
    const std::string& name = action.getName();
    return dynamic_cast<const PLMD::bias::Bias*>(&action) != nullptr ||
           dynamic_cast<const PLMD::function::Function*>(&action) != nullptr || ends_with(name, "_SCALAR") ||
           std::find(known.begin(), known.end(), name) != known.end();
}

} // namespace

Readers find_readers(const PLMD::ActionSet& actions, const std::vector<std::string>& names) {
    Readers readers{std::vector<bool>(names.size()), {}};
    for (const auto& action : actions) {
        const auto* reader = dynamic_cast<const PLMD::ActionWithArguments*>(action.get());
        if (reader == nullptr) {
            continue;
        }
        const bool values_only = takes_values_only(*action);
        for (const PLMD::Value* argument : reader->getArguments()) {
            const auto place = std::find(names.begin(), names.end(), argument->getName());
            if (place != names.end()) {
                const auto k = static_cast<std::size_t>(place - names.begin());
                readers.used[k] = true;
                readers.all.push_back({k, action.get(), !values_only});
            }
        }
    }
    return readers;
}

} // namespace gnncv_plumed
