// As many sites at once as a register holds; what is in double precision in parts that are as wide.
#include "kernels/latent_density_lanes.h"
#include "kernels/site_outcomes.h"

#include <cmath>

namespace gnncv::kernels {
namespace {

template <typename T>
struct Scratch {
    LaneBuffer<T> numbers;
    LaneBuffer<double> wide, density;
};

template <int bytes, typename T>
class Group {
    using Narrow = Lanes<T, bytes>;
    using Wide = Lanes<double, bytes>;
    static constexpr int part_width = LanesOf<double, bytes>::width;

public:
    static constexpr int width = LanesOf<T, bytes>::width, parts = width / part_width;

    GNNCV_INLINE Group(const SiteOutcomesInput<T>& in, const SiteOutcomes<T>& out, Scratch<T>& scratch)
        : in_(in), out_(out), mixture_(in.mixture, scratch.density) {
        std::int64_t widest = 0;
        for (const auto& widths : {in.decoder.widths, in.classifier.widths}) {
            for (const std::int64_t n : widths) {
                widest = std::max(widest, n);
            }
        }
        latents_ = reinterpret_cast<Narrow*>(
            scratch.numbers.reserve(2 * in.n_latent() + 2 * widest + in.target.n_columns));
        first_ = latents_ + in.n_latent();
        second_ = first_ + widest;
        rows_ = reinterpret_cast<T*>(second_ + widest);
        columns_ = reinterpret_cast<Wide*>(scratch.wide.reserve(in.n_columns() + 1));
    }

    // The sites from `first` on; of a last group that is not full, the last site is repeated.
    GNNCV_INLINE void compute(std::int64_t first, std::int64_t end) const {
        const std::int64_t count = std::min<std::int64_t>(width, end - first);
        const SiteColumns<const T> latents = full({in_.latents, in_.n_latent()}, first, count, rows_);
        const SiteColumns<const T> target = full(in_.target, first, count, rows_ + width * in_.n_latent());
        for (std::int64_t d = 0; d < in_.n_latent(); ++d) {
            latents_[d] = column_of(latents, d);
        }
        const Narrow* rebuilt = lanes_network(in_.decoder, latents_, first_, second_);
        Narrow square{};
        for (std::int64_t f = 0; f < target.n_columns; ++f) {
            const Narrow error = rebuilt[f] - column_of(target, f);
            square += error * error;
        }
        T errors[width];
        store_lanes(errors, square / static_cast<T>(in_.target.n_columns));
        const Narrow* logits = lanes_network(in_.classifier, latents_, first_, second_);
        double surprises[width], novelties[width];
        for (std::int64_t d = 0; d < in_.n_latent(); ++d) {
            for (int p = 0; p < parts; ++p) {
                mixture_.latents[d].part[p] = widened(latents_[d], p);
            }
        }
        mixture_.surprises(surprises);
        find_novelties(errors, surprises, novelties);
        for (int p = 0; p < parts && first + p * part_width < end; ++p) {
            const std::int64_t start = first + p * part_width;
            const std::int64_t n = std::min<std::int64_t>(part_width, end - start);
            write_columns(p, start, n, logits, novelties);
        }
        if (count == width) { // no call for so few numbers
            std::copy_n(errors, width, out_.errors + first);
            std::copy_n(surprises, width, out_.surprises + first);
        } else {
            std::copy_n(errors, count, out_.errors + first);
            std::copy_n(surprises, count, out_.surprises + first);
        }
    }

private:
    // The rows of a group, copied to the scratch and filled up if there are too few.
    static GNNCV_INLINE SiteColumns<const T> full(SiteColumns<const T> rows, std::int64_t first,
                                                  std::int64_t count, T* scratch) {
        const T* from = rows.data + first * rows.stride;
        if (count == width) {
            return {from, rows.n_columns, rows.stride};
        }
        for (std::int64_t w = 0; w < width; ++w) {
            std::copy_n(from + std::min(w, count - 1) * rows.stride, rows.n_columns,
                        scratch + w * rows.n_columns);
        }
        return {scratch, rows.n_columns};
    }

    static GNNCV_INLINE Narrow column_of(SiteColumns<const T> rows, std::int64_t column) {
        return collect_lanes<T, bytes>(
            [&](int w) __attribute__((always_inline)) { return rows.data[w * rows.stride + column]; });
    }

