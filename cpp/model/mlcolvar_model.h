// Guests: graph models that mlcolvar exported as TorchScript, used as they are.
//
// Such a model sees the atoms only through its edge vectors, position[j] - position[i] + shift. It is handed
// positions of zero and our pair vectors as the shifts, so gradients with respect to the shifts are gradients
// with respect to pair vectors: any cell, the virial and exact pairs under a skin are those of the core.
#pragma once

#include "model/model.h"

namespace gnncv {

// Whether the file is such a model, told from the names in its archive; nothing of it is run. False also for
// a file that is missing or damaged.
[[nodiscard]] bool is_mlcolvar_model(const std::string& path);

// precision: float32 or float64, both of which the file's numbers are converted to, or empty for its own.
// Throws ModelError, for models that need what an engine does not give (environment, subsystem) among others.
[[nodiscard]] std::unique_ptr<Model> load_mlcolvar_model(const std::string& path, int num_threads,
                                                         const std::string& precision);

} // namespace gnncv
