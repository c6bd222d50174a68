#include "core/topology.h"

#include "gnncv/error.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

namespace gnncv {
namespace {

void check(bool good, const MoleculeKind& molecule, const std::string& problem) {
    if (!good) {
        throw ModelError("the template of molecule '" + molecule.name + "' in the model file " + problem);
    }
}

void check_axis(const MoleculeKind& molecule, const Axis& axis) {
    const auto n = static_cast<std::int32_t>(molecule.n_atoms());
    if (!axis.ring.empty()) {
        check(axis.ring.size() >= 3 && std::all_of(axis.ring.begin(), axis.ring.end(),
                                                   [n](std::int32_t a) { return a >= 0 && a < n; }),
              molecule, "has a ring that is none");
        return;
    }
    const double sum = std::accumulate(axis.weights.begin(), axis.weights.end(), 0.0);
    check(axis.weights.size() == molecule.n_atoms() && std::abs(sum) < 1e-9, molecule,
          "has an axis whose weights are not one for each atom, zero in sum");
}

template <std::size_t n>
bool inside(const std::vector<std::array<std::int32_t, n>>& tuples, std::size_t n_atoms) {
    const auto last = static_cast<std::int32_t>(n_atoms);
    return std::all_of(tuples.begin(), tuples.end(), [last](const auto& tuple) {
        return std::all_of(tuple.begin(), tuple.end(), [last](std::int32_t a) { return a >= 0 && a < last; });
    });
}

void check_bonds(const MoleculeKind& molecule) {
    std::vector<char> reached(molecule.n_atoms(), 0);
    reached[0] = 1;
    const auto n = static_cast<std::int32_t>(molecule.n_atoms());
    for (const Bond& bond : molecule.bonds) {
        check(bond.first >= 0 && bond.first < n && bond.second >= 0 && bond.second < n, molecule,
              "has a bond of atoms it does not have");
    }
    for (std::size_t pass = 0; pass < molecule.n_atoms(); ++pass) {
        for (const Bond& bond : molecule.bonds) {
            reached[bond.first] |= reached[bond.second];
            reached[bond.second] |= reached[bond.first];
        }
    }
    check(std::find(reached.begin(), reached.end(), 0) == reached.end(), molecule,
          "has bonds that do not connect all of its atoms");
}

} // namespace

Topology::Topology(std::vector<MoleculeKind> molecules, std::vector<std::string> atoms)
    : molecules_(std::move(molecules)), atoms_(std::move(atoms)), by_size_(molecules_.size()) {
    for (const MoleculeKind& molecule : molecules_) {
        check(!molecule.symbols.empty(), molecule, "has no atoms");
        const double sum = std::accumulate(molecule.weights.begin(), molecule.weights.end(), 0.0);
        check(molecule.weights.size() == molecule.n_atoms() && std::abs(sum - 1.0) < 1e-9, molecule,
              "has weights of its center that are not one for each atom, one in sum");
        check(inside(molecule.distances, molecule.n_atoms()) && inside(molecule.torsions, molecule.n_atoms()),
              molecule, "has descriptors of atoms it does not have");
        check_bonds(molecule);
        for (const Axis& axis : molecule.axes) {
            check_axis(molecule, axis);
        }
    }
    std::iota(by_size_.begin(), by_size_.end(), std::size_t{0});
    std::stable_sort(by_size_.begin(), by_size_.end(), [this](std::size_t a, std::size_t b) {
        return molecules_[a].n_atoms() > molecules_[b].n_atoms();
    });
}

std::size_t Topology::n_axes() const {
    std::size_t n = 0;
    for (const MoleculeKind& molecule : molecules_) {
        n = std::max(n, molecule.axes.size());
    }
    return n;
}

std::vector<std::string> Topology::kinds() const {
    std::vector<std::string> names;
    for (const MoleculeKind& molecule : molecules_) {
        names.push_back(molecule.name);
    }
    names.insert(names.end(), atoms_.begin(), atoms_.end());
    return names;
}

std::vector<std::string> Topology::species() const {
    std::vector<std::string> all;
    const auto add = [&all](const std::string& symbol) {
        if (std::find(all.begin(), all.end(), symbol) == all.end()) {
            all.push_back(symbol);
        }
    };
    for (const MoleculeKind& molecule : molecules_) {
        std::for_each(molecule.symbols.begin(), molecule.symbols.end(), add);
    }
    std::for_each(atoms_.begin(), atoms_.end(), add);
    return all;
}

// How many of the molecule's symbols the list goes on with.
std::size_t Topology::n_fitting(const MoleculeKind& molecule, const std::vector<std::string>& symbols,
                                std::size_t atom) const {
    std::size_t n = 0;
    while (n < molecule.n_atoms() && atom + n < symbols.size() && symbols[atom + n] == molecule.symbols[n]) {
        ++n;
    }
    return n;
}

SiteLayout Topology::match(const std::vector<std::string>& symbols) const {
    SiteLayout layout;
    layout.n_atoms = symbols.size();
    for (std::size_t atom = 0; atom < symbols.size();) {
        const auto molecule = std::find_if(by_size_.begin(), by_size_.end(), [&](std::size_t k) {
            return n_fitting(molecules_[k], symbols, atom) == molecules_[k].n_atoms();
        });
        std::size_t kind = 0, n = 1;
        if (molecule != by_size_.end()) {
            kind = *molecule;
            n = molecules_[kind].n_atoms();
        } else {
            const auto single = std::find(atoms_.begin(), atoms_.end(), symbols[atom]);
            if (single == atoms_.end()) {
                refuse(symbols, atom, layout.kind.size());
            }
            kind = molecules_.size() + static_cast<std::size_t>(single - atoms_.begin());
        }
        layout.kind.push_back(static_cast<std::int64_t>(kind));
        layout.first_atom.push_back(static_cast<std::int64_t>(atom));
        atom += n;
    }
    return layout;
}

// The molecule that fits farthest says what was expected.
void Topology::refuse(const std::vector<std::string>& symbols, std::size_t atom, std::size_t site) const {
    std::ostringstream message;
    const MoleculeKind* nearest = nullptr;
    std::size_t n_nearest = 0;
    for (const MoleculeKind& molecule : molecules_) {
        const std::size_t n = n_fitting(molecule, symbols, atom);
        if (nearest == nullptr || n > n_nearest) {
            nearest = &molecule;
            n_nearest = n;
        }
    }
    if (nearest == nullptr || (n_nearest == 0 && !atoms_.empty())) {
        std::string known;
        for (const std::string& name : kinds()) {
            known += (known.empty() ? "" : ", ") + name;
        }
        message << "atom " << atom << " (counted from 0) is of species '" << symbols[atom] << "', "
                << (nearest == nullptr ? "which the model does not know; it knows "
                                       : "with which no site of the model begins; it knows ")
                << known;
    } else if (atom + n_nearest >= symbols.size()) {
        message << "the atoms end within site " << site << " (counted from 0), a molecule '" << nearest->name
                << "': it has " << n_nearest << " atoms of " << nearest->n_atoms();
    } else {
        message << "atom " << atom + n_nearest << " (counted from 0) is of species '"
                << symbols[atom + n_nearest] << "' where molecule '" << nearest->name << "', site " << site
                << ", has '" << nearest->symbols[n_nearest] << "' as its atom " << n_nearest
                << ": give the atoms molecule by molecule, in the order of the model's template";
    }
    throw InvalidArgument(message.str());
}

} // namespace gnncv
