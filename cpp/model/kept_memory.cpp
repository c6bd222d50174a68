#include "model/kept_memory.h"

#include "core/pages.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

namespace gnncv {
namespace {

constexpr std::size_t smallest = 1 << 16; // bytes; what is smaller the system's allocator keeps itself
constexpr std::size_t alignment = 64;

// Blocks are cut from the front of the first free range that is long enough, so that what a step touches
// stays as small as what it holds at once. A block's size stands before it. The first step takes each range
// as it is needed; as soon as nothing is in use several ranges give way to one, of which pages never written
// cost nothing.
class Allocator final : public c10::Allocator {
public:
    c10::DataPtr allocate(std::size_t n) override {
        if (n < smallest) {
            return before->allocate(n);
        }
        void* data = take((n + alignment - 1) / alignment * alignment + header);
        return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
    }
    void copy_data(void* to, const void* from, std::size_t n) const override {
        default_copy_data(to, from, n);
    }

    // Give to the system what is not in use.
    void release() {
        const std::lock_guard lock(mutex);
        drop_unused_ranges();
        if (wanted_ > 2 * most_in_use_) {
            wanted_ = with_gaps(most_in_use_);
        }
        most_in_use_ = in_use_;
    }

    c10::Allocator* before = nullptr;
    int n_users = 0;
    std::mutex mutex;

private:
    // Keeps the numbers of two blocks of a power of two from the same places in the cache.
    static constexpr std::size_t header = alignment;
    // Before each range, so that no block is joined to one of another range.
    static constexpr std::size_t gap = alignment;

    // Steps differ, and gaps are left between blocks.
    static std::size_t with_gaps(std::size_t n) { return n + n / 4; }

    void* take(std::size_t n) {
        const std::lock_guard lock(mutex);
        auto found =
            std::find_if(free_.begin(), free_.end(), [n](const auto& each) { return each.second >= n; });
        if (found == free_.end()) {
            if (in_ranges_ > with_gaps(most_in_use_)) { // sizes have changed
                drop_unused_ranges();
            }
            found = add_range(std::max(n, wanted_));
        }
        const auto [place, size] = *found;
        free_.erase(found);
        if (size > n) {
            free_.emplace(place + n, size - n);
        }
        in_use_ += n;
        most_in_use_ = std::max(most_in_use_, in_use_);
        *reinterpret_cast<std::size_t*>(place) = n;
        return place + header;
    }

    static void give_back(void* data);

    void keep(void* data) {
        const std::lock_guard lock(mutex);
        char* const place = static_cast<char*>(data) - header;
        const std::size_t n = *reinterpret_cast<std::size_t*>(place);
        in_use_ -= n;
        const auto next = free_.lower_bound(place);
        auto joined = free_.emplace_hint(next, place, n);
        if (next != free_.end() && next->first == place + n) {
            joined->second += next->second;
            free_.erase(next);
        }
        if (joined != free_.begin()) {
            const auto last = std::prev(joined);
            if (last->first + last->second == place) {
                last->second += joined->second;
                free_.erase(joined);
            }
        }
        if (in_use_ == 0 && ranges_.size() > 1) {
            wanted_ = std::max(with_gaps(most_in_use_), wanted_ + wanted_ / 8);
            drop_unused_ranges();
        }
    }

    std::map<char*, std::size_t>::iterator add_range(std::size_t n) {
        PageVector<char> pages(gap + n);
        char* const place = pages.data() + gap;
        ranges_.emplace(place, std::move(pages));
        in_ranges_ += n;
        return free_.emplace(place, n).first;
    }

    void drop_unused_ranges() {
        for (auto range = ranges_.begin(); range != ranges_.end();) {
            const auto found = free_.find(range->first);
            const std::size_t n = range->second.size() - gap;
            if (found != free_.end() && found->second == n) {
                free_.erase(found);
                in_ranges_ -= n;
                range = ranges_.erase(range);
            } else {
                ++range;
            }
        }
    }

    std::map<char*, PageVector<char>> ranges_; // by where they begin,
    std::map<char*, std::size_t> free_;        // with their bytes
    std::size_t in_ranges_ = 0, in_use_ = 0, most_in_use_ = 0, wanted_ = 0;
};

// Never destroyed: tensors may live until the very end of the process.
Allocator& allocator() {
    static auto* const one = new Allocator;
    return *one;
}

void Allocator::give_back(void* data) {
    allocator().keep(data);
}

} // namespace

void release_kept_memory() {
    allocator().release();
}

KeptMemory::KeptMemory() {
    Allocator& ours = allocator();
    const std::lock_guard lock(ours.mutex);
    if (ours.n_users++ == 0) {
        ours.before = c10::GetCPUAllocator();
        c10::SetCPUAllocator(&ours);
    }
}

KeptMemory::~KeptMemory() {
    Allocator& ours = allocator();
    const std::lock_guard lock(ours.mutex);
    if (--ours.n_users == 0) {
        c10::SetCPUAllocator(ours.before);
    }
}

} // namespace gnncv
