// What the components of a GNNCV line are: outputs of the model, and squares of their gradients.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gnncv_plumed {

// `gradnorm2-NAME` is |grad NAME|^2, the sum over atoms of the squared derivatives, in PLUMED's unit of
// length to the minus two: the metric of a free energy that does not depend on how a CV is parametrized
// (Hartmann, Latorre and Ciccotti, Eur. Phys. J. Spec. Top. 200, 73, 2011). A value without derivatives.
struct Component {
    std::string name;        // without the label
    std::size_t output;      // of the model
    bool is_gradient_square; // of that output
};

// Components by their names, all outputs if none are named. Throws std::invalid_argument for a name that is
// neither an output nor gradnorm2- of one, or that is there twice.
std::vector<Component> find_components(const std::vector<std::string>& wanted,
                                       const std::vector<std::string>& outputs);

} // namespace gnncv_plumed
