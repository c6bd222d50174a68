// From atoms to sites: centers, axes and descriptors of molecules, and back from the gradients with respect
// to them to those with respect to the atoms and strain.
//
// With u_a = r_a - r_0 the vectors from a molecule's first atom, taken along its bonds and so in one piece
// wherever the engine puts its atoms: center c = r_0 + sum_a w_a u_a, axes and descriptors functions of the
// u_a. Under a strain all u_a are strained alike, so dCV/dstrain has sum_a g_a u_a besides what the
// pairs of centers give, g_a being the gradient through axes and descriptors.
#pragma once

#include "core/box.h"
#include "core/topology.h"
#include "core/workers.h"

#include <cstdint>
#include <span>
#include <vector>

namespace gnncv {

// What a model is told of its sites beside their neighbors.
struct SiteFacts {
    std::vector<std::int64_t> types; // (M), kinds
    std::vector<double> axes;        // (M,A,3): unit vectors, zero where a kind has fewer
    std::vector<double> descriptors; // kind after kind, in it site after site: distances (angstrom), cosines
};

class Sites {
public:
    Sites(Topology topology, SiteLayout layout);

    [[nodiscard]] std::size_t n_sites() const { return layout_.kind.size(); }
    [[nodiscard]] std::size_t n_atoms() const { return layout_.n_atoms; }
    [[nodiscard]] const SiteLayout& layout() const { return layout_; }

    // Centers, axes and descriptors at these positions (N,3). Throws InvalidArgument that names the molecule:
    // a bond is longer than it can be (the atoms are others), or an axis or torsion is not defined.
    void update(std::span<const double> positions, const Box& box, const Workers& workers);
    [[nodiscard]] std::span<const double> centers() const { return centers_; } // (M,3)

    // Axes and descriptors of these sites (none: all), in their order; types if `with_types`.
    void gather(const std::vector<std::int64_t>* sites, bool with_types, SiteFacts& facts) const;

    // gradient (N,3), overwritten, and strain_gradient (3,3), added to, from the gradients with respect to
    // all centers (M,3) and to the axes and descriptors gathered of these sites.
    void pull_back(const std::vector<std::int64_t>* sites, std::span<const double> centers,
                   std::span<const double> axes, std::span<const double> descriptors,
                   std::span<double> gradient, std::span<double> strain_gradient, const Workers& workers);

    // "molecule 'benzene' (site 3, atoms 36 to 47, counted from 0)"
    [[nodiscard]] std::string name_of(std::size_t site) const;

private:
    [[nodiscard]] const MoleculeKind* molecule(std::size_t site) const;
    void place(std::size_t site, std::span<const double> positions, const Box& box);
    [[noreturn]] void refuse_bond(std::size_t site, const Bond& bond, double distance) const;
    template <typename F>
    void for_rows(const std::vector<std::int64_t>* sites, const F& f) const;

    Topology topology_;
    SiteLayout layout_;
    std::size_t n_axes_;
    std::vector<std::vector<Bond>> walks_;      // of each kind: its bonds, each from an atom reached before
    std::vector<std::size_t> descriptor_begin_; // (M+1), site after site
    std::vector<double> centers_, axes_, descriptors_;
    std::vector<double> offsets_; // (N,3): from each molecule's first atom, in one piece
    std::vector<double> strains_; // (shares,9)
};

} // namespace gnncv
