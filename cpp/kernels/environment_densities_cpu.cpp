// One center at a time, its bonds side by side in blocks of one register. The densities are a product of two
// small matrices, (radial functions x bonds) (bonds x harmonics); see density_tiles.h.
#include "kernels/environment_densities.h"

#include "kernels/bond_radial.h"
#include "kernels/density_rows.h"
#include "kernels/density_tiles.h"

#include <algorithm>
#include <type_traits>
#include <vector>

namespace gnncv::kernels {
namespace {

template <int L, int bytes, typename T>
class CenterDensities {
    using Register = Lanes<T, bytes>;
    static constexpr int width = LanesOf<T, bytes>::width;

public:
    explicit CenterDensities(const EnvironmentInput<T>& input)
        : input_(input), l_max_(L >= 0 ? L : input.l_max),
          n_tiles_(tiles((l_max_ + 1) * (l_max_ + 1) - 1, Tile<Register>::columns)),
          n_harmonics_(1 + n_tiles_ * Tile<Register>::columns),
          n_channels_(static_cast<int>(input.table.n_channels)), n_padded_(tiles(n_channels_, width) * width),
          constants_(l_max_), tile_constants_(constants_, (l_max_ + 1) * (l_max_ + 1)), table_(input.table),
          blocks_(input.pairs, input.types, input.n_species), sums_(input.n_species * n_padded_),
          totals_(reinterpret_cast<Register*>(total_buffer_.reserve(sums_.size()))) {}

    // Densities and coordination number of center i, and f of its bonds if `switching` is not null.
    GNNCV_INLINE void compute(std::int64_t i, T* densities, T* coordination, T* switching) {
        T* const out = densities + i * input_.stride();
        for (std::int64_t c = 0; c < input_.stride(); c += 64 / static_cast<std::int64_t>(sizeof(T))) {
            __builtin_prefetch(out + c, 1); // it comes from afar, and is written at the end
        }
        blocks_.of_center(i, input_.vectors);
        fill_radial(switching);
        fill_harmonics();
        T neighbors = 0;
        for (int s = 0; s < input_.n_species; ++s) {
            for (int c = s * n_padded_; c < (s + 1) * n_padded_; c += width) {
                store_lanes<T>(sums_.data() + c, sums_of_registers(totals_ + c));
            }
            neighbors += sums_[s * n_padded_ + n_channels_ - 1];
        }
        coordination[i] = neighbors;
        sum_products(input_.divided ? T(1) / (T(1) + neighbors) : T(1), out);
        std::fill(out + input_.row_size(), out + input_.stride(), T(0));
    }

private:
    // radial_, totals_ and switching, of all bonds.
    GNNCV_INLINE void fill_radial(T* switching) {
        table_.of_center(blocks_);
        const std::size_t n = blocks_.list().size();
        radial_ = reinterpret_cast<Register*>(radial_buffer_.reserve(n * n_padded_));
        std::fill(totals_, totals_ + sums_.size(), Register{});
        for (std::size_t b = 0; b < n; ++b) {
            const BondBlock& block = blocks_.list()[b];
            Register* const values = radial_ + b * n_padded_;
            table_.template evaluate<false>(b, values, nullptr);
            if (block.count < width) {
                clear_beyond(block.count, n_channels_, values);
            }
            for (int c = 0; c < n_channels_; ++c) {
                totals_[block.species * n_padded_ + c] += values[c];
            }
            if (switching != nullptr) {
                blocks_.store_numbers(switching, block, values[n_channels_ - 1]);
            }
        }
    }
    GNNCV_INLINE void fill_harmonics() {
        const int l_max = L >= 0 ? L : std::min(l_max_, max_degree), n_lm = (l_max + 1) * (l_max + 1);
        Register polynomials[polynomials_of<L>];
        const std::size_t n = blocks_.list().size();
        harmonics_ = reinterpret_cast<Register*>(harmonic_buffer_.reserve(n * n_harmonics_));
        for (std::size_t b = 0; b < n; ++b) {
            const Directions<Register> d = blocks_.directions(b);
            Register* const values = harmonics_ + b * n_harmonics_;
            harmonic_polynomials<L>(constants_, l_max, d.x, d.y, d.z, values, polynomials);
            std::fill(values + n_lm, values + n_harmonics_, Register{});
        }
    }
    // out[s, k, lm] = norm sum over the bonds to species s of radial function k and harmonic lm
    GNNCV_INLINE void sum_products(T norm, T* out) const {
        constexpr int rows = Tile<Register>::rows, columns = Tile<Register>::columns;
        const int l_max = L >= 0 ? L : l_max_, n_lm = (l_max + 1) * (l_max + 1), n_radial = n_channels_ - 1;
        const auto n_blocks = static_cast<std::int64_t>(blocks_.list().size());
        std::int64_t first = 0;
        for (int s = 0; s < input_.n_species; ++s) {
            std::int64_t end = first;
            while (end < n_blocks && blocks_.list()[end].species == s) {
                ++end;
            }
            for (int k = 0; k < n_radial; k += rows) {
                const int n_rows = std::min(rows, n_radial - k);
                for (int row = 0; row < n_rows; ++row) { // Y_00 is a constant
                    out[row * n_lm] = constants_.norm[0] * norm * sums_[s * n_padded_ + k + row];
                }
                for (int t = 0; t < n_tiles_; ++t) {
                    const int lm = 1 + t * columns;
                    sum_tile<Register>(
                        radial_ + first * n_padded_ + k, n_padded_, harmonics_ + first * n_harmonics_ + lm,
                        n_harmonics_, end - first,
                        {out + lm, n_lm, norm * tile_constants_[t], n_rows, std::min(columns, n_lm - lm)});
                }
                out += n_rows * n_lm;
            }
            first = end;
        }
    }

