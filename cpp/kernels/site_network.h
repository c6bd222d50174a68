// A multilayer perceptron on every site, on what its inputs are side by side:
//   y_0 = (x_1, x_2, ...)  or  a(x_1, x_2, ...);   y_l = a(W_l y_(l-1) + b_l), the last without a;   x_1
//   added if residual
// with the activation a. Sites pass through all layers in blocks that stay in the cache. The backward pass
// computes the hidden layers anew, so that nothing but the inputs is kept between the two.
#pragma once

#include "kernels/dense_rows.h"

#include <cstdint>
#include <span>
#include <vector>

namespace gnncv::kernels {

// weight (n_out, n_in); bias (n_out), or null.
template <typename T>
struct DenseLayer {
    const T* weight;
    const T* bias;
    std::int64_t n_in;
    std::int64_t n_out;
};

// A matrix (n_sites, n_columns); `data` may be null where a kernel says so.
template <typename T>
struct SiteColumns {
    T* data;
    std::int64_t n_columns;
};

struct SiteRange {
    std::int64_t begin, end;
};

// The layers as the kernels read them: padded, once for each direction.
template <typename T>
class SiteNetwork {
public:
    SiteNetwork(std::span<const DenseLayer<T>> layers, Activation activation, bool activate_input,
                bool residual);

    struct Layer {
        std::int64_t n_in, n_out;           // as they are
        std::int64_t in_stride, out_stride; // padded
        const T* forward;                   // (n_in, out_stride)
        const T* bias;                      // (out_stride)
        const T* backward;                  // (n_out, in_stride)
    };
    [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }
    [[nodiscard]] Activation activation() const { return activation_; }
    [[nodiscard]] bool activate_input() const { return activate_input_; }
    [[nodiscard]] bool residual() const { return residual_; }

private:
    std::vector<Layer> layers_;
    LaneBuffer<T> numbers_;
    Activation activation_;
    bool activate_input_, residual_;
};

// outputs: the last layer's numbers divided among matrices, overwritten for the sites of the range.
template <typename T>
void site_network_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                         std::span<const SiteColumns<T>> outputs, SiteRange sites);

// outputs_gradient: null is zero. inputs_gradient: null is not wanted; the others are overwritten.
template <typename T>
void site_network_backward_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                                  std::span<const SiteColumns<const T>> outputs_gradient,
                                  std::span<const SiteColumns<T>> inputs_gradient, SiteRange sites);

// errors[i] = mean_c (network(inputs)[i, c] - target[i, c])^2
template <typename T>
void site_error_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                       SiteColumns<const T> target, T* errors, SiteRange sites);

// inputs_gradient and target_gradient: null is not wanted; the others are overwritten.
template <typename T>
void site_error_backward_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                                SiteColumns<const T> target, const T* errors_gradient,
                                std::span<const SiteColumns<T>> inputs_gradient, T* target_gradient,
                                SiteRange sites);

} // namespace gnncv::kernels
