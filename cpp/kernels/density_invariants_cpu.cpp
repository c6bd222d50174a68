// One row of densities at a time.
#include "kernels/density_invariants.h"

#include "kernels/density_rows.h"
#include "kernels/spherical_harmonics.h"

namespace gnncv::kernels {
namespace {

template <typename T>
GNNCV_INLINE void forward_body(const T* densities, std::int64_t n_rows, int l_max, T* invariants) {
    for (std::int64_t row = 0; row < n_rows; ++row) {
        squares_of_degrees(densities, l_max, invariants);
        for (int l = 0; l <= l_max; ++l) {
            invariants[l] *= static_cast<T>(four_pi / (2 * l + 1));
        }
        densities += (l_max + 1) * (l_max + 1);
        invariants += l_max + 1;
    }
}

template <typename T>
GNNCV_INLINE void backward_body(const T* densities, std::int64_t n_rows, int l_max,
                                const T* invariants_gradient, T* densities_gradient) {
    T factors[max_degree + 1];
    for (std::int64_t row = 0; row < n_rows; ++row) {
        for (int l = 0; l <= l_max; ++l) {
            factors[l] = static_cast<T>(2.0 * four_pi / (2 * l + 1)) * invariants_gradient[l];
        }
        scale_degrees(densities, factors, l_max, densities_gradient);
        densities += (l_max + 1) * (l_max + 1);
        densities_gradient += (l_max + 1) * (l_max + 1);
        invariants_gradient += l_max + 1;
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
