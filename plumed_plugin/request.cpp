#include "request.h"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace gnncv_plumed {
namespace {

using PLMD::AtomNumber;

std::string serial(AtomNumber atom) {
    return std::to_string(atom.serial());
}

void check_given_once(const std::vector<AtomNumber>& atoms) {
    std::vector<AtomNumber> sorted = atoms;
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) {
        throw std::invalid_argument("atom " + serial(*twice) + " is in ATOMS twice: name each atom once");
    }
}

// Each atom in one group only; and in ATOMS, if that is given too.
void check_groups(const Request& request) {
    std::map<AtomNumber, int> group_of;
    for (const SpeciesGroup& group : request.groups) {
        for (const AtomNumber atom : group.atoms) {
            const auto [place, is_new] = group_of.emplace(atom, group.number);
            if (!is_new) {
                throw std::invalid_argument("atom " + serial(atom) + " is in SPECIES" +
                                            std::to_string(place->second) + " and in SPECIES" +
                                            std::to_string(group.number) + ": name each atom once");
            }
        }
    }
    if (request.atoms.empty() || request.groups.empty()) {
        return;
    }
    for (const AtomNumber atom : request.atoms) {
        if (group_of.erase(atom) == 0) {
            throw std::invalid_argument("atom " + serial(atom) +
                                        " is in ATOMS but in none of the SPECIESn: add it to one of them");
        }
    }
    if (!group_of.empty()) {
        const auto& [atom, number] = *group_of.begin();
        throw std::invalid_argument("atom " + serial(atom) + " is in SPECIES" + std::to_string(number) +
                                    " but not in ATOMS: leave ATOMS out, or add it there");
    }
}

} // namespace

void complete(Request& request) {
    check_given_once(request.atoms);
    check_groups(request);
    if (request.atoms.empty()) {
        for (const SpeciesGroup& group : request.groups) {
            request.atoms.insert(request.atoms.end(), group.atoms.begin(), group.atoms.end());
        }
    }
    if (request.atoms.empty()) {
        throw std::invalid_argument(
            "there are no atoms: write ATOMS=1-500, ATOMS=@mdatoms for all of them, or "
            "SPECIES1=.. SPECIES2=.. and SPECIES_TO_TYPES=..");
    }
    if (!request.groups.empty() && request.species_to_types.size() != request.groups.size()) {
        throw std::invalid_argument(
            "SPECIES_TO_TYPES names " + std::to_string(request.species_to_types.size()) +
            " types and there are " + std::to_string(request.groups.size()) +
            " SPECIESn: write one type for each, in their order, as in SPECIES_TO_TYPES=Cu,Zr");
    }
    if (request.groups.empty() && !request.species_to_types.empty()) {
        throw std::invalid_argument(
            "SPECIES_TO_TYPES is given without SPECIES1=.., SPECIES2=..: add them, or "
            "leave it out");
    }
}

int threads_to_use(const Request& request, int threads_of_plumed) {
    return request.num_threads == 0 ? threads_of_plumed : std::min(request.num_threads, threads_of_plumed);
}

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

} // namespace gnncv_plumed
