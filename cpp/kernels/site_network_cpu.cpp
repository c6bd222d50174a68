// Blocks of `row_tile` sites; what is done in a block are calls of dense_rows.h.
#include "kernels/site_network.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

template <typename T>
T* numbers(Lanes<T>* lanes) {
    return reinterpret_cast<T*>(lanes);
}

template <typename T>
void add_row(const T* __restrict__ from, std::int64_t n, T* __restrict__ to) {
    for (std::int64_t k = 0; k < n; ++k) {
        to[k] += from[k];
    }
}

// Scratch of one thread: everything about the sites of one block.
template <typename T>
class Block {
public:
    using Inputs = std::span<const SiteColumns<const T>>;
    using Outputs = std::span<const SiteColumns<T>>;

    Block(const SiteNetwork<T>& network, bool with_slopes)
        : network_(network), hidden_(network.layers().size() - 1), slopes_(with_slopes ? hidden_.size() : 0) {
        const auto& layers = network.layers();
        std::vector<Rows<T>*> all;
        const auto plan = [&all](Rows<T>& rows, std::int64_t stride) {
            rows.stride = stride;
            all.push_back(&rows);
        };
        std::int64_t widest = 0;
        for (std::size_t l = 0; l < layers.size(); ++l) {
            widest = std::max({widest, layers[l].in_stride, layers[l].out_stride});
            plan(l < hidden_.size() ? hidden_[l] : output_, layers[l].out_stride);
            if (l < slopes_.size()) {
                plan(slopes_[l], layers[l].out_stride);
            }
        }
        plan(input_, layers.front().in_stride);
        if (with_slopes) {
            plan(input_slope_, layers.front().in_stride);
            plan(received_, layers.back().out_stride);
            plan(gradient_, widest);
            plan(other_, widest);
        }
        std::int64_t n = 0;
        for (Rows<T>* rows : all) {
            n += row_tile * rows->stride;
        }
        T* next = numbers<T>(storage_.reserve(n / row_padding<T>));
        std::fill_n(next, n, T(0));
        for (Rows<T>* rows : all) {
            rows->data = next;
            next += row_tile * rows->stride;
        }
    }

    // Sites first .. first+count-1 side by side, through the activation if the network begins with it.
    void read(Inputs inputs, std::int64_t first, std::int64_t count) {
        first_ = first;
        count_ = count;
        gather(inputs, input_);
        if (network_.activate_input()) {
            activate(network_.activation(), input_.data, input_slope_.data, count_ * input_.stride);
        }
    }

    // The hidden layers; the last of them is not asked for where its slopes are enough, but costs no more.
    void compute_hidden() {
        for (std::size_t l = 0; l < hidden_.size(); ++l) {
            multiply(l == 0 ? input_ : hidden_[l - 1], network_.layers()[l], hidden_[l]);
            activate(network_.activation(), hidden_[l].data, slopes_.empty() ? nullptr : slopes_[l].data,
                     count_ * hidden_[l].stride);
        }
    }

    void compute_output(Inputs inputs) {
        multiply(hidden_.empty() ? input_ : hidden_.back(), network_.layers().back(), output_);
        if (network_.residual()) {
            const std::int64_t n = inputs[0].n_columns;
            for (std::int64_t s = 0; s < count_; ++s) {
                add_row(inputs[0].data + (first_ + s) * n, n, output_.row(s));
            }
        }
    }

    void write(Outputs outputs) const { scatter(output_, outputs); }

    void write_errors(SiteColumns<const T> target, T* errors) const {
        rows_errors(against(target), errors + first_);
    }

    void read_gradient(Inputs outputs_gradient) { gather(outputs_gradient, received_); }

    // The gradient of the outputs from that of their errors; that of the target is the negative.
    void read_errors_gradient(SiteColumns<const T> target, const T* errors_gradient, T* target_gradient) {
        rows_errors_backward(against(target), errors_gradient + first_, received_,
                             target_gradient ? target_gradient + first_ * target.n_columns : nullptr);
    }

    // From the gradient of the outputs to that of the inputs, of as many columns as are wanted.
    void backward(Outputs inputs_gradient) {
        std::int64_t end = 0, n_wanted = 0;
        for (const SiteColumns<T>& wanted : inputs_gradient) {
            end += wanted.n_columns;
            n_wanted = wanted.data ? end : n_wanted;
        }
        Rows<T> from = received_, to = gradient_, next = other_;
        for (std::size_t l = network_.layers().size(); l-- > 0;) {
            const auto& layer = network_.layers()[l];
            to.stride = l == 0 ? padded_columns<T>(n_wanted) : layer.in_stride;
            multiply_rows<T>({from.data, from.stride, layer.n_out, layer.backward, layer.in_stride, nullptr,
                              to.data, to.stride, to.stride, count_});
            if (l > 0) {
                scale_numbers(slopes_[l - 1].data, count_ * to.stride, to.data);
            }
            from = to;
            std::swap(to, next);
        }
        if (network_.activate_input()) {
            for (std::int64_t s = 0; s < count_; ++s) {
                scale_numbers(input_slope_.row(s), n_wanted, from.row(s));
            }
        }
        if (network_.residual()) {
            for (std::int64_t s = 0; s < count_; ++s) {
                add_row(received_.row(s), inputs_gradient[0].n_columns, from.row(s));
            }
        }
        scatter(from, inputs_gradient);
    }

private:
    RowsErrors<T> against(SiteColumns<const T> target) const {
        return {{output_.data, output_.stride},
                target.data + first_ * target.n_columns,
                count_,
                target.n_columns};
    }

    void multiply(const Rows<T>& from, const typename SiteNetwork<T>::Layer& layer, const Rows<T>& to) const {
        multiply_rows<T>({from.data, from.stride, layer.n_in, layer.forward, layer.out_stride, layer.bias,
                          to.data, to.stride, to.stride, count_});
    }

