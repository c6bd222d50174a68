// What the backward passes of densities are given, center by center.
#pragma once

#include <cstdint>

namespace gnncv::kernels {

// By the densities of a center, by its coordination number, and by the switching function of each of its
// pairs (null if nothing else depends on it). They last until the next center is asked for.
template <typename T>
struct CenterGradient {
    const T* densities;
    T coordination;
    const T* switching;
};
template <typename T>
class CenterGradients {
public:
    virtual ~CenterGradients() = default;
    virtual CenterGradient<T> of_center(std::int64_t i) = 0;
};

// Gradients of all centers as they lie in memory, `stride` numbers from one center's densities to the next.
template <typename T>
class StoredGradients final : public CenterGradients<T> {
public:
    StoredGradients(const T* densities, std::int64_t stride, const T* coordination)
        : densities_(densities), stride_(stride), coordination_(coordination) {}
    CenterGradient<T> of_center(std::int64_t i) override {
        return {densities_ + i * stride_, coordination_[i], nullptr};
    }

private:
    const T* densities_;
    std::int64_t stride_;
    const T* coordination_;
};

} // namespace gnncv::kernels
