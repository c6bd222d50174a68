// Names of the elements.
#pragma once

#include <cstdint>
#include <string>

namespace gnncv {

// Symbol of an atomic number, "H" for 1; empty if there is no such element.
[[nodiscard]] std::string chemical_symbol(std::int64_t atomic_number);

} // namespace gnncv
