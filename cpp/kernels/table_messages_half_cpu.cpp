// Half a list: each bond is evaluated once and serves both of its directions. The center's sums stay in
// registers, the neighbor's are in memory.
#include "kernels/table_messages.h"

#include "kernels/table_messages_bonds.h"

#include <algorithm>
#include <type_traits>

namespace gnncv::kernels {
namespace {

// One bond's coefficients, from the r-th register of channels on.
template <int bytes, typename T>
GNNCV_INLINE auto terms_at(const T* coefficients, int r, int n_channels) {
    const T* at = coefficients + r * LanesOf<T, bytes>::width;
    return [at, n_channels](int k)
               __attribute__((always_inline)) { return load_lanes<T, bytes>(at + k * n_channels); };
}

// C: channels if they are known to the compiler and fill registers, else 0. one_table: the same filter serves
// both directions. bytes: of a register.
template <int C, bool one_table, int bytes, typename T>
struct HalfChannels {
    using V = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width, n_registers = C / width;

    // i <- j: sum += F^(ij) features[j], and j <- i: messages[j] += F^(ji) features[i].
    GNNCV_INLINE static void add_messages(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                          std::int64_t b, const V* own, V* sum, T* messages) {
        const std::int64_t j = static_cast<std::int64_t>(bonds.neighbor[b]) * C;
        const T t = bonds.t[b];
        for (int r = 0; r < n_registers; ++r) {
            const auto to_center =
                polynomial<V>(t, terms_at<bytes>(input.table.coefficients + bonds.receiving[b], r, C));
            auto to_neighbor = to_center;
            if constexpr (!one_table) {
                to_neighbor =
                    polynomial<V>(t, terms_at<bytes>(input.table.coefficients + bonds.sending[b], r, C));
            }
            T* const message = messages + j + r * width;
            sum[r] += to_center * load_lanes<T, bytes>(input.features + j + r * width);
            store_lanes<T>(message, load_lanes<T, bytes>(message) + to_neighbor * own[r]);
        }
    }

    GNNCV_INLINE static void forward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                     T* messages) {
        V own[n_registers], even[n_registers] = {}, odd[n_registers] = {};
        for (int r = 0; r < n_registers; ++r) {
            own[r] = load_lanes<T, bytes>(input.features + bonds.center * C + r * width);
        }
        std::int64_t b = 0;
        for (; b + 2 <= bonds.n; b += 2) {
            add_messages(input, bonds, b, own, even, messages);
            add_messages(input, bonds, b + 1, own, odd, messages);
        }
        if (b < bonds.n) {
            add_messages(input, bonds, b, own, even, messages);
        }
        for (int r = 0; r < n_registers; ++r) {
            T* const message = messages + bonds.center * C + r * width;
            store_lanes<T>(message, load_lanes<T, bytes>(message) + (even[r] + odd[r]));
        }
    }

    // What the center brings to all of its bonds.
    struct Center {
        V feature[n_registers], gradient[n_registers], sum[n_registers];
    };

    // The product whose sum over channels is the slope; the features' gradients as on the way there, with the
    // filters of the opposite direction.
    template <bool WithFeatures>
    GNNCV_INLINE static V add_gradients(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                        std::int64_t b, const T* messages_gradient, Center& center,
                                        T* features_gradient) {
        const std::int64_t j = static_cast<std::int64_t>(bonds.neighbor[b]) * C;
        const T t = bonds.t[b];
        V product{};
        for (int r = 0; r < n_registers; ++r) {
            const auto to_center = polynomial_and_slope<V>(
                t, terms_at<bytes>(input.table.coefficients + bonds.receiving[b], r, C));
            auto to_neighbor = to_center;
            if constexpr (!one_table) {
                to_neighbor = polynomial_and_slope<V>(
                    t, terms_at<bytes>(input.table.coefficients + bonds.sending[b], r, C));
            }
            const V feature = load_lanes<T, bytes>(input.features + j + r * width),
                    gradient = load_lanes<T, bytes>(messages_gradient + j + r * width);
            if constexpr (WithFeatures) {
                center.sum[r] += to_neighbor.value * gradient;
                T* const to = features_gradient + j + r * width;
                store_lanes<T>(to, load_lanes<T, bytes>(to) + to_center.value * center.gradient[r]);
            }
            if constexpr (one_table) {
                product += to_center.slope * (feature * center.gradient[r] + center.feature[r] * gradient);
            } else {
                product += to_center.slope * (feature * center.gradient[r]);
                product += to_neighbor.slope * (center.feature[r] * gradient);
            }
        }
        return product;
    }

