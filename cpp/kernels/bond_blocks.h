// The bonds of one center in blocks of one register, each block of neighbors of one species.
#pragma once

#include "kernels/length_rest.h"
#include "kernels/pair_rows.h"
#include "kernels/register_shuffles.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace gnncv::kernels {

struct BondBlock {
    std::int64_t begin; // in the list of pairs, or in an order by species
    int count;
    int species;
};

template <typename V>
struct Directions {
    const V &x, &y, &z, &length, &inverse, &rest;
};

template <typename T, int bytes>
class BondBlocks {
public:
    using Register = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width;

    BondBlocks(const PairRows& pairs, const std::int64_t* types, int n_species)
        : pairs_(pairs), types_(types), n_species_(n_species) {}

    // The bonds of center i, whose vectors are of the list of pairs (n_pairs,3).
    GNNCV_INLINE void of_center(std::int64_t i, const T* vectors) {
        divide(i);
        const std::size_t n = blocks_.size();
        x_ = reinterpret_cast<Register*>(buffer_.reserve(6 * n));
        y_ = x_ + n;
        z_ = y_ + n;
        length_ = z_ + n;
        inverse_ = length_ + n;
        rest_ = inverse_ + n;
        for (std::size_t b = 0; b < n; ++b) {
            load_vectors(vectors, blocks_[b], x_[b], y_[b], z_[b]);
            length_[b] = x_[b] * x_[b] + y_[b] * y_[b] + z_[b] * z_[b];
        }
        roots(n * width, reinterpret_cast<T*>(length_), reinterpret_cast<T*>(inverse_));
        for (std::size_t b = 0; b < n; ++b) {
            rest_[b] = rest_of(x_[b], y_[b], z_[b], length_[b], inverse_[b]);
            x_[b] *= inverse_[b];
            y_[b] *= inverse_[b];
            z_[b] *= inverse_[b];
        }
    }
    // Block b: unit vectors of its bonds, their lengths, inverse lengths and what lengths lose; zero for a
    // bond of length zero. Lanes beyond its count hold anything finite.
    [[nodiscard]] GNNCV_INLINE Directions<Register> directions(std::size_t b) const {
        return {x_[b], y_[b], z_[b], length_[b], inverse_[b], rest_[b]};
    }
    [[nodiscard]] const std::vector<BondBlock>& list() const { return blocks_; }

    GNNCV_INLINE void store_vectors(T* vectors, const BondBlock& block, const Register& x, const Register& y,
                                    const Register& z) const {
        if (n_species_ == 1 && block.count == width) {
            store_triples(vectors + 3 * block.begin, x, y, z);
            return;
        }
        T triples[3 * width];
        store_triples(triples, x, y, z);
        for (int w = 0; w < block.count; ++w) {
            std::copy_n(triples + 3 * w, 3, vectors + 3 * pair(block, w));
        }
    }

    // One number a pair.
    [[nodiscard]] GNNCV_INLINE Register load_numbers(const T* numbers, const BondBlock& block) const {
        if (n_species_ == 1 && block.count == width) {
            return load_lanes<T, bytes>(numbers + block.begin);
        }
        alignas(64) T some[width] = {};
        for (int w = 0; w < block.count; ++w) {
            some[w] = numbers[pair(block, w)];
        }
        return load_lanes<T, bytes>(some);
    }
    GNNCV_INLINE void store_numbers(T* numbers, const BondBlock& block, const Register& lanes) const {
        if (n_species_ == 1 && block.count == width) {
            store_lanes<T>(numbers + block.begin, lanes);
            return;
        }
        alignas(64) T some[width];
        store_lanes<T>(some, lanes);
        for (int w = 0; w < block.count; ++w) {
            numbers[pair(block, w)] = some[w];
        }
    }

    // Where the bonds of a block lead to; lanes beyond its count repeat the last.
    GNNCV_INLINE void load_neighbors(const BondBlock& block, std::int32_t* neighbors) const {
        for (int w = 0; w < width; ++w) {
            neighbors[w] = pairs_.neighbor[pair(block, std::min(w, block.count - 1))];
        }
    }

private:
    static GNNCV_INLINE void roots(std::size_t n, T* __restrict__ squares, T* __restrict__ inverses) {
        for (std::size_t w = 0; w < n; ++w) {
            const T root = std::sqrt(squares[w]);
            squares[w] = root;
            inverses[w] = root > T(0) ? T(1) / root : T(0);
        }
    }
    static GNNCV_INLINE Register rest_of(const Register& x, const Register& y, const Register& z,
                                         const Register& length, const Register& inverse) {
        if constexpr (sizeof(T) == sizeof(double)) {
            return Register{};
        } else {
            using Wide __attribute__((vector_size(2 * bytes))) = double;
            const auto wide = [](const Register& r)
                                  __attribute__((always_inline)) { return __builtin_convertvector(r, Wide); };
            const Wide lost = lost_square(wide(x), wide(y), wide(z), wide(length));
            return __builtin_convertvector(lost, Register) * inverse * T(0.5);
        }
    }
    void divide(std::int64_t i) {
        const std::int64_t first = pairs_.row_ptr[i], last = pairs_.row_ptr[i + 1];
        blocks_.clear();
        if (n_species_ == 1) {
            add(first, last, 0);
            return;
        }
        order_.resize(last - first + 1);
        std::int64_t n = 0;
        for (int s = 0; s < n_species_; ++s) {
            const std::int64_t begin = n;
            for (std::int64_t p = first; p < last; ++p) {
                order_[n] = p;
                n += types_[pairs_.neighbor[p]] == s ? 1 : 0;
            }
            add(begin, n, s);
        }
    }
    GNNCV_INLINE void load_vectors(const T* vectors, const BondBlock& block, Register& x, Register& y,
                                   Register& z) const {
        if (n_species_ == 1 && block.begin + width <= pairs_.row_ptr[pairs_.n_centers]) {
            load_triples<bytes>(vectors + 3 * block.begin, x, y, z);
            return;
        }
        T triples[3 * width] = {};
        for (int w = 0; w < block.count; ++w) {
            std::copy_n(vectors + 3 * pair(block, w), 3, triples + 3 * w);
        }
        load_triples<bytes>(triples, x, y, z);
    }
    [[nodiscard]] GNNCV_INLINE std::int64_t pair(const BondBlock& block, int w) const {
        return n_species_ == 1 ? block.begin + w : order_[block.begin + w];
    }
    void add(std::int64_t begin, std::int64_t end, int species) {
        for (; begin < end; begin += width) {
            blocks_.push_back({begin, static_cast<int>(std::min<std::int64_t>(width, end - begin)), species});
        }
    }

    PairRows pairs_;
    const std::int64_t* types_;
    int n_species_;
    std::vector<std::int64_t> order_;
    std::vector<BondBlock> blocks_;
    LaneBuffer<T> buffer_;
    Register *x_ = nullptr, *y_ = nullptr, *z_ = nullptr, *length_ = nullptr, *inverse_ = nullptr,
             *rest_ = nullptr;
};

} // namespace gnncv::kernels
