#include "core/neighbors.h"

#include "core/site_order.h"
#include "core/validation.h"
#include "gnncv/error.h"

#include <vesin.h>

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace gnncv {

namespace {

// A function of the vesin that this library is linked to. Looked up there, and not among all names in the
// process: PLUMED 2.10 exports functions of an older vesin under the same names, and comes first in programs
// linked to it.
template <typename F>
F* of_vesin(const char* name, F* linked) {
    void* library = dlopen("libvesin.so", RTLD_NOW | RTLD_NOLOAD);
    void* found = library != nullptr ? dlsym(library, name) : nullptr;
    return found != nullptr ? reinterpret_cast<F*>(found) : linked;
}

} // namespace

struct NeighborList::VesinList {
    VesinNeighborList list;
    decltype(&vesin_neighbors) neighbors = of_vesin("vesin_neighbors", &vesin_neighbors);
    decltype(&vesin_free) free = of_vesin("vesin_free", &vesin_free);

    VesinList() = default;
    VesinList(const VesinList&) = delete;
    VesinList& operator=(const VesinList&) = delete;
    ~VesinList() { free(&list); }
};

namespace {

// Keeps a pair that rounding puts a hair outside vesin's cutoff; pairs are filtered exactly afterwards.
constexpr double cutoff_margin = 1e-9;

// From so many atoms on, what their neighbors hold no longer fits in the cache that a core has for itself,
// and the order of the atoms matters. Below, the same positions give the same bits whatever came before them.
constexpr std::size_t fewest_ordered = 16384;

Vector3 point(std::span<const double> positions, std::size_t i) {
    return {positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]};
}

void set_point(std::vector<double>& positions, std::size_t i, const Vector3& r) {
    std::copy(r.begin(), r.end(), positions.begin() + static_cast<std::ptrdiff_t>(3 * i));
}

// f of the fractional coordinates along periodic directions, zero along the others.
template <typename F>
Vector3 whole_cells(const Box& box, const Vector3& r, F&& f) {
    const Vector3 fraction = times(r, box.inverse());
    Vector3 n{};
    for (int a = 0; a < 3; ++a) {
        n[a] = box.periodic()[a] ? f(fraction[a]) : 0.0;
    }
    return n;
}

} // namespace

NeighborList::NeighborList(double cutoff, double skin, PairKind kind, std::unique_ptr<Division> division)
    : cutoff_(cutoff), skin_(skin), kind_(kind), vesin_(std::make_unique<VesinList>()),
      division_(std::move(division)) {}

NeighborList::~NeighborList() = default;

bool NeighborList::update(std::span<const double> positions, const Box& box, const Workers& workers) {
    if (still_valid(positions, box, workers)) {
        gather();
        return false;
    }
    reference_box_.reset(); // stays unset if building throws
    rebuild(positions, box, workers);
    reference_box_ = box;
    return true;
}

const std::vector<std::int64_t>* NeighborList::atoms() const {
    return division_ ? &division_->atoms() : order_.empty() ? nullptr : &order_;
}

void NeighborList::gather() {
    if (const std::vector<std::int64_t>* atoms = this->atoms()) {
        local_.resize(3 * atoms->size() + 1);
        for (std::size_t k = 0; k < atoms->size(); ++k) {
            set_point(local_, k, point(wrapped_, (*atoms)[k]));
        }
    }
}

bool NeighborList::still_valid(std::span<const double> positions, const Box& box, const Workers& workers) {
    const std::size_t n_atoms = positions.size() / 3;
    if (skin_ <= 0.0 || !reference_box_ || 3 * n_atoms + 1 != reference_.size() ||
        box.periodic() != reference_box_->periodic()) {
        return false;
    }
    const Matrix3 map = times(reference_box_->inverse(), box.matrix());
    const double stretch = spectral_norm(times(box.inverse(), reference_box_->matrix()));
    const Vector3 first = point(positions, 0) - box.lattice(wraps_[0]) - times(point(reference_, 0), map);
    std::vector<Vector3> sums(static_cast<std::size_t>(workers.shares_of(n_atoms)));
    workers.for_shares(n_atoms, [&](int share, std::size_t begin, std::size_t end) {
        sums[share] = follow(positions, box, map, first, begin, end);
    });
    Vector3 mean{};
    for (const Vector3& sum : sums) {
        mean = mean + scaled(sum, 1.0 / static_cast<double>(n_atoms));
    }
    double largest = 0.0;
    for (const Vector3& moved : displacements_) {
        const Vector3 u = moved - mean;
        largest = std::max(largest, dot(u, u));
    }
    return stretch * (1.0 + 1e-12) * (cutoff_ + 2.0 * std::sqrt(largest)) <= cutoff_ + skin_;
}