    template <bool WithFeatures>
    GNNCV_INLINE static void backward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                      const T* messages_gradient, const TableMessagesGradients<T>& gradients,
                                      LaneBuffer<T>& buffer) {
        T* products = reinterpret_cast<T*>(buffer.reserve(bonds.n + width));
        Center center{};
        for (int r = 0; r < n_registers; ++r) {
            center.feature[r] = load_lanes<T, bytes>(input.features + bonds.center * C + r * width);
            center.gradient[r] = load_lanes<T, bytes>(messages_gradient + bonds.center * C + r * width);
        }
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            store_lanes<T>(
                products + b * width,
                add_gradients<WithFeatures>(input, bonds, b, messages_gradient, center, gradients.features));
        }
        sums_of_rows<bytes>(products, bonds.n, gradients.distances + bonds.first);
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            gradients.distances[bonds.first + b] *= input.table.grid.inverse_step;
        }
        if constexpr (WithFeatures) {
            for (int r = 0; r < n_registers; ++r) {
                T* const to = gradients.features + bonds.center * C + r * width;
                store_lanes<T>(to, load_lanes<T, bytes>(to) + center.sum[r]);
            }
        }
    }
};

// Any number of channels.
template <bool one_table, int bytes, typename T>
struct HalfChannels<0, one_table, bytes, T> {
    GNNCV_INLINE static void forward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                     T* messages) {
        const std::int64_t n_channels = input.table.n_channels, i = bonds.center * n_channels;
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            const std::int64_t j = bonds.neighbor[b] * n_channels;
            const T t = bonds.t[b];
            for (std::int64_t c = 0; c < n_channels; ++c) {
                const auto filter = [&](std::int32_t place) __attribute__((always_inline)) {
                    const T* a = input.table.coefficients + place + c;
                    return polynomial<T>(t, [a, n_channels](int k) { return a[k * n_channels]; });
                };
                messages[i + c] += filter(bonds.receiving[b]) * input.features[j + c];
                messages[j + c] += filter(bonds.sending[b]) * input.features[i + c];
            }
        }
    }

    template <bool WithFeatures>
    GNNCV_INLINE static void backward(const TableMessagesInput<T>& input, const CenterBonds<T>& bonds,
                                      const T* messages_gradient, const TableMessagesGradients<T>& gradients,
                                      LaneBuffer<T>&) {
        const std::int64_t n_channels = input.table.n_channels, i = bonds.center * n_channels;
        for (std::int64_t b = 0; b < bonds.n; ++b) {
            const std::int64_t j = bonds.neighbor[b] * n_channels;
            const T t = bonds.t[b];
            T slope = 0;
            for (std::int64_t c = 0; c < n_channels; ++c) {
                const auto filter = [&](std::int32_t place) __attribute__((always_inline)) {
                    const T* a = input.table.coefficients + place + c;
                    return polynomial_and_slope<T>(t, [a, n_channels](int k) { return a[k * n_channels]; });
                };
                const auto to_center = filter(bonds.receiving[b]), to_neighbor = filter(bonds.sending[b]);
                slope += to_center.slope * input.features[j + c] * messages_gradient[i + c] +
                         to_neighbor.slope * input.features[i + c] * messages_gradient[j + c];
                if constexpr (WithFeatures) {
                    gradients.features[i + c] += to_neighbor.value * messages_gradient[j + c];
                    gradients.features[j + c] += to_center.value * messages_gradient[i + c];
                }
            }
            gradients.distances[bonds.first + b] = slope * input.table.grid.inverse_step;
        }
    }
};

