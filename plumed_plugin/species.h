// Which of the model's species each atom is.
#pragma once

#include "request.h"

#include "core/GenericMolInfo.h"

#include <gnncv/gnncv.h>

#include <string>
#include <vector>

namespace gnncv_plumed {

// Where the species came from, and one for each of the request's atoms.
struct Species {
    std::string source;
    std::vector<std::string> symbols;
};

// From SPECIESn and SPECIES_TO_TYPES; else, if the model knows one species only, that one; else from the
// names of the atoms in MOLINFO's structure (null: there is none); else, if the model knows one kind of
// molecule only, from its template. Throws std::invalid_argument with a sentence that says what to write.
Species find_species(const Request& request, const gnncv::CollectiveVariable& model,
                     const PLMD::GenericMolInfo* structure);

} // namespace gnncv_plumed
