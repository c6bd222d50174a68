#include "kernels/row_gather.h"

#include "kernels/register_shuffles.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

// Where the registers of a row lie: the last one ends with the row and may overlap the one before it.
template <typename T, int bytes>
struct RowRegisters {
    using Register = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width;
    std::int64_t n_channels;

    [[nodiscard]] std::int64_t count() const { return (n_channels + width - 1) / width; }
    [[nodiscard]] GNNCV_INLINE std::int64_t offset(std::int64_t v) const {
        return std::min<std::int64_t>(v * width, n_channels - width);
    }
    // One, but zero where the last register has channels of the one before it.
    [[nodiscard]] GNNCV_INLINE Register last_once() const {
        const auto twice = static_cast<int>(count() * width - n_channels);
        T ones[width];
        for (int w = 0; w < width; ++w) {
            ones[w] = w < twice ? T(0) : T(1);
        }
        return load_lanes<T, bytes>(ones);
    }
};

// For n registers of channels from the v-th on. With `other`, lanes of the products of these channels go to
// dots[p], or are added to them after the first registers.
template <int bytes, int n, bool with_dots, typename T>
GNNCV_INLINE void gather_registers(const Gather<T>& in, std::int64_t v, const T* own, T* sum, const T* other,
                                   Lanes<T, bytes>* dots) {
    using Register = Lanes<T, bytes>;
    const RowRegisters<T, bytes> registers{in.n_channels};
    constexpr int width = registers.width;
    Register total[n], fixed[with_dots ? n : 1];
#pragma GCC unroll 16
    for (int k = 0; k < n; ++k) {
        total[k] = load_lanes<T, bytes>(own + registers.offset(v + k));
        if constexpr (with_dots) {
            fixed[k] = load_lanes<T, bytes>(other + registers.offset(v + k));
        }
    }
    if constexpr (with_dots) {
        if (v + n == registers.count()) {
            fixed[n - 1] *= registers.last_once();
        }
    }
    const std::int64_t begin = v * width, last = registers.offset(v + n - 1) - begin;
    for (std::int64_t p = 0; p < in.n_pairs; ++p) {
        const T* row = in.rows + in.neighbor[p] * in.n_channels + begin;
        const T weight = in.weights[p];
        Register dot[2];
#pragma GCC unroll 16
        for (int k = 0; k < n; ++k) {
            Register numbers = load_lanes<T, bytes>(row + (k < n - 1 ? k * width : last));
            GNNCV_IN_REGISTER(numbers);
            total[k] += weight * numbers;
            if constexpr (with_dots) {
                dot[k % 2] = k < 2 ? fixed[k] * numbers : dot[k % 2] + fixed[k] * numbers;
            }
        }
        if constexpr (with_dots) {
            const Register products = n > 1 ? dot[0] + dot[1] : dot[0];
            dots[p] = v == 0 ? products : dots[p] + products;
        }
    }
#pragma GCC unroll 16
    for (int k = 0; k < n; ++k) {
        store_lanes<T>(sum + registers.offset(v + k), total[k]);
    }
}

// A row shorter than a register, number by number.
template <bool with_dots, typename T>
GNNCV_INLINE void gather_numbers(const Gather<T>& in, const T* own, T* sum, const T* other, T* products) {
    std::copy_n(own, in.n_channels, sum);
    for (std::int64_t p = 0; p < in.n_pairs; ++p) {
        const T* row = in.rows + in.neighbor[p] * in.n_channels;
        T product = 0;
        for (std::int64_t c = 0; c < in.n_channels; ++c) {
            sum[c] += in.weights[p] * row[c];
            if constexpr (with_dots) {
                product += other[c] * row[c];
            }
        }
        if constexpr (with_dots) {
            products[p] = product;
        }
    }
}

// As many channels at once as there are registers for: sums, fixed rows, and a few in passing.
template <int bytes, bool with_dots, typename T>
GNNCV_INLINE void gather_body(const Gather<T>& in, const T* own, T* sum, const T* other, T* products,
                              LaneBuffer<T>* scratch) {
    using Register = Lanes<T, bytes>;
    constexpr int width = LanesOf<T, bytes>::width, chunk = bytes == 64 || !with_dots ? 13 : 6;
    if (in.n_channels < width) {
        gather_numbers<with_dots>(in, own, sum, other, products);
        return;
    }
    const std::int64_t padded = (in.n_pairs + width - 1) / width * width;
    Register* dots = nullptr;
    if constexpr (with_dots) {
        dots = reinterpret_cast<Register*>(scratch->reserve(padded));
        std::fill(dots + in.n_pairs, dots + padded, Register{});
    }
    const std::int64_t count = RowRegisters<T, bytes>{in.n_channels}.count();
    std::int64_t v = 0;
    for (; v + chunk <= count; v += chunk) {
        gather_registers<bytes, chunk, with_dots>(in, v, own, sum, other, dots);
    }
    for (; v + 4 <= count; v += 4) {
        gather_registers<bytes, 4, with_dots>(in, v, own, sum, other, dots);
    }
    for (; v < count; ++v) {
        gather_registers<bytes, 1, with_dots>(in, v, own, sum, other, dots);
    }
    if constexpr (with_dots) {
        for (std::int64_t p = 0; p < padded; p += width) {
            store_lanes<T>(products + p, sums_of_registers(dots + p));
        }
    }
}

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void gather(const Gather<T>& in, const T* own, T* sum) {                                       \
        gather_body<bytes, false, T>(in, own, sum, nullptr, nullptr, nullptr);                               \
    }                                                                                                        \
    attribute void gather_products(const Gather<T>& in, const T* own, T* sum, const T* other, T* products,   \
                                   LaneBuffer<T>& scratch) {                                                 \
        gather_body<bytes, true, T>(in, own, sum, other, products, &scratch);                                \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, float)                                                               \
    GNNCV_INSTANCE_OF(attribute, bytes, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

template <typename T>
void gather_rows(const Gather<T>& in, const T* own, T* sum) {
    gather(in, own, sum);
}
template <typename T>
void gather_rows_and_products(const Gather<T>& in, const T* own, T* sum, const T* other, T* products,
                              LaneBuffer<T>& scratch) {
    gather_products(in, own, sum, other, products, scratch);
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void gather_rows(const Gather<T>&, const T*, T*);                                               \
    template void gather_rows_and_products(const Gather<T>&, const T*, T*, const T*, T*, LaneBuffer<T>&);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
