#include "core/site_order.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace gnncv {
namespace {

constexpr int bits = 10; // of a cell's place along each direction

// The bits of a number below 2^10, two empty ones between each and the next.
std::uint32_t spread(std::uint32_t x) {
    x = (x | (x << 16)) & 0x030000FFU;
    x = (x | (x << 8)) & 0x0300F00FU;
    x = (x | (x << 4)) & 0x030C30C3U;
    return (x | (x << 2)) & 0x09249249U;
}

struct Axis {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    double cells = 1.0;

    [[nodiscard]] std::uint32_t place(double x) const {
        const double place = high > low ? (x - low) / (high - low) * cells : 0.0;
        return static_cast<std::uint32_t>(std::clamp(place, 0.0, cells - 1.0));
    }
};

} // namespace

std::vector<std::int64_t> order_in_space(std::span<const double> positions, const Box& box, double edge) {
    const std::size_t n_atoms = positions.size() / 3;
    std::vector<Vector3> fractions(n_atoms);
    std::array<Axis, 3> axes;
    for (std::size_t i = 0; i < n_atoms; ++i) {
        fractions[i] =
            times(Vector3{positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]}, box.inverse());
        for (int a = 0; a < 3; ++a) {
            axes[a].low = std::min(axes[a].low, fractions[i][a]);
            axes[a].high = std::max(axes[a].high, fractions[i][a]);
        }
    }
    for (int a = 0; a < 3; ++a) {
        const double length =
            (axes[a].high - axes[a].low) *
            norm(Vector3{box.matrix()[3 * a], box.matrix()[3 * a + 1], box.matrix()[3 * a + 2]});
        axes[a].cells = std::clamp(std::floor(length / edge), 1.0, std::ldexp(1.0, bits));
    }
    std::vector<std::pair<std::uint32_t, std::int64_t>> keys(n_atoms);
    for (std::size_t i = 0; i < n_atoms; ++i) {
        std::uint32_t key = 0;
        for (int a = 0; a < 3; ++a) {
            key |= spread(axes[a].place(fractions[i][a])) << a;
        }
        keys[i] = {key, static_cast<std::int64_t>(i)};
    }
    std::sort(keys.begin(), keys.end());
    std::vector<std::int64_t> order(n_atoms);
    std::transform(keys.begin(), keys.end(), order.begin(), [](const auto& key) { return key.second; });
    return order;
}

} // namespace gnncv