// Wrap the atoms begin .. end-1 as they were wrapped when the list was built, or next to there; the sum of
// their displacements relative to the first atom's.
Vector3 NeighborList::follow(std::span<const double> positions, const Box& box, const Matrix3& map,
                             const Vector3& first, std::size_t begin, std::size_t end) {
    Vector3 sum{};
    for (std::size_t i = begin; i < end; ++i) {
        Vector3 r = point(positions, i) - box.lattice(wraps_[i]);
        Vector3 moved = r - times(point(reference_, i), map) - first;
        const Vector3 jump = whole_cells(box, moved, [](double x) { return std::round(x); });
        if (jump != Vector3{}) {
            wraps_[i] = wraps_[i] + jump;
            const Vector3 lattice = box.lattice(jump);
            r = r - lattice;
            moved = moved - lattice;
        }
        set_point(wrapped_, i, r);
        displacements_[i] = moved;
        sum = sum + moved;
    }
    return sum;
}

void NeighborList::rebuild(std::span<const double> positions, const Box& box, const Workers& workers) {
    const std::size_t n_atoms = positions.size() / 3;
    check_number_of_pairs(box, n_atoms, cutoff_ + skin_);
    wrapped_.resize(positions.size() + 1);
    wraps_.resize(n_atoms);
    displacements_.resize(n_atoms);
    for (std::size_t i = 0; i < n_atoms; ++i) {
        const Vector3 r = point(positions, i);
        wraps_[i] = whole_cells(box, r, [](double x) { return std::floor(x); });
        set_point(wrapped_, i, r - box.lattice(wraps_[i]));
    }
    reference_ = wrapped_;
    const std::span<const double> inside = std::span(wrapped_).first(positions.size());
    order_.clear();
    if (division_) {
        division_->assign(inside, box);
    } else if (n_atoms >= fewest_ordered) {
        order_ = order_in_space(inside, box, 0.5 * cutoff_);
    }
    gather();
    const std::span<const double> points = wrapped();
    const std::size_t n_points = points.size() / 3;

    VesinOptions options{};
    options.cutoff = (cutoff_ + skin_) * (1.0 + cutoff_margin);
    options.full = false;
    options.sorted = false;
    options.algorithm = VesinAutoAlgorithm;
    options.skin = 0.0;
    options.n_threads = workers.n_threads;
    options.return_shifts = true;
    const char* error = nullptr;
    const int status =
        vesin_->neighbors(reinterpret_cast<const double (*)[3]>(points.data()), n_points,
                          reinterpret_cast<const double (*)[3]>(box.matrix().data()), box.periodic().data(),
                          VesinDevice{VesinCPU, 0}, options, &vesin_->list, &error);
    if (status != 0) {
        throw Error("the neighbor list could not be built: " +
                    std::string(error != nullptr ? error : "unknown error"));
    }
    sort_candidates(n_points);
    if (division_) {
        division_->trim(candidates_, kind_ != PairKind::full);
    }
}

// Whether a bond stands in the half: of its two directions one, taking turns so that, in whatever order the
// atoms are, each has about half of its bonds. `opposite` is the number of the opposite shift.
bool NeighborList::in_half(std::int32_t center, std::int32_t neighbor, std::int32_t shift,
                           std::int32_t opposite) {
    return center == neighbor ? shift > opposite : (center < neighbor) == ((center + neighbor) % 2 == 0);
}

