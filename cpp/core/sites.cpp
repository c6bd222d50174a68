#include "core/sites.h"

#include "core/molecule_map.h"
#include "gnncv/error.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace gnncv {
namespace {

// A molecule's bonds in an order in which each begins at an atom that was reached before.
std::vector<Bond> walk_of(const MoleculeKind& molecule) {
    std::vector<Bond> walk;
    std::vector<char> reached(molecule.n_atoms(), 0);
    reached[0] = 1;
    for (std::size_t before = 0; walk.size() + 1 < molecule.n_atoms(); before = walk.size()) {
        for (const Bond& bond : molecule.bonds) {
            if (reached[bond.first] != reached[bond.second]) {
                const bool forward = reached[bond.first] != 0;
                walk.push_back(
                    {forward ? bond.first : bond.second, forward ? bond.second : bond.first, bond.longest});
                reached[bond.first] = reached[bond.second] = 1;
            }
        }
        if (walk.size() == before) {
            break; // not connected: the topology has refused that
        }
    }
    return walk;
}

} // namespace

Sites::Sites(Topology topology, SiteLayout layout)
    : topology_(std::move(topology)), layout_(std::move(layout)), n_axes_(topology_.n_axes()) {
    for (const MoleculeKind& molecule : topology_.molecules()) {
        walks_.push_back(walk_of(molecule));
    }
    descriptor_begin_.push_back(0);
    for (std::size_t m = 0; m < n_sites(); ++m) {
        const MoleculeKind* kind = molecule(m);
        descriptor_begin_.push_back(descriptor_begin_.back() + (kind != nullptr ? kind->n_descriptors() : 0));
    }
    centers_.resize(3 * n_sites());
    axes_.resize(3 * n_axes_ * n_sites());
    descriptors_.resize(descriptor_begin_.back());
    offsets_.resize(3 * n_atoms());
}

// None: a single atom.
const MoleculeKind* Sites::molecule(std::size_t site) const {
    const auto kind = static_cast<std::size_t>(layout_.kind[site]);
    return kind < topology_.molecules().size() ? &topology_.molecules()[kind] : nullptr;
}

std::string Sites::name_of(std::size_t site) const {
    std::ostringstream name;
    const std::int64_t first = layout_.first_atom[site];
    if (const MoleculeKind* kind = molecule(site)) {
        name << "molecule '" << kind->name << "' (site " << site << ", atoms " << first << " to "
             << first + static_cast<std::int64_t>(kind->n_atoms()) - 1 << ", counted from 0)";
    } else {
        name << "atom " << first << " (counted from 0)";
    }
    return name.str();
}

void Sites::update(std::span<const double> positions, const Box& box, const Workers& workers) {
    workers.for_shares(n_sites(), [&](int, std::size_t begin, std::size_t end) {
        for (std::size_t m = begin; m < end; ++m) {
            place(m, positions, box);
        }
    });
}

// The offsets of a molecule's atoms, its center, axes and descriptors.
void Sites::place(std::size_t site, std::span<const double> positions, const Box& box) {
    const auto first = static_cast<std::size_t>(layout_.first_atom[site]);
    const double* r = &positions[3 * first];
    double* center = &centers_[3 * site];
    std::copy_n(r, 3, center);
    const MoleculeKind* kind = molecule(site);
    if (kind == nullptr) {
        return;
    }
    double* offsets = &offsets_[3 * first];
    std::fill_n(offsets, 3, 0.0);
    for (const Bond& bond : walks_[static_cast<std::size_t>(layout_.kind[site])]) {
        const Vector3 apart = box.nearest_image({r[3 * bond.second] - r[3 * bond.first],
                                                 r[3 * bond.second + 1] - r[3 * bond.first + 1],
                                                 r[3 * bond.second + 2] - r[3 * bond.first + 2]});
        for (std::size_t a = 0; a < 3; ++a) {
            offsets[3 * bond.second + a] = offsets[3 * bond.first + a] + apart[a];
        }
    }
    for (const Bond& bond : kind->bonds) { // those that close rings, too
        const Vector3 apart{offsets[3 * bond.second] - offsets[3 * bond.first],
                            offsets[3 * bond.second + 1] - offsets[3 * bond.first + 1],
                            offsets[3 * bond.second + 2] - offsets[3 * bond.first + 2]};
        if (!(norm(apart) <= bond.longest)) {
            refuse_bond(site, bond, norm(apart));
        }
    }
    for (std::size_t i = 0; i < kind->n_atoms(); ++i) {
        for (std::size_t a = 0; a < 3; ++a) {
            center[a] += kind->weights[i] * offsets[3 * i + a];
        }
    }
    const auto problem = describe_molecule(*kind, offsets, axes_.data() + 3 * n_axes_ * site,
                                           descriptors_.data() + descriptor_begin_[site]);
    if (problem) {
        throw InvalidArgument(*problem + " of " + name_of(site) +
                              " is not defined: its atoms are in one place or in one line");
    }
}

