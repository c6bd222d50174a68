// Blocks of `row_tile` sites; what is done in a block are calls of dense_rows.h.
#include "kernels/site_network.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

template <typename T>
T* numbers(Lanes<T>* lanes) {
    return reinterpret_cast<T*>(lanes);
}

// Scratch of one thread: everything about the sites of one block.
template <typename T>
class Block {
public:
    explicit Block(const SiteNetwork<T>& network) : network_(network), layers_(network.layers()) {
        std::int64_t widest = 0;
        for (const auto& layer : layers_) {
            widest = std::max({widest, layer.in_stride, layer.out_stride});
        }
        const std::int64_t n = row_tile * (3 * widest + network.n_slopes());
        T* next = numbers<T>(storage_.reserve(n / row_padding<T>));
        std::fill_n(next, n, T(0));
        for (T** rows : {&x_, &y_, &held_, &slopes_}) {
            *rows = next;
            next += row_tile * widest;
        }
    }

    void begin(std::int64_t first, std::int64_t count) {
        first_ = first;
        count_ = count;
    }

    // The scratch's own slopes, where none have been kept.
    [[nodiscard]] T* own_slopes() const { return slopes_; }

    // Through all layers; the last layer's numbers go to `outputs`, or stay where `last` says.
    // slopes (count, n_slopes), or null.
    Rows<T> forward(const NetworkInputs<T>& inputs, const NetworkOutputs<T>& outputs, T* slopes) {
        Rows<const T> from = read(inputs.columns, layers_[0]);
        T *to = y_, *next = x_;
        Rows<T> result;
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const auto& layer = layers_[l];
            if (layer.slopes >= 0) {
                activate<T>(network_.activation(), {l == 0 ? x_ : result.data, from.stride},
                            {slopes ? slopes + layer.slopes : nullptr, network_.n_slopes()}, count_,
                            layer.in_stride);
            }
            const bool is_joint = l + 1 == network_.joint();
            result = {to, layer.out_stride};
            if (l + 1 == layers_.size() && whole(outputs.columns, layer.out_stride)) {
                result.data = at(outputs.columns[0]);
            }
            multiply_rows<T>({from.data, from.stride, layer.n_in, layer.forward, layer.out_stride, layer.bias,
                              nullptr, 0, result.data, result.stride, layer.out_stride, count_});
            if (is_joint && inputs.added.data) {
                add_rows<T>({at(inputs.added), inputs.added.stride}, count_, layer.n_out, result);
            }
            if (is_joint && outputs.joint.data) {
                copy_rows<T>({result.data, result.stride}, count_, layer.n_out,
                             {at(outputs.joint), outputs.joint.stride});
            }
            from = {result.data, result.stride};
            std::swap(to, next);
        }
        scatter(result, outputs.columns);
        return result;
    }

    // From the gradients of the outputs to those of the inputs, of as many columns as are wanted.
    void backward(const NetworkReceived<T>& received, const NetworkGradients<T>& gradients, const T* slopes) {
        const bool any = std::any_of(received.columns.begin(), received.columns.end(),
                                     [](const auto& part) { return part.data != nullptr; });
        const std::size_t last = any ? layers_.size() : network_.joint();
        Rows<T> from{x_, layers_[last - 1].out_stride};
        gather(any ? received.columns : std::span(&received.joint, 1), from);
        backward_from(last, from, any ? received.joint : SiteColumns<const T>{}, gradients, slopes);
    }

    // from: the gradient of what leaves so many layers, not in y_
    void backward_from(std::size_t last, Rows<T> from, SiteColumns<const T> of_joint,
                       const NetworkGradients<T>& gradients, const T* slopes) {
        const std::int64_t n_wanted = wanted_columns(gradients.columns);
        T *to = y_, *next = x_;
        for (std::size_t l = last; l-- > 0;) {
            const auto& layer = layers_[l];
            if (l + 1 == network_.joint()) {
                pass_joint(from, of_joint, layer.n_out, gradients);
            }
            const std::int64_t n_columns = l == 0 ? padded_columns<T>(n_wanted) : layer.in_stride;
            const T* factors = layer.slopes >= 0 ? slopes + layer.slopes : nullptr;
            Rows<T> result{to, n_columns};
            if (l == 0 && !gradients.first_is_added && whole(gradients.columns, n_columns)) {
                result.data = at(gradients.columns[0]);
            }
            multiply_rows<T>({from.data, from.stride, layer.n_out, layer.backward, layer.in_stride, nullptr,
                              factors, network_.n_slopes(), result.data, result.stride, n_columns, count_});
            from = result;
            std::swap(to, next);
        }
        if (gradients.first_is_added && gradients.columns[0].data) {
            const std::int64_t n = gradients.columns[0].n_columns;
            add_rows<T>({held_, padded_columns<T>(n)}, count_, n, from);
        }
        scatter(from, gradients.columns);
    }

    RowsErrors<T> against(const Rows<T>& rebuilt, SiteColumns<const T> target) const {
        return {{rebuilt.data, rebuilt.stride}, {at(target), target.stride}, count_, target.n_columns};
    }

    // Where the gradient of the outputs may be put for backward_from.
    [[nodiscard]] Rows<T> gradient_rows() const { return {held_, layers_.back().out_stride}; }

