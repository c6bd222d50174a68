// Several pairs side by side: a short vector of the compiler.
#pragma once

#include "kernels/host_device.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

// define(attribute, bytes) once per instruction set, with the size of its registers: overloads of one
// function between which the loader chooses, for calls in the same file. For bodies that keep many numbers in
// registers, which gcc cannot where a vector is wider than they are: there the body is a template on their
// size.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define GNNCV_FOR_REGISTERS(define)                                                                          \
    define(__attribute__((target("default"))), 16) define(__attribute__((target("arch=x86-64-v3"))), 32)     \
        define(__attribute__((target("arch=x86-64-v4"))), 64)
#else
#define GNNCV_FOR_REGISTERS(define) define(, 16)
#endif

// What is read from memory is in a register from here on, not read once more where it is used again. For
// vectors no wider than registers.
#if defined(__x86_64__) && defined(__GNUC__)
#define GNNCV_IN_REGISTER(x) asm("" : "+v"(x))
#else
#define GNNCV_IN_REGISTER(x)
#endif
// What is computed so far is in memory, not kept in registers that others need.
#if defined(__GNUC__)
#define GNNCV_IN_MEMORY(x) asm("" : "+m"(x))
#else
#define GNNCV_IN_MEMORY(x)
#endif
// A pointer of which the compiler knows nothing.
#if defined(__GNUC__)
#define GNNCV_OPAQUE(pointer) asm("" : "+r"(pointer))
#else
#define GNNCV_OPAQUE(pointer)
#endif

namespace gnncv::kernels {

// 64 bytes: 16 floats or 8 doubles; the compiler splits it where registers are narrower.
template <typename T, int bytes = 64>
struct LanesOf {
    using type __attribute__((vector_size(bytes))) = T;
    static constexpr int width = bytes / sizeof(T);
};
template <typename T, int bytes = 64>
using Lanes = typename LanesOf<T, bytes>::type;

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
template <typename T, int bytes = 64>
GNNCV_INLINE Lanes<T, bytes> load_lanes(const T* numbers) {
    Lanes<T, bytes> lanes;
    std::memcpy(&lanes, numbers, sizeof lanes);
    return lanes;
}
// Numbers that are wanted soon, a line of the cache at a time.
template <typename T>
GNNCV_INLINE void prefetch_row(const T* numbers, std::ptrdiff_t n) {
    for (std::ptrdiff_t c = 0; c < n; c += 64 / static_cast<std::ptrdiff_t>(sizeof(T))) {
        __builtin_prefetch(numbers + c);
    }
}
template <typename T, typename V>
GNNCV_INLINE void store_lanes(T* numbers, const V& lanes) {
    std::memcpy(numbers, &lanes, sizeof lanes);
}

// Numbers f(0), f(1), ... collected in the register: written to memory one by one they would be waited for.
template <typename T, int bytes, typename F>
GNNCV_INLINE Lanes<T, bytes> collect_lanes(const F& f) {
    Lanes<T, bytes> lanes{};
#pragma GCC unroll 16
    for (int w = 0; w < LanesOf<T, bytes>::width; ++w) {
        lanes[w] = f(w);
    }
    return lanes;
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
