// One center at a time, the channels side by side in registers: what limits this is the loading of the
// table's coefficients, seven registers a bond and sixteen floats.
#include "kernels/table_messages.h"

#include "kernels/table_messages_bonds.h"

#include <algorithm>
#include <type_traits>

namespace gnncv::kernels {
namespace {

// C: channels if they are known to the compiler and fill registers, else 0. bytes: of a register.
template <int C, int bytes, typename T>
struct Channels {
    using V = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width, n_registers = C / width;

    // sum += F features[j] of one bond.
    GNNCV_INLINE static void add_message(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                         std::int64_t b, V* sum) {
        const T* a = input.table.coefficients + bonds.receiving[b];
        const T* feature = input.features + static_cast<std::int64_t>(bonds.neighbor[b]) * C;
        const T t = bonds.t[b];
        for (int r = 0; r < n_registers; ++r) {
            const T* at = a + r * width;
            const auto term = [&](int k)
                                  __attribute__((always_inline)) { return load_lanes<T, bytes>(at + k * C); };
            sum[r] += polynomial<V>(t, term) * load_lanes<T, bytes>(feature + r * width);
        }
    }

    // Bonds take turns with two sums, which need not wait for one another.
    GNNCV_INLINE static void forward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                     T* messages) {
        V even[n_registers] = {}, odd[n_registers] = {};
        std::int64_t b = 0;
        for (; b + 2 <= bonds.n; b += 2) {
            add_message(input, bonds, b, even);
            add_message(input, bonds, b + 1, odd);
        }
        if (b < bonds.n) {
            add_message(input, bonds, b, even);
        }
        for (int r = 0; r < n_registers; ++r) {
            store_lanes<T>(messages + bonds.center * C + r * width, even[r] + odd[r]);
        }
    }

    // The slopes are sums over lanes, taken of several bonds at once.
    template <bool WithFeatures>
    GNNCV_INLINE static void backward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                      const T* messages_gradient, const TableMessagesGradients<T>& gradients,
                                      LaneBuffer<T>& buffer) {
        T* products = reinterpret_cast<T*>(buffer.reserve(bonds.n + width));
        V feature[n_registers], sum[n_registers] = {};
        for (int r = 0; r < n_registers; ++r) {
            feature[r] = load_lanes<T, bytes>(input.features + bonds.center * C + r * width) *
                         input.table.grid.inverse_step;
        }
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            const T* a = input.table.coefficients + bonds.sending[b];
            const T* gradient = messages_gradient + static_cast<std::int64_t>(bonds.neighbor[b]) * C;
            const T t = bonds.t[b];
            V product{};
            for (int r = 0; r < n_registers; ++r) {
                const T* at = a + r * width;
                const auto term = [&](int k) __attribute__((always_inline)) {
                    return load_lanes<T, bytes>(at + k * C);
                };
                const V g = load_lanes<T, bytes>(gradient + r * width);
                const auto filter = polynomial_and_slope<V>(t, term);
                if constexpr (WithFeatures) {
                    sum[r] += filter.value * g;
                }
                const V here = filter.slope * (feature[r] * g);
                product = r == 0 ? here : product + here;
            }
            store_lanes<T>(products + b * width, product);
        }
        sums_of_rows<bytes>(products, bonds.n, gradients.distances + bonds.first);
        if constexpr (WithFeatures) {
            for (int r = 0; r < n_registers; ++r) {
                store_lanes<T>(gradients.features + bonds.center * C + r * width, sum[r]);
            }
        }
    }
};

// Any number of channels.
template <int bytes, typename T>
struct Channels<0, bytes, T> {
    GNNCV_INLINE static void forward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                     T* messages) {
        const std::int64_t n_channels = input.table.n_channels;
        T* __restrict__ message = messages + bonds.center * n_channels;
        std::fill(message, message + n_channels, T(0));
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            const T* a = input.table.coefficients + bonds.receiving[b];
            const T* feature = input.features + bonds.neighbor[b] * n_channels;
            const T t = bonds.t[b];
            for (std::int64_t c = 0; c < n_channels; ++c) {
                const auto term = [&](int k) __attribute__((always_inline)) { return a[k * n_channels + c]; };
                message[c] += polynomial<T>(t, term) * feature[c];
            }
        }
    }

    template <bool WithFeatures>
    GNNCV_INLINE static void backward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                      const T* messages_gradient, const TableMessagesGradients<T>& gradients,
                                      LaneBuffer<T>& buffer) {
        const std::int64_t n_channels = input.table.n_channels;
        const T* feature = input.features + bonds.center * n_channels;
        T* __restrict__ sum = WithFeatures ? gradients.features + bonds.center * n_channels
                                           : reinterpret_cast<T*>(buffer.reserve(n_channels));
        std::fill(sum, sum + n_channels, T(0));
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            const T* a = input.table.coefficients + bonds.sending[b];
            const T* gradient = messages_gradient + bonds.neighbor[b] * n_channels;
            const T t = bonds.t[b];
            T slope = 0;
            for (std::int64_t c = 0; c < n_channels; ++c) {
                const auto term = [&](int k) __attribute__((always_inline)) { return a[k * n_channels + c]; };
                const auto filter = polynomial_and_slope<T>(t, term);
                sum[c] += filter.value * gradient[c];
                slope += filter.slope * feature[c] * gradient[c];
            }
            gradients.distances[bonds.first + b] = slope * input.table.grid.inverse_step;
        }
    }
};

