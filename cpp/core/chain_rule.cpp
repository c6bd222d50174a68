#include "core/chain_rule.h"

#include <algorithm>

namespace gnncv {

void apply_chain_rule(const PairList& pairs, std::span<const double> vectors_gradient,
                      std::span<double> gradient, std::span<double> strain_gradient) {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    Matrix3 strain{};
    for (std::size_t i = 0; i < pairs.n_atoms(); ++i) {
        Vector3 center{};
        for (std::int64_t p = pairs.row_ptr[i]; p < pairs.row_ptr[i + 1]; ++p) {
            const double* g = vectors_gradient.data() + 3 * p;
            const double* r = pairs.vectors.data() + 3 * p;
            double* neighbor = gradient.data() + 3 * pairs.neighbor[p];
            for (int a = 0; a < 3; ++a) {
                center[a] += g[a];
                neighbor[a] += g[a];
                for (int b = 0; b < 3; ++b) {
                    strain[3 * a + b] += g[a] * r[b];
                }
            }
        }
        for (int a = 0; a < 3; ++a) {
            gradient[3 * i + a] -= center[a];
        }
    }
    std::copy(strain.begin(), strain.end(), strain_gradient.begin());
}

} // namespace gnncv
