// Bonds of half a list, some at a time, for the table_attention_half_*.cpp.
#pragma once

#include "kernels/attention_functions.h"
#include "kernels/attention_heads.h"

#include <algorithm>
#include <cstdint>

namespace gnncv::kernels {

// Bonds that follow one another in the list, of one center.
struct BondRun {
    std::int64_t center, first, n;
};

// Numbers of each bond in arrays of fixed size: one register then points to all of them.
template <typename T, int bytes>
class HalfBonds {
public:
    static constexpr int most = 128; // bonds
    using Array = T[eight * most + eight * eight];

    alignas(64) Array slopes{}, logits{}, switching{}, exponentials{}; // eight a bond
    alignas(64) T t[most + LanesOf<T>::width]{};                       // place in the interval
    std::int32_t offset[most + LanesOf<T>::width]{};                   // of the interval in the table
    std::int32_t neighbor[most]{};
    BondRun runs[most];
    int n_runs = 0, n = 0;

    explicit HalfBonds(const PairRows& pairs)
        : pairs_(pairs), center_(pairs.first_center),
          next_(center_ < pairs.n_centers ? pairs.begin(center_) : 0) {}

    // The next bonds; none if there are no more.
    GNNCV_INLINE void fill(const TableAttentionInput<T>& input, std::int64_t row) {
        n = n_runs = 0;
        while (center_ < pairs_.n_centers && n < most) {
            const std::int64_t left = pairs_.end(center_) - next_;
            const std::int64_t count = std::min<std::int64_t>(left, most - n);
            if (count > 0) {
                runs[n_runs++] = {center_, next_, count};
                n += static_cast<int>(count);
            }
            next_ += count;
            if (count == left && ++center_ < pairs_.n_centers) {
                next_ = pairs_.begin(center_);
            }
        }
        std::int64_t b = 0;
        for_lists([&](std::int64_t first, std::int64_t count) __attribute__((always_inline)) {
            const std::int64_t readable = pairs_.row_ptr[pairs_.n_centers] - first;
            std::copy_n(pairs_.neighbor + first, count, neighbor + b);
            fill_places<bytes>(input.table, row, input.distances + first, count, readable, offset + b, t + b);
            b += count;
        });
    }

    // f(first pair, how many) of all bonds: of a list that is all half they follow one another.
    template <typename F>
    GNNCV_INLINE void for_lists(const F& f) const {
        if (n_runs > 0 && runs[n_runs - 1].first + runs[n_runs - 1].n - runs[0].first == n) {
            f(runs[0].first, std::int64_t{n});
            return;
        }
        for (int r = 0; r < n_runs; ++r) {
            f(runs[r].first, runs[r].n);
        }
    }

private:
    PairRows pairs_;
    std::int64_t center_, next_; // and its next bond
};

} // namespace gnncv::kernels