// From vesin's list (each pair once, in any order) to rows sorted by (neighbor, shift); of the kind `both`
// each part of them. Two passes: pairs by neighbor, then, taken in that order, by center. A shift's number in
// the table of all shifts in their bounding box has the order of the shifts, and the opposite shift's counts
// from the end.
void NeighborList::sort_candidates(std::size_t n_atoms) {
    const VesinNeighborList& list = vesin_->list;
    find_shifts();
    const auto last_shift = static_cast<std::int32_t>(candidates_.shifts.size() - 1);
    const auto for_directions = [&](const auto& f) {
        for (std::size_t p = 0; p < list.length; ++p) {
            const auto i = static_cast<std::int32_t>(list.pairs[p][0]);
            const auto j = static_cast<std::int32_t>(list.pairs[p][1]);
            const std::int32_t shift = number_of(list.shifts[p]), opposite = last_shift - shift;
            const bool half = in_half(i, j, shift, opposite); // as good as random: no branch on it
            const std::int32_t from = half ? i : j, to = half ? j : i, with = half ? shift : opposite;
            f(from, to, with, true);
            if (kind_ != PairKind::half) {
                f(to, from, last_shift - with, false);
            }
        }
    };
    std::vector<std::int64_t>& row_ptr = candidates_.row_ptr;
    std::vector<std::int64_t>& half_begin = candidates_.half_begin;
    row_ptr.assign(n_atoms + 1, 0);
    by_neighbor_ptr_.assign(n_atoms + 1, 0);
    half_begin.assign(kind_ == PairKind::both ? n_atoms : 0, 0);
    for_directions([&](std::int32_t i, std::int32_t j, std::int32_t, bool half) {
        ++row_ptr[i + 1];
        ++by_neighbor_ptr_[j + 1];
        if (!half && !half_begin.empty()) {
            ++half_begin[i];
        }
    });
    std::inclusive_scan(row_ptr.begin(), row_ptr.end(), row_ptr.begin());
    std::inclusive_scan(by_neighbor_ptr_.begin(), by_neighbor_ptr_.end(), by_neighbor_ptr_.begin());
    for (std::size_t i = 0; i < half_begin.size(); ++i) {
        half_begin[i] += row_ptr[i];
    }

    const auto n_pairs = static_cast<std::size_t>(row_ptr.back());
    by_neighbor_.resize(n_pairs);
    next_.assign(by_neighbor_ptr_.begin(), by_neighbor_ptr_.end());
    for_directions([&](std::int32_t i, std::int32_t j, std::int32_t shift, bool half) {
        by_neighbor_[next_[j]++] = {i, half ? shift : ~shift};
    });
    candidates_.neighbor.resize(n_pairs);
    candidates_.shift.resize(n_pairs);
    next_.assign(row_ptr.begin(), row_ptr.end());
    next_half_ = half_begin;
    for (std::size_t j = 0; j < n_atoms; ++j) {
        for (std::int64_t p = by_neighbor_ptr_[j]; p < by_neighbor_ptr_[j + 1]; ++p) {
            const auto [center, shift] = by_neighbor_[p];
            const bool half = shift >= 0;
            const std::int64_t place = half && !half_begin.empty() ? next_half_[center]++ : next_[center]++;
            candidates_.neighbor[place] = static_cast<std::int32_t>(j);
            candidates_.shift[place] = half ? shift : ~shift;
        }
    }
    sort_images();
}

// All whole shifts up to the farthest along each direction, in order.
void NeighborList::find_shifts() {
    const VesinNeighborList& list = vesin_->list;
    reach_ = {};
    for (std::size_t p = 0; p < list.length; ++p) {
        for (int a = 0; a < 3; ++a) {
            reach_[a] = std::max<std::int32_t>(reach_[a], std::abs(list.shifts[p][a]));
        }
    }
    candidates_.shifts.clear();
    for (std::int32_t x = -reach_[0]; x <= reach_[0]; ++x) {
        for (std::int32_t y = -reach_[1]; y <= reach_[1]; ++y) {
            for (std::int32_t z = -reach_[2]; z <= reach_[2]; ++z) {
                candidates_.shifts.push_back(
                    {static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
            }
        }
    }
}

std::int32_t NeighborList::number_of(const std::int32_t (&shift)[3]) const {
    const auto& [x, y, z] = reach_;
    return ((shift[0] + x) * (2 * y + 1) + shift[1] + y) * (2 * z + 1) + shift[2] + z;
}

// Several images of one neighbor, as small boxes have them, in the order of their shifts.
void NeighborList::sort_images() {
    const std::vector<std::int32_t>& neighbor = candidates_.neighbor;
    std::vector<std::int32_t>& shift = candidates_.shift;
    for (std::size_t i = 0; i + 1 < candidates_.row_ptr.size(); ++i) {
        const std::int64_t last = candidates_.row_ptr[i + 1];
        for (std::int64_t begin = candidates_.row_ptr[i]; begin < last;) {
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

} // namespace gnncv
