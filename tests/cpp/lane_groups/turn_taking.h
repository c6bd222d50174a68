// A group of lanes on the CPU, as strict as a warp can be: the lanes take turns, and each runs as far ahead
// of the others as the group's operations let it. A missing sync() shows as a wrong number, and lanes that do
// not meet in the same operation as an error.
#pragma once

#include <ucontext.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

namespace lane_groups {

template <int n_lanes>
class TurnTaking {
public:
    class Lane {
    public:
        static constexpr int size = n_lanes;
        Lane(TurnTaking& group, int lane) : group_(&group), lane_(lane) {}
        int lane() const { return lane_; }
        template <typename T>
        T across(T x, int distance) const {
            std::uint64_t bits = 0;
            std::memcpy(&bits, &x, sizeof x);
            bits = group_->exchange(lane_, bits, lane_ ^ distance, 'a');
            std::memcpy(&x, &bits, sizeof x);
            return x;
        }
        void sync() const { (void)group_->exchange(lane_, 0, lane_, 's'); }

    private:
        TurnTaking* group_;
        int lane_;
    };

    // body(lane) for all lanes at once.
    void run(const std::function<void(const Lane&)>& body) {
        body_ = &body;
        for (int lane = 0; lane < n_lanes; ++lane) {
            State& state = states_[lane];
            state = State{};
            getcontext(&contexts_[lane]);
            contexts_[lane].uc_stack.ss_sp = stacks_[lane].data();
            contexts_[lane].uc_stack.ss_size = stacks_[lane].size();
            contexts_[lane].uc_link = &caller_;
            current_ = this;
            starting_ = lane;
            makecontext(&contexts_[lane], reinterpret_cast<void (*)()>(&TurnTaking::start), 0);
        }
        int n_done = 0;
        while (n_done < n_lanes) {
            n_done = 0;
            for (int lane = 0; lane < n_lanes; ++lane) {
                if (!states_[lane].done) {
                    current_ = this;
                    starting_ = lane;
                    swapcontext(&caller_, &contexts_[lane]);
                }
                n_done += states_[lane].done ? 1 : 0;
            }
            check_all_done_or_none(n_done);
        }
    }

private:
    struct State {
        bool done = false;
        std::uint64_t n_operations = 0;
        std::uint64_t posted[2] = {0, 0}; // of the last two operations
        char kind[2] = {0, 0};
    };

    static void start() {
        TurnTaking& group = *current_;
        const int lane = starting_;
        (*group.body_)(Lane(group, lane));
        group.states_[lane].done = true;
    }

    // Post, let all others reach the same operation, read.
    std::uint64_t exchange(int lane, std::uint64_t bits, int other, char kind) {
        State& mine = states_[lane];
        const int turn = static_cast<int>(mine.n_operations++ % 2);
        mine.posted[turn] = bits;
        mine.kind[turn] = kind;
        swapcontext(&contexts_[lane], &caller_);
        for (const State& state : states_) {
            if (state.n_operations < mine.n_operations || state.kind[turn] != kind) {
                fail("lanes are at different operations");
            }
        }
        return states_[other].posted[turn];
    }

    static void check_all_done_or_none(int n_done) {
        if (n_done != 0 && n_done != n_lanes) {
            fail("some lanes have ended, others wait for them");
        }
    }
    [[noreturn]] static void fail(const char* what) {
        std::fprintf(stderr, "%s\n", what);
        std::exit(2);
    }

    static constexpr std::size_t stack_bytes = 256 << 10;
    static inline TurnTaking* current_ = nullptr;
    static inline int starting_ = 0;
    const std::function<void(const Lane&)>* body_ = nullptr;
    std::vector<State> states_ = std::vector<State>(n_lanes);
    std::vector<std::vector<char>> stacks_ =
        std::vector<std::vector<char>>(n_lanes, std::vector<char>(stack_bytes));
    std::vector<ucontext_t> contexts_ = std::vector<ucontext_t>(n_lanes);
    ucontext_t caller_{};
};

} // namespace lane_groups
