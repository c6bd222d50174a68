#include "model/mlcolvar_description.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace gnncv {
namespace {

constexpr double negligible = 1e-4; // of the variation: not called a jump
constexpr const char* what_it_lacks = "A graph model of mlcolvar: its outputs are as its training left them, "
                                      "not normalized by gnncv; it has no "
                                      "per-site values, no novelty and no uncertainty; its sites cannot be "
                                      "divided between processes; all atoms "
                                      "given belong to its system.";

std::string share(double fraction) {
    std::ostringstream text;
    text.precision(2);
    if (fraction >= 1.0) {
        text << std::round(10.0 * fraction) / 10.0 << " times";
    } else {
        text << std::max(100.0 * fraction, 0.01) << " %";
    }
    return text.str();
}

std::string continuity(const ModelInfo& info, const Crossing& crossing, double rounding) {
    std::ostringstream jumps, displacement, where;
    jumps.precision(2);
    displacement.precision(2);
    displacement << crossing.displacement;
    where << " at the cutoff of " << info.cutoff << " A: a pair that crosses it changes ";
    for (std::size_t k = 0; k < info.names.size(); ++k) {
        const double allowed = negligible * crossing.variation[k] + 20.0 * rounding * crossing.size[k];
        if (!(crossing.jump[k] <= allowed)) {
            jumps << (jumps.tellp() == 0 ? "" : ", ") << info.names[k] << " at once by up to "
                  << crossing.jump[k] << " (" << share(crossing.jump[k] / crossing.variation[k]) << ")";
        }
    }
    const std::string how = "(found with " + std::to_string(crossing.n_pairs) +
                            " pairs in random clusters of " + std::to_string(crossing.n_atoms) + " atoms)";
    if (jumps.tellp() == 0) {
        return "Continuous" + where.str() + "no output by more than " + share(negligible) +
               " of what moving every atom by " + displacement.str() + " A does " + how + ".";
    }
    return "Not continuous" + where.str() + jumps.str() + " of what moving every atom by " +
           displacement.str() + " A does " + how + "; a bias on such an output does not conserve energy.";
}

std::string quoted_list(const std::vector<std::string>& names, const std::string& before,
                        const std::string& after) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + before + "\"" + name + "\"" + after;
    }
    return "[" + text + "]";
}

} // namespace

std::vector<std::string> remarks_on_mlcolvar(const ModelInfo& info, const Crossing& crossing,
                                             double rounding) {
    return {what_it_lacks, continuity(info, crossing, rounding)};
}

std::string mlcolvar_metadata(const ModelInfo& info) {
    std::ostringstream json;
    json.precision(17);
    json << R"({"kind": "mlcolvar", "length_unit": "angstrom", "precision": ")" << info.precision
         << R"(", "cutoff": )" << info.cutoff << R"(, "species": )"
         << quoted_list(info.topology.kinds(), "", "") << R"(, "outputs": )"
         << quoted_list(info.names, R"({"name": )", R"(, "kind": "unknown"})") << "}";
    return json.str();
}

} // namespace gnncv
