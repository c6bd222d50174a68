// More numbers side by side than a register holds: two halves, each a register or two halves again. gcc keeps
// them in registers, which it does not with a vector of its own that is wider than they are.
#pragma once

#include "kernels/lanes.h"

#include <cstring>
#include <type_traits>

namespace gnncv::kernels {

template <typename H>
struct Joined {
    H lower, upper;
};

template <typename T, int n, int bytes, bool fits = n * sizeof(T) <= bytes>
struct NumbersOf {
    using type __attribute__((vector_size(n * sizeof(T)))) = T;
};
template <typename T, int n, int bytes>
struct NumbersOf<T, n, bytes, false> {
    using type = Joined<typename NumbersOf<T, n / 2, bytes>::type>;
};
// n numbers in registers of that many bytes.
template <typename T, int n, int bytes>
using Numbers = typename NumbersOf<T, n, bytes>::type;

#define GNNCV_OPERATOR(op)                                                                                   \
    template <typename H>                                                                                    \
    GNNCV_INLINE Joined<H> operator op(const Joined<H>& x, const Joined<H>& y) {                             \
        return {x.lower op y.lower, x.upper op y.upper};                                                     \
    }                                                                                                        \
    template <typename T, typename H, typename = std::enable_if_t<std::is_floating_point_v<T>>>              \
    GNNCV_INLINE Joined<H> operator op(T x, const Joined<H>& y) {                                            \
        return {x op y.lower, x op y.upper};                                                                 \
    }                                                                                                        \
    template <typename T, typename H, typename = std::enable_if_t<std::is_floating_point_v<T>>>              \
    GNNCV_INLINE Joined<H> operator op(const Joined<H>& x, T y) {                                            \
        return {x.lower op y, x.upper op y};                                                                 \
    }                                                                                                        \
    template <typename H, typename Y>                                                                        \
    GNNCV_INLINE Joined<H>& operator op## = (Joined<H> & x, const Y& y) {                                    \
        return x = x op y;                                                                                   \
    }
GNNCV_OPERATOR(+)
GNNCV_OPERATOR(-)
GNNCV_OPERATOR(*)
#undef GNNCV_OPERATOR

template <typename V>
inline constexpr bool is_joined = false;
template <typename H>
inline constexpr bool is_joined<Joined<H>> = true;

template <typename V, typename T>
GNNCV_INLINE V load_as(const T* numbers) {
    if constexpr (is_joined<V>) {
        using H = decltype(V::lower);
        return {load_as<H>(numbers), load_as<H>(numbers + sizeof(H) / sizeof(T))};
    } else {
        V v;
        std::memcpy(&v, numbers, sizeof v);
        return v;
    }
}
template <typename V, typename T>
GNNCV_INLINE void store_as(T* numbers, const V& v) {
    if constexpr (is_joined<V>) {
        store_as(numbers, v.lower);
        store_as(numbers + sizeof v.lower / sizeof(T), v.upper);
    } else {
        std::memcpy(numbers, &v, sizeof v);
    }
}

} // namespace gnncv::kernels
