// What a GNNCV line of the input asks for, as it is written, before any model is read.
#pragma once

#include "tools/AtomNumber.h"

#include <string>
#include <utility>
#include <vector>

namespace gnncv_plumed {

// Atoms of one SPECIESn keyword.
struct SpeciesGroup {
    int number; // n
    std::vector<PLMD::AtomNumber> atoms;
};

struct Request {
    std::string model;
    std::string device = "cpu";
    std::string precision;               // empty: the file's
    int num_threads = 0;                 // 0: PLUMED's
    double skin = -1.0;                  // PLUMED's unit of length; negative: chosen from the cutoff
    std::vector<std::string> components; // empty: all outputs
    std::vector<PLMD::AtomNumber> atoms;
    std::vector<SpeciesGroup> groups;
    std::vector<std::string> species_to_types;
    bool without_pbc = false;
    bool serial = false;
    bool dilute = false;
};

// Throw std::invalid_argument, whose sentence says what to write instead, for atoms that are missing or given
// twice and for numbers out of range. Puts the atoms of the groups into `atoms` where ATOMS is not given.
void complete(Request& request);

// Threads for the core: what was asked for, but never more than PLUMED was given.
int threads_to_use(const Request& request, int threads_of_plumed);

// "1, 2, 3": what a user can choose from.
std::string listed(const std::vector<std::string>& words);

} // namespace gnncv_plumed