template <int C, int bytes, typename T>
GNNCV_INLINE void forward_body(const TableMessagesInput<T>& input, T* messages) {
    for_centers(input, [&](const CenterBonds<T>& bonds) __attribute__((always_inline)) {
        Channels<C, bytes, T>::forward(input, bonds, messages);
    });
}

// At center j, over its neighbors i, for the bond i <- j with G the gradient of the messages:
//   features_gradient[j] += F G[i],  slope = sum_c F' features[j] G[i]
template <int C, bool WithFeatures, int bytes, typename T>
GNNCV_INLINE void backward_body(const TableMessagesInput<T>& input, const T* messages_gradient,
                                const TableMessagesGradients<T>& gradients) {
    LaneBuffer<T> buffer;
    for_centers(input, [&](const CenterBonds<T>& bonds) __attribute__((always_inline)) {
        Channels<C, bytes, T>::template backward<WithFeatures>(input, bonds, messages_gradient, gradients,
                                                               buffer);
    });
}

// For the bond i <- j: the gradient of term k is t^k G[i] features[j].
template <typename T>
GNNCV_INLINE void table_body(const TableMessagesInput<T>& input, const T* messages_gradient,
                             T* coefficients_gradient) {
    const std::int64_t n_channels = input.table.n_channels;
    for_centers(input, [&](const CenterBonds<T>& bonds) __attribute__((always_inline)) {
        const T* gradient = messages_gradient + bonds.center * n_channels;
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            const T* feature = input.features + bonds.neighbor[b] * n_channels;
            T* __restrict__ to = coefficients_gradient + bonds.receiving[b];
            T power = 1;
            for (int k = 0; k < table_terms; ++k) {
                for (std::int64_t c = 0; c < n_channels; ++c) {
                    to[k * n_channels + c] += power * gradient[c] * feature[c];
                }
                power *= bonds.t[b];
            }
        }
    });
}

#define GNNCV_INSTANCE(attribute, bytes, C, T)                                                               \
    attribute void forward_instance(std::integral_constant<int, C>, const TableMessagesInput<T>& input,      \
                                    T* messages) {                                                           \
        forward_body<C, bytes, T>(input, messages);                                                          \
    }                                                                                                        \
    attribute void backward_instance(std::integral_constant<int, C>, const TableMessagesInput<T>& input,     \
                                     const T* messages_gradient,                                             \
                                     const TableMessagesGradients<T>& gradients) {                           \
        gradients.features != nullptr                                                                        \
            ? backward_body<C, true, bytes, T>(input, messages_gradient, gradients)                          \
            : backward_body<C, false, bytes, T>(input, messages_gradient, gradients);                        \
    }
GNNCV_FOR_REGISTERS(GNNCV_CHANNEL_INSTANCES)
#undef GNNCV_INSTANCE

GNNCV_MULTIVERSION void table_instance(const TableMessagesInput<float>& input, const float* messages_gradient,
                                       float* coefficients_gradient) {
    table_body(input, messages_gradient, coefficients_gradient);
}
GNNCV_MULTIVERSION void table_instance(const TableMessagesInput<double>& input,
                                       const double* messages_gradient, double* coefficients_gradient) {
    table_body(input, messages_gradient, coefficients_gradient);
}

} // namespace

template <typename T>
void table_messages_kernel(const TableMessagesInput<T>& input, T* messages) {
    with_channels(input.table.n_channels, [&](auto C) { forward_instance(C, input, messages); });
}

template <typename T>
void table_messages_backward_kernel(const TableMessagesInput<T>& input, const T* messages_gradient,
                                    const TableMessagesGradients<T>& gradients) {
    with_channels(input.table.n_channels,
                  [&](auto C) { backward_instance(C, input, messages_gradient, gradients); });
}

template <typename T>
void table_messages_table_backward_kernel(const TableMessagesInput<T>& input, const T* messages_gradient,
                                          T* coefficients_gradient) {
    table_instance(input, messages_gradient, coefficients_gradient);
}

template void table_messages_kernel(const TableMessagesInput<float>&, float*);
template void table_messages_kernel(const TableMessagesInput<double>&, double*);
template void table_messages_backward_kernel(const TableMessagesInput<float>&, const float*,
                                             const TableMessagesGradients<float>&);
template void table_messages_backward_kernel(const TableMessagesInput<double>&, const double*,
                                             const TableMessagesGradients<double>&);
template void table_messages_table_backward_kernel(const TableMessagesInput<float>&, const float*, float*);
template void table_messages_table_backward_kernel(const TableMessagesInput<double>&, const double*, double*);

} // namespace gnncv::kernels
