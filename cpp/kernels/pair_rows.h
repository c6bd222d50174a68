// The compressed rows that say which pairs belong to which center.
#pragma once

#include <cstdint>
#include <string>

namespace gnncv::kernels {

// Those of center i are row_ptr[i] .. row_ptr[i+1]-1, their other ends neighbor[p] (null where no kernel
// needs it).
//
// With half_begin each bond from half_begin[i] to the end of row i stands for both of its directions, and
// what is before it in the row (perhaps nothing) are the other directions of bonds that stand so elsewhere.
struct PairRows {
    const std::int32_t* neighbor;
    const std::int64_t* row_ptr;
    std::int64_t n_centers;
    std::int64_t first_center = 0; // work on centers first_center .. n_centers-1: a thread's share
    const std::int64_t* half_begin = nullptr;

    // The same pairs, of centers begin .. end-1 alone.
    [[nodiscard]] PairRows part(std::int64_t begin, std::int64_t end) const {
        return {neighbor, row_ptr, end, begin, half_begin};
    }
    // The bonds of center i that are worked on: all, or those that stand for both directions.
    [[nodiscard]] std::int64_t begin(std::int64_t i) const {
        return half_begin != nullptr ? half_begin[i] : row_ptr[i];
    }
    [[nodiscard]] std::int64_t end(std::int64_t i) const { return row_ptr[i + 1]; }
};

// Sites begin .. end-1.
struct ReachedSites {
    std::int64_t begin, end;
};
// The centers worked on and the neighbors of the bonds worked on are all in it.
[[nodiscard]] ReachedSites sites_reached(const PairRows& rows);

// Whether all neighbors are centers of the rows.
[[nodiscard]] bool neighbors_in_range(const PairRows& rows, std::int64_t n_pairs);

// What is wrong with the rows, in words; empty if they can be used for `n_pairs` pairs.
[[nodiscard]] inline std::string rows_error(const PairRows& rows, std::int64_t n_pairs) {
    if (rows.row_ptr[0] != 0 || rows.row_ptr[rows.n_centers] != n_pairs) {
        return "row_ptr runs from " + std::to_string(rows.row_ptr[0]) + " to " +
               std::to_string(rows.row_ptr[rows.n_centers]) + ", expected 0 to " + std::to_string(n_pairs) +
               " (the number of pairs)";
    }
    for (std::int64_t i = 0; i < rows.n_centers; ++i) {
        if (rows.row_ptr[i + 1] < rows.row_ptr[i]) {
            return "row_ptr decreases after center " + std::to_string(i);
        }
        if (rows.begin(i) < rows.row_ptr[i] || rows.begin(i) > rows.end(i)) {
            return "half_begin[" + std::to_string(i) + "] is " + std::to_string(rows.begin(i)) +
                   ", expected " + std::to_string(rows.row_ptr[i]) + " to " + std::to_string(rows.end(i)) +
                   " (the center's row)";
        }
    }
    if (rows.neighbor == nullptr || neighbors_in_range(rows, n_pairs)) {
        return {};
    }
    for (std::int64_t p = 0; p < n_pairs; ++p) {
        if (rows.neighbor[p] < 0 || rows.neighbor[p] >= rows.n_centers) {
            return "neighbor[" + std::to_string(p) + "] is " + std::to_string(rows.neighbor[p]) +
                   ", expected 0 to " + std::to_string(rows.n_centers - 1);
        }
    }
    return {};
}

} // namespace gnncv::kernels
