// Runs what a kernel does at a center with groups of lanes, and compares with the CPU kernel.
#pragma once

#include "kernels/lane_group.h"
#include "turn_taking.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace lane_groups {

inline int n_failures = 0;
inline bool only_one_lane = false; // the CPU kernels are what is tried

template <typename T>
constexpr const char* precision() {
    return std::is_same_v<T, float> ? "float32" : "float64";
}

// The largest difference relative to the largest number, held against some roundings.
template <typename T>
void compare(const std::string& what, const std::vector<T>& got, const std::vector<T>& expected) {
    double largest = 1.0, difference = 0.0;
    for (std::size_t k = 0; k < expected.size(); ++k) {
        largest = std::max(largest, std::abs(static_cast<double>(expected[k])));
        const double distance = std::abs(static_cast<double>(got[k]) - static_cast<double>(expected[k]));
        difference = std::max(difference, std::isfinite(distance) ? distance : 1e300);
    }
    const bool good =
        got.size() == expected.size() && difference <= 200.0 * std::numeric_limits<T>::epsilon() * largest;
    n_failures += good ? 0 : 1;
    std::printf("%s %s %s: %zu numbers, relative difference %.1e\n", good ? "same" : "DIFFERENT",
                what.c_str(), precision<T>(), expected.size(), difference / largest);
}

template <typename F>
std::vector<char> scratch_of(std::size_t bytes) {
    return std::vector<char>(bytes + 64, static_cast<char>(0xFF)); // not a number in either precision
}

// Every group that can stand for a warp: its name, and how it runs f at all centers.
template <typename F>
void run_single(const F& f, std::int64_t n_centers) {
    using G = gnncv::kernels::SingleLane;
    for (std::int64_t i = 0; i < n_centers; ++i) {
        std::vector<char> scratch = scratch_of<F>(f.template scratch_bytes<G>());
        f(G{}, i, scratch.data());
    }
}
template <int n_lanes, typename F>
void run_turns(const F& f, std::int64_t n_centers) {
    using G = typename TurnTaking<n_lanes>::Lane;
    TurnTaking<n_lanes> group;
    for (std::int64_t i = 0; i < n_centers; ++i) {
        std::vector<char> scratch = scratch_of<F>(f.template scratch_bytes<G>());
        group.run([&](const G& lane) { f(lane, i, scratch.data()); });
    }
}

// make(outputs...) gives what works at a center; check(name) compares what it wrote.
template <typename F, typename Check>
void with_groups(std::int64_t n_centers, const F& f, const Check& check) {
    run_single(f, n_centers);
    check("one lane");
    if (only_one_lane) {
        return;
    }
    run_turns<4>(f, n_centers);
    check("4 lanes");
    run_turns<32>(f, n_centers);
    check("32 lanes");
}

} // namespace lane_groups