// f(site, row of it among the gathered, place of its descriptors among the gathered)
template <typename F>
void Sites::for_rows(const std::vector<std::int64_t>* sites, const F& f) const {
    const std::size_t n = sites != nullptr ? sites->size() : n_sites();
    std::size_t place = 0;
    for (std::size_t kind = 0; kind <= topology_.molecules().size(); ++kind) { // the last: all single atoms
        for (std::size_t row = 0; row < n; ++row) {
            const std::size_t site = sites != nullptr ? static_cast<std::size_t>((*sites)[row]) : row;
            if (std::min<std::size_t>(layout_.kind[site], topology_.molecules().size()) == kind) {
                f(site, row, place);
                place += descriptor_begin_[site + 1] - descriptor_begin_[site];
            }
        }
    }
}

void Sites::gather(const std::vector<std::int64_t>* sites, bool with_types, SiteFacts& facts) const {
    const std::size_t n = sites != nullptr ? sites->size() : n_sites();
    if (with_types) {
        facts.types.resize(n);
    }
    facts.axes.resize(3 * n_axes_ * n);
    facts.descriptors.clear();
    for_rows(sites, [&](std::size_t site, std::size_t row, std::size_t) {
        if (with_types) {
            facts.types[row] = layout_.kind[site];
        }
        std::copy_n(axes_.data() + 3 * n_axes_ * site, 3 * n_axes_, facts.axes.data() + 3 * n_axes_ * row);
        facts.descriptors.insert(facts.descriptors.end(), descriptors_.data() + descriptor_begin_[site],
                                 descriptors_.data() + descriptor_begin_[site + 1]);
    });
}

void Sites::pull_back(const std::vector<std::int64_t>* sites, std::span<const double> centers,
                      std::span<const double> axes, std::span<const double> descriptors,
                      std::span<double> gradient, std::span<double> strain_gradient, const Workers& workers) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    for_rows(sites, [&](std::size_t site, std::size_t row, std::size_t place) {
        if (const MoleculeKind* kind = molecule(site)) {
            const std::size_t first = 3 * static_cast<std::size_t>(layout_.first_atom[site]);
            pull_back_axes(*kind, &offsets_[first], axes_.data() + 3 * n_axes_ * site,
                           axes.data() + 3 * n_axes_ * row, &gradient[first]);
            pull_back_descriptors(*kind, &offsets_[first], descriptors.data() + place, &gradient[first]);
        }
    });
    const auto n_shares = static_cast<std::size_t>(workers.shares_of(n_sites()));
    strains_.assign(9 * n_shares, 0.0);
    workers.for_shares(n_sites(), [&](int share, std::size_t begin, std::size_t end) {
        double* strain = &strains_[9 * static_cast<std::size_t>(share)];
        for (std::size_t site = begin; site < end; ++site) {
            const auto first = static_cast<std::size_t>(layout_.first_atom[site]);
            const MoleculeKind* kind = molecule(site);
            const std::size_t n = kind != nullptr ? kind->n_atoms() : 1;
            for (std::size_t i = 0; i < n; ++i) {
                for (std::size_t a = 0; a < 3; ++a) {
                    double& slope = gradient[3 * (first + i) + a];
                    for (std::size_t b = 0; b < 3 && kind != nullptr; ++b) {
                        strain[3 * a + b] += slope * offsets_[3 * (first + i) + b];
                    }
                    slope += (kind != nullptr ? kind->weights[i] : 1.0) * centers[3 * site + a];
                }
            }
        }
    });
    for (std::size_t k = 0; k < strains_.size(); ++k) {
        strain_gradient[k % 9] += strains_[k];
    }
}

void Sites::refuse_bond(std::size_t site, const Bond& bond, double distance) const {
    std::ostringstream message;
    const std::int64_t first = layout_.first_atom[site];
    message << name_of(site) << ": atoms " << first + bond.first << " and " << first + bond.second
            << " are bonded in the model's template, and are " << distance << " angstrom apart (at most "
            << bond.longest
            << "): give the atoms molecule by molecule, in the order of the template, and check the cell";
    throw InvalidArgument(message.str());
}

} // namespace gnncv
