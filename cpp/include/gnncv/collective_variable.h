// A learned collective variable: a model file, bound to atoms, evaluated with gradients and strain gradient.
//
//     gnncv::CollectiveVariable cv("cv.pt");
//     cv.bind({"Ar", "Ar", ...});
//     const gnncv::Result& result = cv.compute(positions, cell);
//
// Units: angstrom. An object is used by one thread at a time.
#pragma once

#include "gnncv/cell.h"
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
    [[nodiscard]] const std::vector<std::string>& species() const;    // the model knows
    [[nodiscard]] const std::string& metadata() const;                // gnncv.json, as it is in the file
    [[nodiscard]] double cutoff() const;                              // angstrom
    [[nodiscard]] double skin() const;                                // angstrom
    [[nodiscard]] const Statistics& statistics() const;

    // Say which species each atom is. Throws InvalidArgument for an unknown species or no atoms at all.
    void bind(const std::vector<std::string>& symbols);

    // Values of all outputs, gradients of all or of those named (none: no backward pass). positions: (N,3),
    // angstrom. The result is overwritten by the next call. Throws InvalidArgument for input that cannot be
    // used, before anything is computed, and ModelError if a value or a gradient is not finite.
    const Result& compute(View<const double> positions, const Cell& cell);
    const Result& compute(View<const double> positions, const Cell& cell,
                          const std::vector<std::string>& outputs);

    // Per-site columns (N, site_names().size()). The result is overwritten by the next call.
    const std::vector<double>& per_site(View<const double> positions, const Cell& cell);

private:
    struct Implementation;
    std::unique_ptr<Implementation> implementation_;
};

} // namespace gnncv