    void gather(Inputs columns, const Rows<T>& rows) const {
        std::int64_t offset = 0;
        for (const SiteColumns<const T>& part : columns) {
            const Rows<T> to{rows.data + offset, rows.stride};
            if (part.data) {
                copy_rows<T>({part.data + first_ * part.n_columns, part.n_columns}, count_, part.n_columns,
                             to);
            }
            for (std::int64_t s = 0; !part.data && s < count_; ++s) {
                std::fill_n(to.row(s), part.n_columns, T(0));
            }
            offset += part.n_columns;
        }
    }

    void scatter(const Rows<T>& rows, Outputs columns) const {
        std::int64_t offset = 0;
        for (const SiteColumns<T>& part : columns) {
            if (part.data) {
                copy_rows<T>({rows.data + offset, rows.stride}, count_, part.n_columns,
                             {part.data + first_ * part.n_columns, part.n_columns});
            }
            offset += part.n_columns;
        }
    }

    const SiteNetwork<T>& network_;
    std::vector<Rows<T>> hidden_, slopes_; // activated; their derivatives
    Rows<T> input_, input_slope_, output_, received_, gradient_, other_;
    LaneBuffer<T> storage_;
    std::int64_t first_ = 0, count_ = 0;
};

template <typename F>
void for_blocks(SiteRange sites, const F& f) {
    for (std::int64_t first = sites.begin; first < sites.end; first += row_tile) {
        f(first, std::min(row_tile, sites.end - first));
    }
}

} // namespace

template <typename T>
SiteNetwork<T>::SiteNetwork(std::span<const DenseLayer<T>> layers, Activation activation, bool activate_input,
                            bool residual)
    : activation_(activation), activate_input_(activate_input), residual_(residual) {
    std::int64_t n = 0;
    for (const DenseLayer<T>& layer : layers) {
        const std::int64_t in = padded_columns<T>(layer.n_in), out = padded_columns<T>(layer.n_out);
        n += (layer.n_in + 1) * out + layer.n_out * in;
    }
    T* next = numbers<T>(numbers_.reserve(n / row_padding<T>));
    std::fill_n(next, n, T(0));
    for (const DenseLayer<T>& layer : layers) {
        const std::int64_t in = padded_columns<T>(layer.n_in), out = padded_columns<T>(layer.n_out);
        T* const forward = next;
        T* const bias = forward + layer.n_in * out;
        T* const backward = bias + out;
        next = backward + layer.n_out * in;
        for (std::int64_t o = 0; o < layer.n_out; ++o) {
            bias[o] = layer.bias ? layer.bias[o] : T(0);
            for (std::int64_t c = 0; c < layer.n_in; ++c) {
                forward[c * out + o] = backward[o * in + c] = layer.weight[o * layer.n_in + c];
            }
        }
        layers_.push_back({layer.n_in, layer.n_out, in, out, forward, bias, backward});
    }
}

template <typename T>
void site_network_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                         std::span<const SiteColumns<T>> outputs, SiteRange sites) {
    Block<T> block(network, false);
    for_blocks(sites, [&](std::int64_t first, std::int64_t count) {
        block.read(inputs, first, count);
        block.compute_hidden();
        block.compute_output(inputs);
        block.write(outputs);
    });
}

template <typename T>
void site_network_backward_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                                  std::span<const SiteColumns<const T>> outputs_gradient,
                                  std::span<const SiteColumns<T>> inputs_gradient, SiteRange sites) {
    Block<T> block(network, true);
    for_blocks(sites, [&](std::int64_t first, std::int64_t count) {
        block.read(inputs, first, count);
        block.compute_hidden();
        block.read_gradient(outputs_gradient);
        block.backward(inputs_gradient);
    });
}

template <typename T>
void site_error_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                       SiteColumns<const T> target, T* errors, SiteRange sites) {
    Block<T> block(network, false);
    for_blocks(sites, [&](std::int64_t first, std::int64_t count) {
        block.read(inputs, first, count);
        block.compute_hidden();
        block.compute_output(inputs);
        block.write_errors(target, errors);
    });
}

template <typename T>
void site_error_backward_kernel(const SiteNetwork<T>& network, std::span<const SiteColumns<const T>> inputs,
                                SiteColumns<const T> target, const T* errors_gradient,
                                std::span<const SiteColumns<T>> inputs_gradient, T* target_gradient,
                                SiteRange sites) {
    Block<T> block(network, true);
    for_blocks(sites, [&](std::int64_t first, std::int64_t count) {
        block.read(inputs, first, count);
        block.compute_hidden();
        block.compute_output(inputs);
        block.read_errors_gradient(target, errors_gradient, target_gradient);
        block.backward(inputs_gradient);
    });
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template class SiteNetwork<T>;                                                                           \
    template void site_network_kernel(const SiteNetwork<T>&, std::span<const SiteColumns<const T>>,          \
                                      std::span<const SiteColumns<T>>, SiteRange);                           \
    template void site_network_backward_kernel(const SiteNetwork<T>&, std::span<const SiteColumns<const T>>, \
                                               std::span<const SiteColumns<const T>>,                        \
                                               std::span<const SiteColumns<T>>, SiteRange);                  \
    template void site_error_kernel(const SiteNetwork<T>&, std::span<const SiteColumns<const T>>,            \
                                    SiteColumns<const T>, T*, SiteRange);                                    \
    template void site_error_backward_kernel(const SiteNetwork<T>&, std::span<const SiteColumns<const T>>,   \
                                             SiteColumns<const T>, const T*,                                 \
                                             std::span<const SiteColumns<T>>, T*, SiteRange);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
