#include "model/kept_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>

namespace gnncv {
namespace {

constexpr std::size_t smallest = 1 << 16; // bytes; what is smaller the system's allocator keeps itself
constexpr std::align_val_t alignment{64};

// Blocks of a few sizes for each power of two, so that a block serves the next step, whose tensors are a
// little larger or smaller. A block's size stands before it.
class Allocator final : public c10::Allocator {
public:
    c10::DataPtr allocate(std::size_t n) override {
        if (n < smallest) {
            return before->allocate(n);
        }
        void* data = take(rounded(n));
        return {data, data, &give_back, c10::Device(c10::DeviceType::CPU)};
    }
    void copy_data(void* to, const void* from, std::size_t n) const override {
        default_copy_data(to, from, n);
    }

    c10::Allocator* before = nullptr;
    int n_users = 0;
    std::mutex mutex;

private:
    static std::size_t rounded(std::size_t n) {
        std::size_t step = smallest / 8;
        while (8 * step < n) {
            step *= 2;
        }
        step /= 2;
        return std::max(smallest, (n + step - 1) / step * step);
    }

    void* take(std::size_t n) {
        const std::lock_guard lock(mutex);
        in_use_ += n;
        most_in_use_ = std::max(most_in_use_, in_use_);
        if (const auto found = kept_.find(n); found != kept_.end()) {
            void* data = found->second;
            kept_.erase(found);
            kept_bytes_ -= n;
            return data;
        }
        if (in_use_ + kept_bytes_ > most_in_use_ + most_in_use_ / 4) { // sizes have changed: begin anew
            for (const auto& [size, data] : kept_) {
                ::operator delete(base(data), alignment);
            }
            kept_.clear();
            kept_bytes_ = 0;
        }
        void* data = static_cast<char*>(::operator new(n + header, alignment)) + header;
        *static_cast<std::size_t*>(base(data)) = n;
        return data;
    }

    static void give_back(void* data);

    void keep(void* data) {
        const std::lock_guard lock(mutex);
        const std::size_t n = *static_cast<std::size_t*>(base(data));
        in_use_ -= n;
        kept_bytes_ += n;
        kept_.emplace(n, data);
    }

    static constexpr std::size_t header = 64;
    static void* base(void* data) { return static_cast<char*>(data) - header; }

    std::multimap<std::size_t, void*> kept_;
    std::size_t in_use_ = 0, kept_bytes_ = 0, most_in_use_ = 0;
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
