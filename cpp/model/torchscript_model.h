// The model of a file that `gnncv export` wrote.
#pragma once

#include "model/model.h"

namespace gnncv {

[[nodiscard]] std::unique_ptr<Model> load_torchscript_model(const std::string& path, int num_threads,
                                                            const std::string& precision, int device);

} // namespace gnncv
