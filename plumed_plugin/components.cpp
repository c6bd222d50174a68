#include "components.h"

#include "request.h"

#include <algorithm>
#include <stdexcept>

namespace gnncv_plumed {
namespace {

const std::string GRADIENT_SQUARE = "gradnorm2-";

} // namespace

std::vector<Component> find_components(const std::vector<std::string>& wanted,
                                       const std::vector<std::string>& outputs) {
    std::vector<Component> components;
    for (const std::string& name : wanted.empty() ? outputs : wanted) {
        const bool square = name.compare(0, GRADIENT_SQUARE.size(), GRADIENT_SQUARE) == 0;
        const auto place =
            std::find(outputs.begin(), outputs.end(), square ? name.substr(GRADIENT_SQUARE.size()) : name);
        if (place == outputs.end()) {
            throw std::invalid_argument("COMPONENTS names '" + name +
                                        "', which the model does not have: it has " + listed(outputs) +
                                        ", and gradnorm2- of each, as in gradnorm2-" + outputs.front());
        }
        if (std::any_of(components.begin(), components.end(),
                        [&name](const Component& one) { return one.name == name; })) {
            throw std::invalid_argument("COMPONENTS names '" + name + "' twice: name each component once");
        }
        components.push_back({name, static_cast<std::size_t>(place - outputs.begin()), square});
    }
    // PLUMED accepts a component `bias` only before all others.
    std::stable_partition(components.begin(), components.end(),
                          [](const Component& one) { return one.name == "bias"; });
    return components;
}

} // namespace gnncv_plumed