    GNNCV_INLINE void find_novelties(const T* errors, const double* surprises, double* novelties) const {
        const double of_error = 1.0 / in_.error_scale, of_surprise = 1.0 / in_.surprise_scale;
        const double of_root = 1.0 / in_.novelty_scale;
        for (int w = 0; w < width; ++w) {
            const double e = static_cast<double>(errors[w]) * of_error, h = surprises[w] * of_surprise;
            const double fourth = e * e * (e * e) + h * h * (h * h) + novelty_floor;
            novelties[w] = std::sqrt(std::sqrt(fourth)) * of_root;
        }
    }

    // Of a part of the group, the sites from `start` on.
    GNNCV_INLINE void write_columns(int part, std::int64_t start, std::int64_t count, const Narrow* logits,
                                    const double* novelties) const {
        const std::int64_t n_columns = in_.n_columns();
        for (std::int64_t d = 0; d < in_.n_latent(); ++d) {
            columns_[d] = mixture_.latents[d].part[part];
        }
        if (in_.n_classes() > 0) {
            share_out(part, logits, columns_ + in_.n_latent());
        }
        columns_[n_columns - 1] = load_lanes<double, bytes>(novelties + part * part_width);
        const auto* numbers = reinterpret_cast<const double*>(columns_);
        double* to = out_.columns + start * n_columns;
        for (std::int64_t w = 0; w < count; ++w) {
            for (std::int64_t c = 0; c < n_columns; ++c) {
                *to++ = numbers[c * part_width + w];
            }
        }
    }

    // exp(l_c) / sum_b exp(l_b) of all classes but the first, in whose place its own exponential is for a
    // while
    GNNCV_INLINE void share_out(int part, const Narrow* logits, Wide* probabilities) const {
        Wide largest = widened(logits[0], part);
        for (std::int64_t c = 1; c < in_.n_classes(); ++c) {
            const Wide logit = widened(logits[c], part);
            largest = logit > largest ? logit : largest;
        }
        Wide sum = lanes_exp<double>(widened(logits[0], part) - largest);
        for (std::int64_t c = 1; c < in_.n_classes(); ++c) {
            probabilities[c - 1] = lanes_exp<double>(widened(logits[c], part) - largest);
            sum += probabilities[c - 1];
        }
        for (std::int64_t c = 1; c < in_.n_classes(); ++c) {
            probabilities[c - 1] /= sum;
        }
    }

    // A part of a register in double precision.
    static GNNCV_INLINE Wide widened(const Narrow& numbers, int part) {
        const T* from = reinterpret_cast<const T*>(&numbers) + part * part_width;
        return __builtin_convertvector((load_lanes<T, bytes / parts>(from)), Wide);
    }

    const SiteOutcomesInput<T>& in_;
    const SiteOutcomes<T>& out_;
    MixtureLanes<bytes, parts> mixture_;
    Narrow *latents_, *first_, *second_;
    T* rows_; // of a last group
    Wide* columns_;
};

template <int bytes, typename T>
GNNCV_INLINE void outcomes_body(const SiteOutcomesInput<T>& in, const SiteOutcomes<T>& out, SiteRange sites,
                                Scratch<T>& scratch) {
    const Group<bytes, T> group(in, out, scratch);
    for (std::int64_t first = sites.begin; first < sites.end; first += group.width) {
        group.compute(first, sites.end);
    }
}

#define GNNCV_INSTANCE_OF(attribute, bytes, T)                                                               \
    attribute void outcomes_of(const SiteOutcomesInput<T>& in, const SiteOutcomes<T>& out, SiteRange sites,  \
                               Scratch<T>& scratch) {                                                        \
        outcomes_body<bytes>(in, out, sites, scratch);                                                       \
    }
#define GNNCV_INSTANCE(attribute, bytes)                                                                     \
    GNNCV_INSTANCE_OF(attribute, bytes, float)                                                               \
    GNNCV_INSTANCE_OF(attribute, bytes, double)
GNNCV_FOR_REGISTERS(GNNCV_INSTANCE)
#undef GNNCV_INSTANCE
#undef GNNCV_INSTANCE_OF

} // namespace

template <typename T>
void site_outcomes_kernel(const SiteOutcomesInput<T>& input, const SiteOutcomes<T>& outcomes,
                          SiteRange sites) {
    Scratch<T> scratch;
    outcomes_of(input, outcomes, sites, scratch);
}

#define GNNCV_INSTANCE(T)                                                                                    \
    template void site_outcomes_kernel(const SiteOutcomesInput<T>&, const SiteOutcomes<T>&, SiteRange);
GNNCV_INSTANCE(float)
GNNCV_INSTANCE(double)
#undef GNNCV_INSTANCE

} // namespace gnncv::kernels
