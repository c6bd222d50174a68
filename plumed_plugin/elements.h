// Atomic numbers, as METATOMIC's SPECIES_TO_TYPES has them, and the symbols a model's species are called by.
#pragma once

#include <string>

namespace gnncv_plumed {

// "Cu" for 29; empty for a number that no element has.
std::string element_symbol(int atomic_number);

} // namespace gnncv_plumed
