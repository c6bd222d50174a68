// The three components of a vector side by side, in a register of four.
#include "kernels/pair_selection.h"

#include "kernels/lanes.h"

namespace gnncv::kernels {
namespace {

using Four __attribute__((vector_size(32))) = double;
using FourFloats __attribute__((vector_size(16))) = float;

GNNCV_INLINE Four load_four(const double* numbers) {
    Four four;
    std::memcpy(&four, numbers, sizeof four);
    return four;
}
GNNCV_INLINE Four load_four(const float* numbers) {
    FourFloats four;
    std::memcpy(&four, numbers, sizeof four);
    return __builtin_convertvector(four, Four);
}
// Reads no further than the three.
template <typename T>
GNNCV_INLINE Four load_three(const T* numbers) {
    return Four{static_cast<double>(numbers[0]), static_cast<double>(numbers[1]),
                static_cast<double>(numbers[2]), 0.0};
}
GNNCV_INLINE void store_four(double* numbers, const Four& four) {
    std::memcpy(numbers, &four, sizeof four);
}
GNNCV_INLINE void store_four(float* numbers, const Four& four) {
    const FourFloats narrow = __builtin_convertvector(four, FourFloats);
    std::memcpy(numbers, &narrow, sizeof narrow);
}

template <bool with_halves, typename T>
GNNCV_INLINE Selection select_body(const CandidateRows& candidates, std::int64_t begin, std::int64_t end,
                                   const SelectedPairs<T>& selected) {
    const double largest = candidates.cutoff * candidates.cutoff;
    const double smallest = candidates.smallest_distance * candidates.smallest_distance;
    const double *const positions = candidates.positions, *const shifts = candidates.shifts;
    const std::int32_t *const neighbor = candidates.neighbor, *const shift = candidates.shift;
    T* const vectors = selected.vectors;
    std::int32_t* const kept = selected.neighbor;
    unsigned coincident = 0;
    std::int64_t n = 0;
    for (std::int64_t i = begin; i < end; ++i) {
        const Four center = load_four(positions + 3 * i);
        const std::int64_t last = candidates.row_ptr[i + 1];
        std::int64_t half = n;
        for (std::int64_t p = candidates.row_ptr[i]; p < last; ++p) {
            const std::int64_t j = neighbor[p], s = shift[p];
            const Four r = load_four(positions + 3 * j) - center + load_four(shifts + 4 * s);
            const Four squares = r * r;
            const double square = squares[0] + squares[1] + squares[2];
            // Written always, kept only if within the cutoff: no branch that the processor could guess wrong.
            // The fourth component is overwritten by the next pair.
            store_four(vectors + 3 * n, r);
            kept[n] = static_cast<std::int32_t>(j);
            n += square < largest ? 1 : 0;
            if constexpr (with_halves) { // where the half begins if nothing of it was kept yet
                half = p < candidates.half_begin[i] ? n : half;
            }
            coincident |= square < smallest ? 1U : 0U;
        }
        selected.row_ptr[i + 1] = n;
        if constexpr (with_halves) {
            selected.half_begin[i] = half;
        }
    }
    return {n, coincident != 0};
}

template <typename T>
GNNCV_INLINE void chain_body(const T* vectors, const T* vectors_gradient, const std::int32_t* neighbor,
                             const std::int64_t* row_ptr, std::int64_t begin, std::int64_t end,
                             double* gradient, double* strain) {
    Four x{}, y{}, z{};
    for (std::int64_t i = begin; i < end; ++i) {
        Four center{};
        for (std::int64_t p = row_ptr[i]; p < row_ptr[i + 1]; ++p) {
            const Four g = load_three(vectors_gradient + 3 * p), r = load_four(vectors + 3 * p);
            double* const other = gradient + 4 * static_cast<std::int64_t>(neighbor[p]);
            store_four(other, load_four(other) + g);
            center += g;
            x += g[0] * r;
            y += g[1] * r;
            z += g[2] * r;
        }
        double* const own = gradient + 4 * i;
        store_four(own, load_four(own) - center);
    }
    store_four(strain, load_four(strain) + x);
    store_four(strain + 4, load_four(strain + 4) + y);
    store_four(strain + 8, load_four(strain + 8) + z);
}

} // namespace

#define GNNCV_INSTANCE(T)                                                                                    \
    template <>                                                                                              \
    GNNCV_MULTIVERSION Selection select_pairs_kernel(const CandidateRows& candidates, std::int64_t begin,    \
                                                     std::int64_t end, const SelectedPairs<T>& selected) {   \
        return candidates.half_begin != nullptr ? select_body<true, T>(candidates, begin, end, selected)     \
                                                : select_body<false, T>(candidates, begin, end, selected);   \
    }                                                                                                        \
    template <>                                                                                              \
    GNNCV_MULTIVERSION void chain_rule_kernel(const T* vectors, const T* vectors_gradient,                   \
                                              const std::int32_t* neighbor, const std::int64_t* row_ptr,     \
                                              std::int64_t begin, std::int64_t end, double* gradient,        \
                                              double* strain) {                                              \
        chain_body<T>(vectors, vectors_gradient, neighbor, row_ptr, begin, end, gradient, strain);           \
    }
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
