// SHA-256 of a file, to tell models apart (FIPS 180-4).
#pragma once

#include <string>

namespace gnncv {

// Hexadecimal, as sha256sum prints it; empty if the file cannot be read.
[[nodiscard]] std::string sha256_of_file(const std::string& path);

} // namespace gnncv
