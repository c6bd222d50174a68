// Kinds of sites: molecules, by a template each, and single atoms; and where the sites are in a list of
// atoms.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gnncv {

// A direction of a molecule: along sum_a weights[a] r_a, or, where there is a ring, normal to it.
struct Axis {
    std::vector<double> weights; // (n_atoms), zero in sum; empty if there is a ring
    std::vector<std::int32_t> ring;
};

struct Bond {
    std::int32_t first, second; // atoms of the molecule
    double longest;             // angstrom; beyond it, these atoms are not the ones that are bonded
};

// The template of a kind of molecule. Atoms are counted within the molecule.
struct MoleculeKind {
    std::string name;
    std::vector<std::string> symbols;
    std::vector<Bond> bonds;     // they connect all of its atoms
    std::vector<double> weights; // of the center, one in sum
    std::vector<Axis> axes;
    std::vector<std::array<std::int32_t, 2>> distances; // whose lengths are descriptors,
    std::vector<std::array<std::int32_t, 4>> torsions;  // and whose cosines are

    [[nodiscard]] std::size_t n_atoms() const { return symbols.size(); }
    [[nodiscard]] std::size_t n_descriptors() const { return distances.size() + torsions.size(); }
};

// Which site is of which kind, and which atom is its first.
struct SiteLayout {
    std::vector<std::int64_t> kind, first_atom; // (M)
    std::size_t n_atoms = 0;
};

class Topology {
public:
    // Kinds are counted through: the molecules, then the single atoms. Throws ModelError for a template that
    // contradicts itself.
    Topology(std::vector<MoleculeKind> molecules, std::vector<std::string> atoms);
    Topology() = default;

    [[nodiscard]] bool has_molecules() const { return !molecules_.empty(); }
    [[nodiscard]] std::span<const MoleculeKind> molecules() const { return molecules_; }
    [[nodiscard]] std::size_t n_axes() const; // the most that a kind has
    [[nodiscard]] std::vector<std::string> kinds() const;
    [[nodiscard]] std::vector<std::string> species() const; // of atoms, each once

    // Divide a list of atoms into sites, from its start: each is the longest molecule whose symbols follow,
    // or an atom. Throws InvalidArgument that names the first atom that does not fit.
    [[nodiscard]] SiteLayout match(const std::vector<std::string>& symbols) const;

private:
    [[noreturn]] void refuse(const std::vector<std::string>& symbols, std::size_t atom,
                             std::size_t site) const;
    [[nodiscard]] std::size_t n_fitting(const MoleculeKind& molecule, const std::vector<std::string>& symbols,
                                        std::size_t atom) const;

    std::vector<MoleculeKind> molecules_;
    std::vector<std::string> atoms_;
    std::vector<std::size_t> by_size_; // the molecules, the longest first
};

} // namespace gnncv
