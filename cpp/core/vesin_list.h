// The list of vesin: each pair of points once, in any order.
#pragma once

#include "core/box.h"

#include <vesin.h>

#include <cstdint>
#include <span>

namespace gnncv {

class VesinList {
public:
    VesinList();
    ~VesinList();
    VesinList(const VesinList&) = delete;
    VesinList& operator=(const VesinList&) = delete;

    // The pairs of points (N,3), each inside the cell along periodic directions, closer than the cutoff.
    // Throws Error.
    void find(std::span<const double> points, const Box& box, double cutoff, bool with_shifts, int n_threads);

    [[nodiscard]] std::size_t size() const { return list_.length; }
    [[nodiscard]] std::int32_t first(std::size_t p) const {
        return static_cast<std::int32_t>(list_.pairs[p][0]);
    }
    [[nodiscard]] std::int32_t second(std::size_t p) const {
        return static_cast<std::int32_t>(list_.pairs[p][1]);
    }
    [[nodiscard]] bool with_shifts() const { return with_shifts_; }
    [[nodiscard]] const std::int32_t (&shift(std::size_t p) const)[3] { return list_.shifts[p]; }

    // A long list takes more memory than all that is made of it, which the system gets back; a short one's
    // serves the next.
    void release_if_long();

private:
    VesinNeighborList list_;
    bool with_shifts_ = true;
    decltype(&vesin_neighbors) neighbors_;
    decltype(&vesin_free) free_;
};

} // namespace gnncv
