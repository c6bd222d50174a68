// Random sites with their full pair list, and smooth random tables.
#pragma once

#include "kernels/pair_rows.h"
#include "kernels/radial_table.h"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace lane_groups {

using Random = std::mt19937_64;

template <typename T>
std::vector<T> normal(Random& random, std::size_t n, double mean = 0.0, double width = 1.0) {
    std::normal_distribution<double> draw(mean, width);
    std::vector<T> numbers(n);
    for (T& number : numbers) {
        number = static_cast<T>(draw(random));
    }
    return numbers;
}

template <typename T>
struct Structure {
    static constexpr double cutoff = 3.0;
    std::vector<T> vectors, distances;
    std::vector<std::int32_t> neighbor;
    std::vector<std::int64_t> row_ptr{0}, types;
    int n_species;

    // The last site has no neighbors.
    Structure(Random& random, std::size_t n_sites, double edge, int n_species) : n_species(n_species) {
        std::uniform_real_distribution<double> place(0.0, edge);
        std::vector<double> x(3 * n_sites);
        for (std::size_t k = 0; k < x.size(); ++k) {
            x[k] = place(random) + (k / 3 + 1 == n_sites ? 100.0 : 0.0);
        }
        for (std::size_t i = 0; i < n_sites; ++i) {
            types.push_back(static_cast<std::int64_t>(random() % static_cast<unsigned>(n_species)));
            for (std::size_t j = 0; j < n_sites; ++j) {
                const double r[3] = {x[3 * j] - x[3 * i], x[3 * j + 1] - x[3 * i + 1],
                                     x[3 * j + 2] - x[3 * i + 2]};
                const double d = std::sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
                if (i != j && d < cutoff) {
                    for (const double component : r) {
                        vectors.push_back(static_cast<T>(component));
                    }
                    distances.push_back(static_cast<T>(d));
                    neighbor.push_back(static_cast<std::int32_t>(j));
                }
            }
            row_ptr.push_back(static_cast<std::int64_t>(neighbor.size()));
        }
    }
    std::size_t n_sites() const { return types.size(); }
    std::size_t n_pairs() const { return neighbor.size(); }
    gnncv::kernels::PairRows rows() const {
        return {neighbor.data(), row_ptr.data(), static_cast<std::int64_t>(n_sites())};
    }
};

// n_tables of them, one after the other. Terms fall off, as those of a smooth function do; values of the last
// channel are positive.
template <typename T>
struct Table {
    static constexpr std::int64_t n_intervals = 11;
    std::int64_t n_channels;
    std::vector<T> coefficients;

    Table(Random& random, std::int64_t n_channels, std::int64_t n_tables = 1) : n_channels(n_channels) {
        for (std::int64_t m = 0; m < n_tables * n_intervals; ++m) {
            for (int q = 0; q < gnncv::kernels::table_terms; ++q) {
                for (std::int64_t c = 0; c < n_channels; ++c) {
                    const double size = std::pow(0.4, q);
                    const T drawn = normal<T>(random, 1, 0.0, size)[0];
                    const bool positive = c + 1 == n_channels;
                    coefficients.push_back(positive ? static_cast<T>(q == 0 ? 1.0 : 0.05) * std::abs(drawn)
                                                    : drawn);
                }
            }
        }
    }
    gnncv::kernels::RadialTable<T> table() const {
        return {coefficients.data(), {n_intervals, Structure<T>::cutoff}, n_channels};
    }
};

} // namespace lane_groups
