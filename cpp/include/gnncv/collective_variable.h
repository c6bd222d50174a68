// A learned collective variable: a model file, bound to atoms, evaluated with gradients and strain gradient.
//
//     gnncv::CollectiveVariable cv("cv.pt");
//     cv.bind({"Ar", "Ar", ...});
//     const gnncv::Result& result = cv.compute(positions, cell);
//
// Units: angstrom. An object is used by one thread at a time.
#pragma once

#include "gnncv/cell.h"
#include "gnncv/communicator.h"
#include "gnncv/error.h"
#include "gnncv/export.h"
#include "gnncv/result.h"
#include "gnncv/view.h"

#include <memory>
#include <string>
#include <vector>

namespace gnncv {

struct Options {
    std::string device = "cpu";
    double skin = -1.0;  // angstrom added to the cutoff in the neighbor list; 0: rebuild each time; negative:
                         // chosen from the cutoff
    int num_threads = 0; // threads within one evaluation; 0: leave libtorch's setting alone
    std::string precision; // float32 or float64 arithmetic of the network; empty: as the file was exported
    std::shared_ptr<Communicator> communicator; // the processes that divide the sites; none: this one alone
};

class GNNCV_API CollectiveVariable {
public:
    // Throws ModelError if the file is missing, truncated, foreign or newer; DeviceError; InvalidArgument for
    // the options.
    explicit CollectiveVariable(const std::string& path, const Options& options = {});
    ~CollectiveVariable();
    CollectiveVariable(CollectiveVariable&&) noexcept;
    CollectiveVariable& operator=(CollectiveVariable&&) noexcept;

    [[nodiscard]] const std::vector<std::string>& names() const;      // of the outputs
    [[nodiscard]] const std::vector<std::string>& site_names() const; // of the columns of per_site
    [[nodiscard]] const std::vector<std::string>& species() const;    // of atoms the model knows
    // Kinds of sites: molecules, then single atoms. A model without molecules has a kind for each species.
    [[nodiscard]] const std::vector<std::string>& kinds() const;
    [[nodiscard]] std::vector<std::string>
    molecule(const std::string& kind) const;            // its atoms; none: an atom
    [[nodiscard]] const std::string& metadata() const;  // gnncv.json, as it is in the file
    [[nodiscard]] double cutoff() const;                // angstrom
    [[nodiscard]] double skin() const;                  // angstrom
    [[nodiscard]] const std::string& precision() const; // float32 or float64
    [[nodiscard]] int hops() const; // how many bonds away an atom can change a site's quantities; 0: unknown
    [[nodiscard]] std::string hash() const; // SHA-256 of the model file, hexadecimal
    // What a user should know of this model and how it is evaluated, a sentence each; often none.
    [[nodiscard]] const std::vector<std::string>& remarks() const;
    [[nodiscard]] const Statistics& statistics() const;

    // Say which species each atom is. A model of molecules wants them molecule by molecule, the atoms of each
    // in the order of its template. Throws InvalidArgument for an unknown species, for the first atom that is
    // not what the template says, or for no atoms at all.
    void bind(const std::vector<std::string>& symbols);

    // Of the sites that were bound (M): their kinds, as places in `kinds`, and the first atom of each.
    [[nodiscard]] const std::vector<std::int64_t>& site_kinds() const;
    [[nodiscard]] const std::vector<std::int64_t>& first_atoms() const;
    [[nodiscard]] std::size_t n_atoms() const;

    // Values of all outputs, gradients of all or of those named (none: no backward pass). positions: (N,3),
    // angstrom. The result is overwritten by the next call. Throws InvalidArgument for input that cannot be
    // used, before anything is computed, and ModelError if a value or a gradient is not finite.
    const Result& compute(View<const double> positions, const Cell& cell);
    const Result& compute(View<const double> positions, const Cell& cell,
                          const std::vector<std::string>& outputs);

    // In two steps, for callers who learn only from the values which gradients they need. evaluate gives the
    // values of all outputs, and keeps what a backward pass needs if `differentiable`. Gradients are those at
    // the last evaluate, as often as asked for: of named outputs, one backward pass each, or of
    // sum_k weights[k] CV_k in a single one. Throw InvalidArgument without a differentiable evaluate before.
    const Result& evaluate(View<const double> positions, const Cell& cell, bool differentiable = true);
    const Result& differentiate(const std::vector<std::string>& outputs);
    const WeightedGradient& differentiate(View<const double> weights);

    // Per-site columns (M, site_names().size()), a row for each site: atom or molecule. The result is
    // overwritten by the next call.
    const std::vector<double>& per_site(View<const double> positions, const Cell& cell);

private:
    struct Implementation;
    std::unique_ptr<Implementation> implementation_;
};

} // namespace gnncv
