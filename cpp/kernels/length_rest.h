// What the length of a bond loses where it is a float: length + rest is exact to twice the digits. A model's
// slopes by distance are steep, and tables are read at the sum of the two.
#pragma once

#include "kernels/host_device.h"

namespace gnncv::kernels {

// |v|^2 - length^2 = (|v| - length) (|v| + length), of which the rest is the first factor. In double:
// products of floats are exact there. W: double, or registers of them.
template <typename W>
GNNCV_INLINE W lost_square(const W& x, const W& y, const W& z, const W& length) {
    return x * x + y * y + z * z - length * length;
}

// inverse: of the length, or zero.
template <typename T>
GNNCV_INLINE T length_rest(T x, T y, T z, T length, T inverse) {
    if constexpr (sizeof(T) == sizeof(double)) {
        return T(0);
    } else {
        return static_cast<T>(lost_square<double>(x, y, z, length)) * inverse * T(0.5);
    }
}

} // namespace gnncv::kernels
