// What a model file is, decided before any of it is run.
#pragma once

#include <string>

namespace gnncv {

// The newest file format this build reads.
inline constexpr int newest_format = 2;

// Metadata (gnncv.json) of a gnncv model file. Throws ModelError saying whether the file is missing,
// truncated, foreign or newer, and what to do.
[[nodiscard]] std::string read_model_metadata(const std::string& path);

} // namespace gnncv
