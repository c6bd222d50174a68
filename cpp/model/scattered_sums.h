// How operators on half lists add at the neighbors of their centers. For the operators_*.cpp beside it.
#pragma once

#include "kernels/scattered_rows.h"
#include "model/operator_arguments.h"

namespace gnncv {

// sums (N, width) of what f(pairs, rows) adds to rows (zeros at first, of the width of sums) for each share
// of the centers.
template <typename T, typename F>
void add_scattered(const kernels::PairRows& pairs, const Tensor& sums, const F& f) {
    const int64_t n_sites = sums.size(0), n_shares = number_of_shares(pairs.n_centers);
    const Tensor more = at::empty({n_shares - 1, n_sites, sums.size(1)}, sums.options());
    kernels::ScatteredRows<T> scattered(sums.mutable_data_ptr<T>(), more.mutable_data_ptr<T>(), n_sites,
                                        sums.size(1), n_shares);
    for_shares(pairs,
               [&](int64_t share, const kernels::PairRows& part) { f(part, scattered.rows(share, part)); });
    if (n_shares > 1) {
        for_sites(n_sites, [&](int64_t begin, int64_t end) { scattered.add(begin, end); });
    }
}

} // namespace gnncv
