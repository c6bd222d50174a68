// What a user is told about a guest.
#pragma once

#include "model/mlcolvar_probe.h"
#include "model/model.h"

#include <string>
#include <vector>

namespace gnncv {

// What such a model lacks, and what its outputs do at the cutoff. rounding: the relative precision of values.
[[nodiscard]] std::vector<std::string> remarks_on_mlcolvar(const ModelInfo& info, const Crossing& crossing,
                                                           double rounding);

// JSON text: what is known of such a file.
[[nodiscard]] std::string mlcolvar_metadata(const ModelInfo& info);

} // namespace gnncv
