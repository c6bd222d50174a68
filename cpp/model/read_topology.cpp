#include "model/read_topology.h"

#include <utility>

namespace gnncv {
namespace {

at::IValue attribute(const torch::jit::Module& module, const char* name) {
    TORCH_CHECK(module.hasattr(name), "it has no attribute '", name, "'");
    at::IValue value = module.attr(name);
    TORCH_CHECK(value.isList(), "its attribute '", name, "' is not a list");
    return value;
}

std::vector<std::string> strings(const at::IValue& list) {
    std::vector<std::string> result;
    for (const at::IValue& item : list.toListRef()) {
        result.push_back(item.toStringRef());
    }
    return result;
}

std::vector<double> numbers(const at::IValue& list) {
    std::vector<double> result;
    for (const at::IValue& item : list.toList()) {
        result.push_back(item.toDouble());
    }
    return result;
}

std::vector<std::int32_t> indices(const at::IValue& list) {
    std::vector<std::int32_t> result;
    for (const at::IValue& item : list.toList()) {
        result.push_back(static_cast<std::int32_t>(item.toInt()));
    }
    return result;
}

// A flat list, n numbers after n numbers.
template <std::size_t n>
std::vector<std::array<std::int32_t, n>> tuples(const at::IValue& list) {
    const std::vector<std::int32_t> flat = indices(list);
    TORCH_CHECK(flat.size() % n == 0, "a list of ", n, "-tuples of atoms has ", flat.size(), " numbers");
    std::vector<std::array<std::int32_t, n>> result(flat.size() / n);
    for (std::size_t k = 0; k < flat.size(); ++k) {
        result[k / n][k % n] = flat[k];
    }
    return result;
}

// The k-th item of an attribute that has one for each molecule.
at::IValue item(const torch::jit::Module& module, const char* name, std::size_t k) {
    const at::IValue list = attribute(module, name);
    const c10::List<at::IValue> items = list.toList();
    TORCH_CHECK(k < items.size(), "its attribute '", name, "' has ", items.size(), " items");
    return items.get(k);
}

std::vector<Axis> axes_of(const torch::jit::Module& module, std::size_t k) {
    std::vector<Axis> axes;
    for (const at::IValue& weights : item(module, "molecule_axis_weights", k).toList()) {
        axes.push_back({numbers(weights), {}});
    }
    const c10::List<at::IValue> rings = item(module, "molecule_axis_rings", k).toList();
    TORCH_CHECK(rings.size() == axes.size(), "its molecules have ", axes.size(), " axes and ", rings.size(),
                " rings");
    for (std::size_t a = 0; a < axes.size(); ++a) {
        axes[a].ring = indices(rings.get(a));
    }
    return axes;
}

MoleculeKind molecule(const torch::jit::Module& module, std::string name, std::size_t k) {
    MoleculeKind kind;
    kind.name = std::move(name);
    kind.symbols = strings(item(module, "molecule_symbols", k));
    const auto bonds = tuples<2>(item(module, "molecule_bonds", k));
    const std::vector<double> longest = numbers(item(module, "molecule_longest_bonds", k));
    TORCH_CHECK(bonds.size() == longest.size(), "a molecule has ", bonds.size(), " bonds and ",
                longest.size(), " lengths");
    for (std::size_t b = 0; b < bonds.size(); ++b) {
        kind.bonds.push_back({bonds[b][0], bonds[b][1], longest[b]});
    }
    kind.weights = numbers(item(module, "molecule_weights", k));
    kind.axes = axes_of(module, k);
    kind.distances = tuples<2>(item(module, "molecule_distances", k));
    kind.torsions = tuples<4>(item(module, "molecule_torsions", k));
    return kind;
}

} // namespace

Topology read_topology(const torch::jit::Module& module) {
    std::vector<std::string> species = strings(attribute(module, "species"));
    std::vector<MoleculeKind> molecules;
    if (module.hasattr("molecule_symbols")) {
        const std::size_t n_molecules = attribute(module, "molecule_symbols").toList().size();
        TORCH_CHECK(n_molecules <= species.size(), "it describes ", n_molecules, " molecules and names ",
                    species.size(), " kinds of sites");
        for (std::size_t k = 0; k < n_molecules; ++k) {
            molecules.push_back(molecule(module, species[k], k));
        }
        species.erase(species.begin(), species.begin() + static_cast<std::ptrdiff_t>(n_molecules));
    }
    return {std::move(molecules), std::move(species)};
}

} // namespace gnncv
