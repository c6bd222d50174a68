#include "core/candidates.h"

#include "core/vesin_list.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

namespace gnncv {
namespace {

// Keeps a pair that rounding puts a hair outside vesin's cutoff; pairs are filtered exactly afterwards.
constexpr double cutoff_margin = 1e-9;

// Whether two points never have more than one image of each other within the cutoff, and so none of
// themselves.
bool sees_one_image(const Box& box, double cutoff) {
    const Matrix3& inverse = box.inverse();
    for (std::size_t a = 0; a < 3; ++a) {
        const double largest = cutoff * norm(Vector3{inverse[a], inverse[3 + a], inverse[6 + a]});
        if (box.periodic()[a] && !(largest < 0.499)) { // of a fractional coordinate; 0.5 but for rounding
            return false;
        }
    }
    return true;
}

// The shifts of a list's pairs as numbers in the table of all whole shifts up to the farthest along each
// direction: a number has the order of the shifts, and the opposite shift's counts from the end. In a list
// without shifts they are those to the nearest images, one cell at most.
class Shifts {
public:
    Shifts(const VesinList& list, std::span<const double> points, const Box& box) : list_(list) {
        if (list.with_shifts()) {
            for (std::size_t p = 0; p < list.size(); ++p) {
                for (int a = 0; a < 3; ++a) {
                    reach_[a] = std::max<std::int32_t>(reach_[a], std::abs(list.shift(p)[a]));
                }
            }
            return;
        }
        fractions_.resize(points.size() / 3);
        for (std::size_t i = 0; i < fractions_.size(); ++i) {
            fractions_[i] =
                times(Vector3{points[3 * i], points[3 * i + 1], points[3 * i + 2]}, box.inverse());
        }
        for (int a = 0; a < 3; ++a) {
            reach_[a] = box.periodic()[a] ? 1 : 0;
        }
    }

    [[nodiscard]] std::int32_t number(std::size_t p) const {
        return list_.with_shifts() ? number_of(list_.shift(p)) : nearest(list_.first(p), list_.second(p));
    }

