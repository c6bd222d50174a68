// One row of densities at a time.
#include "kernels/density_invariants.h"

#include "kernels/lanes.h"

namespace gnncv::kernels {
namespace {

constexpr double four_pi = 4.0 * 3.14159265358979323846;

template <typename T>
GNNCV_INLINE void forward_body(const T* densities, std::int64_t n_rows, int l_max, T* invariants) {
    for (std::int64_t row = 0; row < n_rows; ++row) {
        for (int l = 0; l <= l_max; ++l) {
            T sum = 0;
            for (int m = 0; m <= 2 * l; ++m) {
                sum += densities[m] * densities[m];
            }
            *invariants++ = static_cast<T>(four_pi / (2 * l + 1)) * sum;
            densities += 2 * l + 1;
        }
    }
}

template <typename T>
GNNCV_INLINE void backward_body(const T* densities, std::int64_t n_rows, int l_max,
                                const T* invariants_gradient, T* densities_gradient) {
    for (std::int64_t row = 0; row < n_rows; ++row) {
        for (int l = 0; l <= l_max; ++l) {
            const T factor = static_cast<T>(2.0 * four_pi / (2 * l + 1)) * *invariants_gradient++;
            for (int m = 0; m <= 2 * l; ++m) {
                densities_gradient[m] = factor * densities[m];
            }
            densities += 2 * l + 1;
            densities_gradient += 2 * l + 1;
        }
    }
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void density_invariants_kernel(const T* densities, std::int64_t n_rows, int l_max,    \
                                                      T* invariants) {                                       \
        forward_body<T>(densities, n_rows, l_max, invariants);                                               \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void density_invariants_backward_kernel(const T* densities, std::int64_t n_rows,      \
                                                               int l_max, const T* invariants_gradient,      \
                                                               T* densities_gradient) {                      \
        backward_body<T>(densities, n_rows, l_max, invariants_gradient, densities_gradient);                 \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
