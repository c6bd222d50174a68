// The libraries in this process, and functions in them.
#pragma once

#include <string>
#include <vector>

namespace gnncv_plumed {

// Paths of all loaded libraries whose file name begins with `start`.
std::vector<std::string> loaded_libraries(const std::string& start);

// A function of a loaded library, or of the program and all it is linked to if the path is empty; or null.
void* find_in(const std::string& library, const char* symbol);

// The folder that holds the library this function is in.
std::string own_folder();

} // namespace gnncv_plumed