    [[nodiscard]] std::vector<Vector3> table() const {
        std::vector<Vector3> shifts;
        for (std::int32_t x = -reach_[0]; x <= reach_[0]; ++x) {
            for (std::int32_t y = -reach_[1]; y <= reach_[1]; ++y) {
                for (std::int32_t z = -reach_[2]; z <= reach_[2]; ++z) {
                    shifts.push_back(
                        {static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
                }
            }
        }
        return shifts;
    }

private:
    [[nodiscard]] std::int32_t number_of(const std::int32_t (&shift)[3]) const {
        const auto& [x, y, z] = reach_;
        return ((shift[0] + x) * (2 * y + 1) + shift[1] + y) * (2 * z + 1) + shift[2] + z;
    }

    [[nodiscard]] std::int32_t nearest(std::int32_t i, std::int32_t j) const {
        const Vector3 apart = fractions_[j] - fractions_[i];
        std::int32_t shift[3];
        for (int a = 0; a < 3; ++a) {
            shift[a] = reach_[a] * ((apart[a] < -0.5 ? 1 : 0) - (apart[a] > 0.5 ? 1 : 0));
        }
        return number_of(shift);
    }

    const VesinList& list_;
    PageVector<Vector3> fractions_;
    std::array<std::int32_t, 3> reach_{};
};

// Whether a bond stands in the half: of its two directions one, taking turns so that, in whatever order the
// atoms are, each has about half of its bonds. `opposite` is the number of the opposite shift.
bool in_half(std::int32_t center, std::int32_t neighbor, std::int32_t shift, std::int32_t opposite) {
    return center == neighbor ? shift > opposite : (center < neighbor) == ((center + neighbor) % 2 == 0);
}

// f(center, neighbor, shift, whether in the half) of each direction of each bond that is wanted, the bond's
// shift being shift_of(p).
template <typename S, typename F>
void for_directions(const VesinList& list, std::int32_t last_shift, PairKind kind, const S& shift_of,
                    const F& f) {
    for (std::size_t p = 0; p < list.size(); ++p) {
        const std::int32_t i = list.first(p), j = list.second(p);
        const std::int32_t shift = shift_of(p), opposite = last_shift - shift;
        const bool half = in_half(i, j, shift, opposite); // as good as random: no branch on it
        const std::int32_t from = half ? i : j, to = half ? j : i, with = half ? shift : opposite;
        f(from, to, with, true);
        if (kind != PairKind::half) {
            f(to, from, last_shift - with, false);
        }
    }
}

// Several images of one neighbor, as small boxes have them, in the order of their shifts.
void sort_images(CandidatePairs& candidates) {
    const PageVector<std::int32_t>& neighbor = candidates.neighbor;
    PageVector<std::int32_t>& shift = candidates.shift;
    for (std::size_t i = 0; i + 1 < candidates.row_ptr.size(); ++i) {
        const std::int64_t last = candidates.row_ptr[i + 1];
        for (std::int64_t begin = candidates.row_ptr[i]; begin < last;) {
            std::int64_t end = begin + 1;
            while (end < last && neighbor[end] == neighbor[begin]) {
                ++end;
            }
            if (end > begin + 1) {
                std::sort(shift.begin() + begin, shift.begin() + end);
            }
            begin = end;
        }
    }
}

// A direction of a bond, among those to one neighbor; of what is not in the half, the shift's complement.
struct Directed {
    std::int32_t center, shift;
};

// Rows sorted by (neighbor, shift), of the kind `both` each part of them. Two passes: pairs by neighbor,
// then, taken in that order, by center. After the first vesin's list is let go of.
void sort_into(std::size_t n_points, PairKind kind, VesinList& list, const Shifts& shifts,
               CandidatePairs& candidates) {
    candidates.shifts = shifts.table();
    const auto last_shift = static_cast<std::int32_t>(candidates.shifts.size() - 1);
    const auto shift_of = [&](std::size_t p) { return shifts.number(p); };
    // To count no shift is needed but that of an image of the center itself.
    const auto listed_shift_of = [&](std::size_t p) { return list.with_shifts() ? shifts.number(p) : 0; };
    std::vector<std::int64_t>&row_ptr = candidates.row_ptr, &half_begin = candidates.half_begin;
    std::vector<std::int64_t> by_neighbor_ptr(n_points + 1);
    row_ptr.assign(n_points + 1, 0);
    half_begin.assign(kind == PairKind::both ? n_points : 0, 0);
    for_directions(list, last_shift, kind, listed_shift_of,
                   [&](std::int32_t i, std::int32_t j, std::int32_t, bool half) {
                       ++row_ptr[i + 1];
                       ++by_neighbor_ptr[j + 1];
                       if (!half && !half_begin.empty()) {
                           ++half_begin[i];
                       }
                   });
    std::inclusive_scan(row_ptr.begin(), row_ptr.end(), row_ptr.begin());
    std::inclusive_scan(by_neighbor_ptr.begin(), by_neighbor_ptr.end(), by_neighbor_ptr.begin());
    for (std::size_t i = 0; i < half_begin.size(); ++i) {
        half_begin[i] += row_ptr[i];
    }

    const auto n_pairs = static_cast<std::size_t>(row_ptr.back());
    PageVector<Directed> by_neighbor(n_pairs);
    std::vector<std::int64_t> next = by_neighbor_ptr;
    for_directions(list, last_shift, kind, shift_of,
                   [&](std::int32_t i, std::int32_t j, std::int32_t shift, bool half) {
                       by_neighbor[next[j]++] = {i, half ? shift : ~shift};
                   });
    list.release_if_long();
    candidates.neighbor.resize(n_pairs);
    candidates.shift.resize(n_pairs);
    next = row_ptr;
    std::vector<std::int64_t> next_half = half_begin;
    for (std::size_t j = 0; j < n_points; ++j) {
        for (std::int64_t p = by_neighbor_ptr[j]; p < by_neighbor_ptr[j + 1]; ++p) {
            const auto [center, shift] = by_neighbor[p];
            const bool half = shift >= 0;
            const std::int64_t place = half && !half_begin.empty() ? next_half[center]++ : next[center]++;
            candidates.neighbor[place] = static_cast<std::int32_t>(j);
            candidates.shift[place] = half ? shift : ~shift;
        }
    }
}

} // namespace

CandidateFinder::CandidateFinder() : list_(std::make_unique<VesinList>()) {}
CandidateFinder::~CandidateFinder() = default;

void CandidateFinder::find(std::span<const double> points, const Box& box, double cutoff, PairKind kind,
                           int n_threads, CandidatePairs& candidates) {
    candidates = {};
    const double wider = cutoff * (1.0 + cutoff_margin);
    list_->find(points, box, wider, !sees_one_image(box, wider), n_threads);
    sort_into(points.size() / 3, kind, *list_, Shifts(*list_, points, box), candidates);
    if (list_->with_shifts()) {
        sort_images(candidates);
    }
}

} // namespace gnncv
