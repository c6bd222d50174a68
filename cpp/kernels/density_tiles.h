// Sums over bonds of products of radial functions and harmonics, both registers of bonds side by side: a
// product of two small matrices, in tiles that fill the registers.
#pragma once

#include "kernels/harmonic_polynomials.h"
#include "kernels/register_shuffles.h"

#include <cstdint>
#include <cstring>

namespace gnncv::kernels {

constexpr int tiles(int n, int size) {
    return (n + size - 1) / size;
}

// Radial functions, and harmonics, whose products are summed at once: as many sums as a register has lanes.
template <typename V>
struct Tile {
    static constexpr int columns = lanes_in<V> >= 4 ? 4 : 2;
    static constexpr int rows = lanes_in<V> / columns;
};

// Where a tile of sums goes: row k of them to out[k stride ..], all times constants.
template <typename V>
struct TileTarget {
    decltype(V{}[0] + 0)* out;
    std::int64_t stride;
    V constants;
    int n_rows, n_columns;
};

template <int row, typename V, typename Target>
GNNCV_INLINE void store_rows(const V& sums, const Target& target) {
    constexpr int columns = Tile<V>::columns;
    const auto part = part_of_register<row * columns>(sums, std::make_integer_sequence<int, columns>{});
    auto* const out = target.out + row * target.stride;
    if (target.n_columns == columns) {
        std::memcpy(out, &part, sizeof part);
    } else {
        for (int m = 0; m < target.n_columns; ++m) {
            out[m] = part[m];
        }
    }
    if constexpr (row + 1 < Tile<V>::rows) {
        if (row + 1 < target.n_rows) {
            store_rows<row + 1>(sums, target);
        }
    }
}

// sum over bonds of radial[k] harmonics[m], for a tile of each.
template <typename V>
GNNCV_INLINE void sum_tile(const V* radial, std::int64_t radial_stride, const V* harmonics,
                           std::int64_t harmonic_stride, std::int64_t n_blocks, const TileTarget<V>& target) {
    constexpr int rows = Tile<V>::rows, columns = Tile<V>::columns;
    V total[rows * columns] = {};
    for (int n = 0; n_blocks > 0 && n < rows * columns; ++n) {
        total[n] = radial[n / columns] * harmonics[n % columns];
    }
    for (std::int64_t b = 1; b < n_blocks; ++b) {
        radial += radial_stride;
        harmonics += harmonic_stride;
        for (int n = 0; n < rows * columns; ++n) {
            total[n] += radial[n / columns] * harmonics[n % columns];
        }
    }
    store_rows<0>(sums_of_registers(total) * target.constants, target);
}

// The constants of the harmonics above degree zero, as tiles of sums want them.
template <typename T, int bytes>
class TileConstants {
    using Register = Lanes<T, bytes>;

public:
    TileConstants(const HarmonicConstants<T>& constants, int n_lm) {
        constexpr int columns = Tile<Register>::columns;
        const int n = tiles(n_lm - 1, columns);
        tiles_ = reinterpret_cast<Register*>(buffer_.reserve(n + 1));
        T* const numbers = reinterpret_cast<T*>(tiles_);
        for (int w = 0; w < n * lanes_in<Register>; ++w) {
            const int lm = 1 + w / lanes_in<Register> * columns + w % columns;
            numbers[w] = lm < n_lm ? constants.norm[lm] : T(0);
        }
    }
    [[nodiscard]] const Register& operator[](int t) const { return tiles_[t]; }

private:
    LaneBuffer<T> buffer_;
    Register* tiles_;
};

} // namespace gnncv::kernels
