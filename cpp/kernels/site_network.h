// Multilayer perceptrons on every site, on what their inputs are side by side:
//   y_0 = (x_1, x_2, ...);   y_l = W_l a_l(y_(l-1)) + b_l;   at one layer, the joint, h = y_joint + x is
//   taken for y_joint
// where a_l is the activation or nothing, and x what is added. So a network, its residual and the network
// that comes next are one pass: sites go through all layers in blocks that stay in the cache.
#pragma once

#include "kernels/dense_rows.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gnncv::kernels {

// A matrix (n_sites, n_columns); `data` may be null where a kernel says so. `stride` from one site to the
// next, zero where all sites have the same row.
template <typename T>
struct SiteColumns {
    T* data = nullptr;
    std::int64_t n_columns = 0;
    std::int64_t stride = n_columns;
};

struct SiteRange {
    std::int64_t begin, end;
};

struct NetworkShape {
    std::vector<std::int64_t> widths; // of the inputs side by side, and of each layer
    std::vector<bool> activated;      // whether the activation stands before a layer
    Activation activation;
    std::size_t joint; // after so many layers

    [[nodiscard]] std::size_t n_layers() const { return widths.size() - 1; }
    [[nodiscard]] std::int64_t n_parameters() const;
};

// The layers as the kernels read them: padded, once for each direction.
template <typename T>
class SiteNetwork {
public:
    // parameters: of each layer the weights (n_out, n_in), then the biases (n_out)
    SiteNetwork(const T* parameters, const NetworkShape& shape);

    struct Layer {
        std::int64_t n_in, n_out;           // as they are
        std::int64_t in_stride, out_stride; // padded
        const T* forward;                   // (n_in, out_stride)
        const T* bias;                      // (out_stride)
        const T* backward;                  // (n_out, in_stride)
        std::int64_t slopes;                // column of the activation's slopes before it, -1 for none
    };
    [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }
    [[nodiscard]] Activation activation() const { return activation_; }
    [[nodiscard]] std::size_t joint() const { return joint_; }
    // Of a site: the activations' slopes, which the backward pass wants.
    [[nodiscard]] std::int64_t n_slopes() const { return n_slopes_; }

private:
    std::vector<Layer> layers_;
    LaneBuffer<T> numbers_;
    Activation activation_;
    std::size_t joint_;
    std::int64_t n_slopes_ = 0;
};

template <typename T>
struct NetworkInputs {
    std::span<const SiteColumns<const T>> columns;
    SiteColumns<const T> added; // or null
};

// Overwritten for the sites of a range; null is not wanted.
template <typename T>
struct NetworkOutputs {
    std::span<const SiteColumns<T>> columns; // the last layer's numbers divided among matrices
    SiteColumns<T> joint;
    T* slopes = nullptr; // (n_sites, n_slopes)
};
template <typename T>
void site_network_kernel(const SiteNetwork<T>& network, const NetworkInputs<T>& inputs,
                         const NetworkOutputs<T>& outputs, SiteRange sites);

// Gradients of the outputs, null is zero.
template <typename T>
struct NetworkReceived {
    std::span<const SiteColumns<const T>> columns;
    SiteColumns<const T> joint;
    const T* slopes; // as the forward pass has left them; if null they are computed anew
};
// Gradients of the inputs, overwritten; null is not wanted.
template <typename T>
struct NetworkGradients {
    std::span<const SiteColumns<T>> columns;
    SiteColumns<T> added;
    bool first_is_added = false; // the first of the columns is what is added, too, and gets both gradients
};
template <typename T>
void site_network_backward_kernel(const SiteNetwork<T>& network, const NetworkInputs<T>& inputs,
                                  const NetworkReceived<T>& received, const NetworkGradients<T>& gradients,
                                  SiteRange sites);

// Of errors[i] = mean_c (network(inputs)[i, c] - target[i, c])^2, from the gradient of the errors.
// inputs_gradient and target_gradient: null is not wanted; the others are overwritten.
template <typename T>
void site_error_backward_kernel(const SiteNetwork<T>& network, SiteColumns<const T> inputs,
                                SiteColumns<const T> target, const T* errors_gradient,
                                SiteColumns<T> inputs_gradient, T* target_gradient, SiteRange sites);

} // namespace gnncv::kernels
