// Which sites a process answers for when several evaluate together, and which atoms it needs for them.
//
// Sites are divided by recursive bisection of space, into as many bricks as there are processes with equally
// many sites each. A site's quantities depend on atoms up to `hops` bonds away, so a process needs every atom
// within hops * reach of its brick, and the bonds of those that are less than `hops` bonds away.
#pragma once

#include "core/box.h"

#include <cstdint>
#include <span>
#include <vector>

namespace gnncv {

struct CandidatePairs;

class Division {
public:
    // reach: the longest bond of the candidate list, in angstrom.
    Division(int rank, int size, int hops, double reach);

    // Divide these positions (N,3), each inside the cell along periodic directions. The same on every
    // process.
    void assign(std::span<const double> positions, const Box& box);

    // Drop the bonds that no site of this process can feel, from the candidates of the atoms below. A bond is
    // kept where its center can be felt; with `either_end` where its neighbor can, too, so that whatever bond
    // is left is there in both directions, or stands for both.
    void trim(CandidatePairs& candidates, bool either_end) const;

    [[nodiscard]] const std::vector<std::int64_t>& atoms() const { return atoms_; } // needed, ascending
    [[nodiscard]] const std::vector<std::int64_t>& owned() const { return owned_; } // places in atoms()

private:
    [[nodiscard]] std::vector<char> felt(const CandidatePairs& candidates) const;

    int rank_;
    int size_;
    int hops_;
    double reach_;
    std::vector<std::int64_t> atoms_;
    std::vector<std::int64_t> owned_;
};

} // namespace gnncv
