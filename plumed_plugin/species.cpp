#include "species.h"

#include "elements.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <stdexcept>

namespace gnncv_plumed {
namespace {

bool contains(const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// The model's name of a type: its own name, or the symbol of an atomic number.
std::string species_of_type(const std::string& type, const std::vector<std::string>& known) {
    const bool is_number = !type.empty() && type.size() < 4 &&
                           std::all_of(
                               type.begin(), type.end(),
                               [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
    const std::string symbol = is_number && !contains(known, type) ? element_symbol(std::stoi(type)) : type;
    if (!contains(known, symbol)) {
        throw std::invalid_argument("SPECIES_TO_TYPES names '" + type +
                                    "', which the model does not know: it knows " + listed(known) +
                                    " (write these names, or atomic numbers)");
    }
    return symbol;
}

Species from_groups(const Request& request, const std::vector<std::string>& known) {
    std::map<PLMD::AtomNumber, std::string> species_of;
    for (std::size_t g = 0; g < request.groups.size(); ++g) {
        const std::string symbol = species_of_type(request.species_to_types[g], known);
        for (const PLMD::AtomNumber atom : request.groups[g].atoms) {
            species_of[atom] = symbol;
        }
    }
    Species found{"SPECIESn and SPECIES_TO_TYPES", {}};
    for (const PLMD::AtomNumber atom : request.atoms) {
        found.symbols.push_back(species_of.at(atom));
    }
    return found;
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

// The species whose symbols an atom's name begins with: "CU1" may be Cu, and C where the model knows that
// too.
std::vector<std::string> candidates(const std::string& name, const std::vector<std::string>& known) {
    if (contains(known, name)) {
        return {name};
    }
    const std::string letters =
        upper(name.substr(std::min(name.find_first_not_of("0123456789"), name.size())));
    std::vector<std::string> found;
    std::copy_if(known.begin(), known.end(), std::back_inserter(found),
                 [&letters](const std::string& symbol) {
                     return !symbol.empty() && letters.compare(0, symbol.size(), upper(symbol)) == 0;
                 });
    return found;
}

Species from_structure(const Request& request, const std::vector<std::string>& known,
                       const PLMD::GenericMolInfo& structure) {
    const std::string way_out =
        "; write SPECIES1=.. SPECIES2=.. and SPECIES_TO_TYPES=" + listed(known) + " instead";
    Species found{"the names of the atoms in MOLINFO's structure", {}};
    for (const PLMD::AtomNumber atom : request.atoms) {
        const std::string serial = std::to_string(atom.serial());
        if (!structure.checkForAtom(atom)) {
            throw std::invalid_argument("atom " + serial + " is not in MOLINFO's structure" + way_out);
        }
        const std::string name = structure.getAtomName(atom);
        const std::vector<std::string> fitting = candidates(name, known);
        if (fitting.size() != 1) {
            throw std::invalid_argument(
                "atom " + serial + " is called '" + name + "' in MOLINFO's structure, which " +
                (fitting.empty() ? "fits no species of the model (it knows " + listed(known) + ")"
                                 : "may be " + listed(fitting)) +
                way_out);
        }
        found.symbols.push_back(fitting.front());
    }
    return found;
}

// The atoms of so many molecules, one after the other.
Species from_template(const Request& request, const std::string& kind,
                      const std::vector<std::string>& molecule) {
    const std::size_t n_atoms = request.atoms.size();
    if (n_atoms % molecule.size() != 0) {
        throw std::invalid_argument(std::to_string(n_atoms) + " atoms are no whole number of molecules '" +
                                    kind + "', which have " + std::to_string(molecule.size()) +
                                    " atoms: give all atoms of each, molecule by molecule");
    }
    Species found{"the template of '" + kind + "', the only kind of molecule the model knows", {}};
    while (found.symbols.size() < n_atoms) {
        found.symbols.insert(found.symbols.end(), molecule.begin(), molecule.end());
    }
    return found;
}

} // namespace

Species find_species(const Request& request, const gnncv::CollectiveVariable& model,
                     const PLMD::GenericMolInfo* structure) {
    const std::vector<std::string>& known = model.species();
    if (!request.groups.empty()) {
        return from_groups(request, known);
    }
    if (known.size() == 1) {
        return {"the model, which knows one", std::vector<std::string>(request.atoms.size(), known.front())};
    }
    if (structure != nullptr) {
        return from_structure(request, known, *structure);
    }
    if (model.kinds().size() == 1) {
        return from_template(request, model.kinds().front(), model.molecule(model.kinds().front()));
    }
    throw std::invalid_argument(
        "the model knows the species " + listed(known) +
        ", and the input does not say which atom is which: write SPECIES1=.. SPECIES2=.. (atoms) and "
        "SPECIES_TO_TYPES=" +
        listed(known) + " instead of ATOMS, or MOLINFO STRUCTURE=file.pdb before this line");
}

} // namespace gnncv_plumed
