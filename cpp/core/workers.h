// How the core's loops are shared between threads; it has none of its own.
#pragma once

#include <cstddef>
#include <functional>

namespace gnncv {

struct Workers {
    int n_threads = 1;
    // Calls share(0) .. share(n - 1), in any order, perhaps at the same time, and returns when all are done.
    std::function<void(int n, const std::function<void(int)>& share)> run;

    // How many shares to make of n items: none so small that waking a thread for it would not pay.
    [[nodiscard]] int shares_of(std::size_t n) const {
        constexpr std::size_t fewest = 256;
        const std::size_t most = n / fewest;
        return n_threads <= 1 || !run || most <= 1          ? 1
               : most < static_cast<std::size_t>(n_threads) ? static_cast<int>(most)
                                                            : n_threads;
    }

    // f(share, begin, end) for equal shares of 0 .. n-1; the shares do not depend on timing.
    template <typename F>
    void for_shares(std::size_t n, const F& f) const {
        const int n_shares = shares_of(n);
        const auto one = [&](int share) {
            const auto k = static_cast<std::size_t>(share), all = static_cast<std::size_t>(n_shares);
            f(share, n * k / all, n * (k + 1) / all);
        };
        if (n_shares == 1) {
            one(0);
        } else {
            run(n_shares, one);
        }
    }
};

} // namespace gnncv
