// Who reads the components of an action: whether anybody does, and whether derivatives are needed at once.
//
// A bias or a function hands forces to its arguments, and a single backward pass in apply() serves them all.
// Others look at the derivatives themselves, and for those they must be there when calculate() returns.
#pragma once

#include "core/ActionSet.h"

#include <cstddef>
#include <string>
#include <vector>

namespace gnncv_plumed {

struct Reader {
    std::size_t component;
    const PLMD::Action* action;
    bool at_derivatives; // looks at derivatives itself, or may
};

struct Readers {
    std::vector<bool> used; // components somebody reads
    std::vector<Reader> all;
};

// names: of the values, with their label, as in "cv.progress".
Readers find_readers(const PLMD::ActionSet& actions, const std::vector<std::string>& names);

} // namespace gnncv_plumed
