#include "core/neighbors.h"

#include "core/site_order.h"
#include "core/validation.h"

#include <algorithm>
#include <cmath>

namespace gnncv {

namespace {

// From so many atoms on, what their neighbors hold no longer fits in the cache that a core has for itself,
// and the order of the atoms matters. Below, the same positions give the same bits whatever came before them,
// and room is not made for a list: fresh memory would cost more time than it is worth.
constexpr std::size_t many = 16384;

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
    : cutoff_(cutoff), skin_(skin), kind_(kind), division_(std::move(division)) {}

NeighborList::~NeighborList() = default;

bool NeighborList::update(std::span<const double> positions, const Box& box, const Workers& workers,
                          const std::function<void()>& make_room) {
    if (still_valid(positions, box, workers)) {
        gather();
        return false;
    }
    reference_box_.reset(); // stays unset if building throws
    if (positions.size() >= 3 * many) {
        make_room();
    }
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
    } else if (n_atoms >= many) {
        order_ = order_in_space(inside, box, 0.5 * cutoff_);
    }
    gather();
    finder_.find(wrapped(), box, cutoff_ + skin_, kind_, workers.n_threads, candidates_);
    if (division_) {
        division_->trim(candidates_, kind_ != PairKind::full);
    }
}

} // namespace gnncv