private:
    template <typename N>
    N* at(const SiteColumns<N>& part) const {
        return part.data + first_ * part.stride;
    }

    // Whether a full block may be computed right where it belongs: rows as the tiles have them.
    bool whole(std::span<const SiteColumns<T>> parts, std::int64_t n_columns) const {
        return count_ == row_tile && parts.size() == 1 && parts[0].data && parts[0].n_columns == n_columns &&
               parts[0].stride == n_columns;
    }

    // The inputs side by side; where they lie if that is as good, and nothing is to be done to them.
    Rows<const T> read(std::span<const SiteColumns<const T>> inputs,
                       const typename SiteNetwork<T>::Layer& to) {
        if (count_ == row_tile && inputs.size() == 1 && to.slopes < 0) {
            return {at(inputs[0]), inputs[0].stride};
        }
        const Rows<T> rows{x_, to.in_stride};
        gather(inputs, rows);
        return {rows.data, rows.stride};
    }

    void pass_joint(const Rows<T>& gradient, SiteColumns<const T> of_joint, std::int64_t n,
                    const NetworkGradients<T>& gradients) {
        if (of_joint.data) {
            add_rows<T>({at(of_joint), of_joint.stride}, count_, n, gradient);
        }
        if (gradients.added.data) {
            copy_rows<T>({gradient.data, gradient.stride}, count_, n,
                         {at(gradients.added), gradients.added.stride});
        }
        if (gradients.first_is_added) {
            copy_rows<T>({gradient.data, gradient.stride}, count_, n, {held_, padded_columns<T>(n)});
        }
    }

    static std::int64_t wanted_columns(std::span<const SiteColumns<T>> parts) {
        std::int64_t end = 0, wanted = 0;
        for (const SiteColumns<T>& part : parts) {
            end += part.n_columns;
            wanted = part.data ? end : wanted;
        }
        return wanted;
    }

    void gather(std::span<const SiteColumns<const T>> parts, const Rows<T>& rows) const {
        std::int64_t offset = 0;
        for (const SiteColumns<const T>& part : parts) {
            const Rows<T> to{rows.data + offset, rows.stride};
            if (part.data) {
                copy_rows<T>({at(part), part.stride}, count_, part.n_columns, to);
            }
            for (std::int64_t s = 0; !part.data && s < count_; ++s) {
                std::fill_n(to.row(s), part.n_columns, T(0));
            }
            offset += part.n_columns;
        }
    }

    void scatter(const Rows<T>& rows, std::span<const SiteColumns<T>> parts) const {
        std::int64_t offset = 0;
        for (const SiteColumns<T>& part : parts) {
            if (part.data && at(part) != rows.data) {
                copy_rows<T>({rows.data + offset, rows.stride}, count_, part.n_columns,
                             {at(part), part.stride});
            }
            offset += part.n_columns;
        }
    }

    const SiteNetwork<T>& network_;
    const std::vector<typename SiteNetwork<T>::Layer>& layers_;
    LaneBuffer<T> storage_;
    T *x_, *y_, *held_, *slopes_;
    std::int64_t first_ = 0, count_ = 0;
};

template <typename F>
void for_blocks(SiteRange sites, const F& f) {
    for (std::int64_t first = sites.begin; first < sites.end; first += row_tile) {
        f(first, std::min(row_tile, sites.end - first));
    }
}

} // namespace

