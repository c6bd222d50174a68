// What orientation kernels do with one register of bonds.
#pragma once

#include "kernels/bond_radial.h"
#include "kernels/orientation_densities.h"

#include <cstdint>
#include <type_traits>

namespace gnncv::kernels {

// One center's axes in all lanes, its neighbors' axes side by side, and the cosines of the bonds.
template <int A, typename T, int bytes>
class AxesOfBonds {
public:
    using Register = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width, room = 3 * OrientationRoom<A>::axes;

    explicit AxesOfBonds(const OrientationInput<T>& input)
        : axes_(input.axes), n_axes_(A >= 0 ? A : input.terms.n_axes) {}

    GNNCV_INLINE void of_center(std::int64_t i) {
        for (int c = 0; c < n_numbers(); ++c) {
            own[c] = Register{} + axes_[i * n_numbers() + c];
        }
    }
    GNNCV_INLINE void of_block(const BondBlocks<T, bytes>& blocks, const BondBlock& block,
                               const Directions<Register>& d) {
        blocks.load_neighbors(block, neighbors);
        for (int c = 0; c < n_numbers(); ++c) {
            other[c] = collect_lanes<T, bytes>(
                [&](int w) { return axes_[std::int64_t{neighbors[w]} * n_numbers() + c]; });
        }
        direction[0] = d.x;
        direction[1] = d.y;
        direction[2] = d.z;
        cosines_of_bond(n_axes_, direction, own, other, cosines);
    }
    // Numbers of the axes of one site.
    [[nodiscard]] GNNCV_INLINE int n_numbers() const { return 3 * n_axes(); }
    [[nodiscard]] GNNCV_INLINE int n_axes() const { return A >= 0 ? A : n_axes_; }

    Register own[room], other[room], direction[3];
    std::int32_t neighbors[width];
    BondCosines<A, Register> cosines;

private:
    const T* axes_;
    int n_axes_;
};

// f(number of axes as a type), for the numbers that kernels are compiled for; -1 for any other.
template <typename F>
void with_axes(int n_axes, const F& f) {
    if (n_axes == 1) {
        f(std::integral_constant<int, 1>{});
    } else if (n_axes == 2) {
        f(std::integral_constant<int, 2>{});
    } else {
        f(std::integral_constant<int, -1>{});
    }
}
// define(attribute, bytes, A, T) of those.
#define GNNCV_ORIENTATION_INSTANCES(attribute, bytes)                                                        \
    GNNCV_INSTANCE(attribute, bytes, -1, float)                                                              \
    GNNCV_INSTANCE(attribute, bytes, -1, double)                                                             \
    GNNCV_INSTANCE(attribute, bytes, 1, float)                                                               \
    GNNCV_INSTANCE(attribute, bytes, 1, double)                                                              \
    GNNCV_INSTANCE(attribute, bytes, 2, float)                                                               \
    GNNCV_INSTANCE(attribute, bytes, 2, double)

} // namespace gnncv::kernels
