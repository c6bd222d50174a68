#include "core/chain_rule.h"

#include "kernels/pair_selection.h"

#include <algorithm>

namespace gnncv {

// Each thread adds up the pairs of its share of the centers; the sums of all are then added in order.
void ChainRule::apply(const PairList& pairs, const PairGradient& vectors_gradient, std::span<double> gradient,
                      std::span<double> strain_gradient, const Workers& workers) {
    const std::size_t n_atoms = pairs.n_atoms(), n_shares = workers.shares_of(n_atoms);
    const std::size_t stride = 4 * (n_atoms + 3);
    double* const sums = sums_.reserve(n_shares * stride);
    workers.for_shares(n_atoms, [&](int share, std::size_t begin, std::size_t end) {
        double* const own = sums + static_cast<std::size_t>(share) * stride;
        std::fill_n(own, stride, 0.0);
        std::visit(
            [&]<typename T>(std::span<const T> slope) {
                kernels::chain_rule_kernel<T>(
                    pairs.vectors<T>().data(), slope.data(), pairs.neighbor().data(), pairs.row_ptr().data(),
                    static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end), own, own + 4 * n_atoms);
            },
            vectors_gradient);
    });
    const auto total = [&](std::size_t row, std::size_t a) {
        double sum = 0.0;
        for (std::size_t share = 0; share < n_shares; ++share) {
            sum += sums[share * stride + 4 * row + a];
        }
        return sum;
    };
    workers.for_shares(n_atoms, [&](int, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            for (std::size_t a = 0; a < 3; ++a) {
                gradient[3 * i + a] = total(i, a);
            }
        }
    });
    for (std::size_t a = 0; a < 3; ++a) {
        for (std::size_t b = 0; b < 3; ++b) {
            strain_gradient[3 * a + b] = total(n_atoms + a, b);
        }
    }
}

} // namespace gnncv
