// Several pairs side by side: a short vector of the compiler.
#pragma once

#include "kernels/host_device.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace gnncv::kernels {

// 64 bytes: 16 floats or 8 doubles; the compiler splits it where registers are narrower.
template <typename T>
struct LanesOf {
    using type __attribute__((vector_size(64))) = T;
    static constexpr int width = 64 / sizeof(T);
};
template <typename T>
using Lanes = typename LanesOf<T>::type;

// Scratch of n registers, aligned (std::vector of a compiler's vector type loses the alignment); it grows and
// keeps no values.
template <typename T>
class LaneBuffer {
public:
    Lanes<T>* reserve(std::size_t n) {
        if (n > size_) {
            storage_.reset(static_cast<Lanes<T>*>(::operator new(n * sizeof(Lanes<T>), alignment)));
            size_ = n;
        }
        return storage_.get();
    }

private:
    static constexpr std::align_val_t alignment{64};
    struct Free {
        void operator()(Lanes<T>* p) const { ::operator delete(static_cast<void*>(p), alignment); }
    };
    std::unique_ptr<Lanes<T>, Free> storage_;
    std::size_t size_ = 0;
};

// Numbers in a row anywhere in memory.
template <typename T>
GNNCV_INLINE Lanes<T> load_lanes(const T* numbers) {
    Lanes<T> lanes;
    std::memcpy(&lanes, numbers, sizeof lanes);
    return lanes;
}
template <typename T>
GNNCV_INLINE void store_lanes(T* numbers, const Lanes<T>& lanes) {
    std::memcpy(numbers, &lanes, sizeof lanes);
}

// By halves, so that the additions do not wait for one another.
GNNCV_INLINE float sum_of(const Lanes<float>& x) {
    using Eight __attribute__((vector_size(32))) = float;
    using Four __attribute__((vector_size(16))) = float;
    const Eight eight = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
                        __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
    const Four four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    return (four[0] + four[2]) + (four[1] + four[3]);
}
GNNCV_INLINE double sum_of(const Lanes<double>& x) {
    using Four __attribute__((vector_size(32))) = double;
    const Four four = __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
    return (four[0] + four[2]) + (four[1] + four[3]);
}
template <typename T>
GNNCV_INLINE T sum_lanes(const Lanes<T>& lanes) {
    return sum_of(lanes);
}

} // namespace gnncv::kernels
