// One center at a time, its bonds side by side in blocks of one register. The densities are a product of two
// small matrices, (radial functions x bonds) (bonds x terms); see density_tiles.h.
#include "kernels/orientation_densities.h"

#include "kernels/density_tiles.h"
#include "kernels/orientation_lanes.h"

#include <algorithm>

namespace gnncv::kernels {
namespace {

template <int A, int bytes, typename T>
class CenterOrientations {
    using Register = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width;
    static constexpr int rows = Tile<Register>::rows, columns = Tile<Register>::columns;

public:
    explicit CenterOrientations(const OrientationInput<T>& input)
        : input_(input), n_terms_(input.terms.count()), n_padded_(tiles(n_terms_, columns) * columns),
          n_channels_(static_cast<int>(input.table.n_channels)),
          n_radial_padded_(tiles(n_channels_, rows) * rows), table_(input.table),
          blocks_(input.pairs, input.types, input.n_species), axes_(input) {}

    GNNCV_INLINE void compute(std::int64_t i, T* densities, T* coordination, T* switching) {
        blocks_.of_center(i, input_.vectors);
        table_.of_center(blocks_);
        axes_.of_center(i);
        coordination[i] = fill(switching);
        sum_products(input_.divided ? T(1) / (T(1) + coordination[i]) : T(1),
                     densities + i * input_.row_size());
    }

private:
    // Radial functions and terms of all bonds; returns the sum of the switching functions.
    GNNCV_INLINE T fill(T* switching) {
        const std::size_t n = blocks_.list().size();
        radial_ = reinterpret_cast<Register*>(radial_buffer_.reserve(n * n_radial_padded_));
        terms_ = reinterpret_cast<Register*>(term_buffer_.reserve(n * n_padded_));
        Register total{};
        for (std::size_t b = 0; b < n; ++b) {
            const BondBlock& block = blocks_.list()[b];
            Register* const radial = radial_ + b * n_radial_padded_;
            table_.template evaluate<false>(b, radial, nullptr);
            if (block.count < width) {
                clear_beyond(block.count, n_channels_, radial);
            }
            total += radial[n_channels_ - 1];
            if (switching != nullptr) {
                blocks_.store_numbers(switching, block, radial[n_channels_ - 1]);
            }
            std::fill(radial + n_channels_, radial + n_radial_padded_, Register{});
            Register* const terms = terms_ + b * n_padded_;
            axes_.of_block(blocks_, block, blocks_.directions(b));
            orientation_terms<T>(input_.terms, axes_.cosines, terms);
            std::fill(terms + n_terms_, terms + n_padded_, Register{});
        }
        return sum_of_register(total);
    }
    // out[s, k, t] = norm times the sum over the bonds to species s of radial function k and term t
    GNNCV_INLINE void sum_products(T norm, T* out) const {
        const int n_radial = n_channels_ - 1;
        const auto n_blocks = static_cast<std::int64_t>(blocks_.list().size());
        const Register norms = Register{} + norm;
        std::int64_t first = 0;
        for (int s = 0; s < input_.n_species; ++s) {
            std::int64_t end = first;
            while (end < n_blocks && blocks_.list()[end].species == s) {
                ++end;
            }
            for (int k = 0; k < n_radial; k += rows) {
                const int n_rows = std::min(rows, n_radial - k);
                for (int t = 0; t < n_terms_; t += columns) {
                    sum_tile<Register>(radial_ + first * n_radial_padded_ + k, n_radial_padded_,
                                       terms_ + first * n_padded_ + t, n_padded_, end - first,
                                       {out + t, n_terms_, norms, n_rows, std::min(columns, n_terms_ - t)});
                }
                out += n_rows * n_terms_;
            }
            first = end;
        }
    }

    OrientationInput<T> input_;
    int n_terms_, n_padded_;           // and in whole tiles
    int n_channels_, n_radial_padded_; // of the table, and in whole tiles
    BondRadial<T, bytes> table_;
    BondBlocks<T, bytes> blocks_;
    AxesOfBonds<A, T, bytes> axes_;
    LaneBuffer<T> radial_buffer_, term_buffer_;
    Register *radial_ = nullptr, *terms_ = nullptr;
};

template <int A, int bytes, typename T>
GNNCV_INLINE void forward_body(const OrientationInput<T>& input, T* densities, T* coordination,
                               T* switching) {
    CenterOrientations<A, bytes, T> center(input);
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        center.compute(i, densities, coordination, switching);
    }
}

#define GNNCV_INSTANCE(attribute, bytes, A, T)                                                               \
    attribute void forward_instance(std::integral_constant<int, A>, const OrientationInput<T>& input,        \
                                    T* densities, T* coordination, T* switching) {                           \
        forward_body<A, bytes>(input, densities, coordination, switching);                                   \
    }
GNNCV_FOR_REGISTERS(GNNCV_ORIENTATION_INSTANCES)
#undef GNNCV_INSTANCE

} // namespace

template <typename T>
void orientation_densities_kernel(const OrientationInput<T>& input, T* densities, T* coordination,
                                  T* switching) {
    with_axes(input.terms.n_axes,
              [&](auto axes) { forward_instance(axes, input, densities, coordination, switching); });
}

template void orientation_densities_kernel(const OrientationInput<float>&, float*, float*, float*);
template void orientation_densities_kernel(const OrientationInput<double>&, double*, double*, double*);

} // namespace gnncv::kernels