std::int64_t NetworkShape::n_parameters() const {
    std::int64_t n = 0;
    for (std::size_t l = 0; l < n_layers(); ++l) {
        n += (widths[l] + 1) * widths[l + 1];
    }
    return n;
}

template <typename T>
SiteNetwork<T>::SiteNetwork(const T* parameters, const NetworkShape& shape)
    : activation_(shape.activation), joint_(shape.joint) {
    std::int64_t n = 0;
    for (std::size_t l = 0; l < shape.n_layers(); ++l) {
        const std::int64_t in = padded_columns<T>(shape.widths[l]);
        const std::int64_t out = padded_columns<T>(shape.widths[l + 1]);
        n += (shape.widths[l] + 1) * out + shape.widths[l + 1] * in;
    }
    T* next = numbers<T>(numbers_.reserve(n / row_padding<T>));
    std::fill_n(next, n, T(0));
    for (std::size_t l = 0; l < shape.n_layers(); ++l) {
        const std::int64_t n_in = shape.widths[l], n_out = shape.widths[l + 1];
        const std::int64_t in = padded_columns<T>(n_in), out = padded_columns<T>(n_out);
        T* const forward = next;
        T* const bias = forward + n_in * out;
        T* const backward = bias + out;
        next = backward + n_out * in;
        for (std::int64_t o = 0; o < n_out; ++o) {
            for (std::int64_t c = 0; c < n_in; ++c) {
                forward[c * out + o] = backward[o * in + c] = *parameters++;
            }
        }
        std::copy_n(parameters, n_out, bias);
        parameters += n_out;
        layers_.push_back(
            {n_in, n_out, in, out, forward, bias, backward, shape.activated[l] ? n_slopes_ : -1});
        n_slopes_ += shape.activated[l] ? in : 0;
    }
}

template <typename T>
void site_network_kernel(const SiteNetwork<T>& network, const NetworkInputs<T>& inputs,
                         const NetworkOutputs<T>& outputs, SiteRange sites) {
    Block<T> block(network);
    for_blocks(sites, [&](std::int64_t first, std::int64_t count) {
        block.begin(first, count);
        block.forward(inputs, outputs,
                      outputs.slopes ? outputs.slopes + first * network.n_slopes() : nullptr);
    });
}

template <typename T>
void site_network_backward_kernel(const SiteNetwork<T>& network, const NetworkInputs<T>& inputs,
                                  const NetworkReceived<T>& received, const NetworkGradients<T>& gradients,
                                  SiteRange sites) {
    Block<T> block(network);
    for_blocks(sites, [&](std::int64_t first, std::int64_t count) {
        block.begin(first, count);
        if (!received.slopes) {
            block.forward(inputs, {}, block.own_slopes());
        }
        block.backward(received, gradients,
                       received.slopes ? received.slopes + first * network.n_slopes() : block.own_slopes());
    });
}

template <typename T>
void site_error_backward_kernel(const SiteNetwork<T>& network, SiteColumns<const T> inputs,
                                SiteColumns<const T> target, const T* errors_gradient,
                                SiteColumns<T> inputs_gradient, T* target_gradient, SiteRange sites) {
    Block<T> block(network);
    for_blocks(sites, [&](std::int64_t first, std::int64_t count) {
        block.begin(first, count);
        const Rows<T> rebuilt = block.forward({std::span(&inputs, 1), {}}, {}, block.own_slopes());
        rows_errors_backward(block.against(rebuilt, target), errors_gradient + first, block.gradient_rows(),
                             target_gradient ? target_gradient + first * target.n_columns : nullptr);
        block.backward_from(network.layers().size(), block.gradient_rows(), {},
                            {std::span(&inputs_gradient, 1), {}}, block.own_slopes());
    });
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template class SiteNetwork<T>;                                                                           \
    template void site_network_kernel(const SiteNetwork<T>&, const NetworkInputs<T>&,                        \
                                      const NetworkOutputs<T>&, SiteRange);                                  \
    template void site_network_backward_kernel(const SiteNetwork<T>&, const NetworkInputs<T>&,               \
                                               const NetworkReceived<T>&, const NetworkGradients<T>&,        \
                                               SiteRange);                                                   \
    template void site_error_backward_kernel(const SiteNetwork<T>&, SiteColumns<const T>,                    \
                                             SiteColumns<const T>, const T*, SiteColumns<T>, T*, SiteRange);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