    EnvironmentInput<T> input_;
    int l_max_;
    int n_tiles_, n_harmonics_; // of harmonics: tiles above degree zero, and registers of a block
    int n_channels_,
        n_padded_; // of the table, and registers of a block: whole tiles, whole registers of sums
    HarmonicConstants<T> constants_;
    TileConstants<T, bytes> tile_constants_;
    BondRadial<T, bytes> table_;
    BondBlocks<T, bytes> blocks_;
    LaneBuffer<T> harmonic_buffer_, radial_buffer_, total_buffer_;
    std::vector<T> sums_; // of each species and channel
    Register *harmonics_ = nullptr, *radial_ = nullptr, *totals_;
};

template <int L, int bytes, typename T>
GNNCV_INLINE void forward_body(const EnvironmentInput<T>& input, T* densities, T* coordination,
                               T* switching) {
    CenterDensities<L, bytes, T> center(input);
    for (std::int64_t i = input.pairs.first_center; i < input.pairs.n_centers; ++i) {
        center.compute(i, densities, coordination, switching);
    }
}

// Instances for the degrees in use; any other degree takes the general one (L = -1).
#define GNNCV_INSTANCE_OF(attribute, bytes, L, T)                                                            \
    attribute void forward_instance(std::integral_constant<int, L>, const EnvironmentInput<T>& input,        \
                                    T* densities, T* coordination, T* switching) {                           \
        forward_body<L, bytes>(input, densities, coordination, switching);                                   \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, -1, float)                                                           \
    GNNCV_INSTANCE_OF(attribute, bytes, -1, double)                                                          \
    GNNCV_INSTANCE_OF(attribute, bytes, 6, float)                                                            \
    GNNCV_INSTANCE_OF(attribute, bytes, 6, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

template <typename T>
void environment_densities_kernel(const EnvironmentInput<T>& input, T* densities, T* coordination,
                                  T* switching) {
    with_degree(input.l_max,
                [&](auto degree) { forward_instance(degree, input, densities, coordination, switching); });
}

template void environment_densities_kernel(const EnvironmentInput<float>&, float*, float*, float*);
template void environment_densities_kernel(const EnvironmentInput<double>&, double*, double*, double*);

} // namespace gnncv::kernels