template <int C, int bytes, typename T>
GNNCV_INLINE void half_forward_body(const TableMessagesInput<T>& input, T* messages) {
    if (input.n_species == 1) {
        for_centers(input, [&](const CenterBonds<T>& bonds) __attribute__((always_inline)) {
            HalfChannels<C, true, bytes, T>::forward(input, bonds, messages);
        });
    } else {
        for_centers(input, [&](const CenterBonds<T>& bonds) __attribute__((always_inline)) {
            HalfChannels<C, false, bytes, T>::forward(input, bonds, messages);
        });
    }
}

template <int C, bool one_table, bool WithFeatures, int bytes, typename T>
GNNCV_INLINE void half_backward_centers(const TableMessagesInput<T>& input, const T* messages_gradient,
                                        const TableMessagesGradients<T>& gradients) {
    LaneBuffer<T> buffer;
    const std::int64_t* row_ptr = input.pairs.row_ptr;
    for_centers(input, [&](const CenterBonds<T>& bonds) __attribute__((always_inline)) {
        std::fill(gradients.distances + row_ptr[bonds.center], gradients.distances + bonds.first, T(0));
        HalfChannels<C, one_table, bytes, T>::template backward<WithFeatures>(input, bonds, messages_gradient,
                                                                              gradients, buffer);
    });
}

template <int C, int bytes, typename T>
GNNCV_INLINE void half_backward_body(const TableMessagesInput<T>& input, const T* messages_gradient,
                                     const TableMessagesGradients<T>& gradients) {
    if (input.n_species > 1) {
        gradients.features != nullptr
            ? half_backward_centers<C, false, true, bytes>(input, messages_gradient, gradients)
            : half_backward_centers<C, false, false, bytes>(input, messages_gradient, gradients);
    } else {
        gradients.features != nullptr
            ? half_backward_centers<C, true, true, bytes>(input, messages_gradient, gradients)
            : half_backward_centers<C, true, false, bytes>(input, messages_gradient, gradients);
    }
}

#define GNNCV_INSTANCE(attribute, bytes, C, T)                                                               \
    attribute void forward_instance(std::integral_constant<int, C>, const TableMessagesInput<T>& input,      \
                                    T* messages) {                                                           \
        half_forward_body<C, bytes, T>(input, messages);                                                     \
    }                                                                                                        \
    attribute void backward_instance(std::integral_constant<int, C>, const TableMessagesInput<T>& input,     \
                                     const T* messages_gradient,                                             \
                                     const TableMessagesGradients<T>& gradients) {                           \
        half_backward_body<C, bytes, T>(input, messages_gradient, gradients);                                \
    }
GNNCV_FOR_REGISTERS(GNNCV_CHANNEL_INSTANCES)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void table_messages_half_kernel(const TableMessagesInput<T>& input, T* messages) {
    with_channels(input.table.n_channels, [&](auto C) { forward_instance(C, input, messages); });
}

template <typename T>
void table_messages_half_backward_kernel(const TableMessagesInput<T>& input, const T* messages_gradient,
                                         const TableMessagesGradients<T>& gradients) {
    with_channels(input.table.n_channels,
                  [&](auto C) { backward_instance(C, input, messages_gradient, gradients); });
}

template void table_messages_half_kernel(const TableMessagesInput<float>&, float*);
template void table_messages_half_kernel(const TableMessagesInput<double>&, double*);
template void table_messages_half_backward_kernel(const TableMessagesInput<float>&, const float*,
                                                  const TableMessagesGradients<float>&);
template void table_messages_half_backward_kernel(const TableMessagesInput<double>&, const double*,
                                                  const TableMessagesGradients<double>&);

} // namespace gnncv::kernels
