// Large blocks of memory straight from the system, which has them back as soon as they are let go of: what
// the C++ library keeps of freed blocks stays with the process.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <vector>

namespace gnncv {

// Aligned to 64 bytes; not written to, so that pages never written cost nothing. Throws std::bad_alloc.
[[nodiscard]] void* take_pages(std::size_t n_bytes);
void give_pages(void* data, std::size_t n_bytes) noexcept;

template <typename T>
struct PageAllocator {
    static_assert(std::is_trivially_copyable_v<T>);
    using value_type = T;

    PageAllocator() = default;
    template <typename U>
    PageAllocator(const PageAllocator<U>&) {}

    T* allocate(std::size_t n) { return static_cast<T*>(take_pages(n * sizeof(T))); }
    void deallocate(T* data, std::size_t n) noexcept { give_pages(data, n * sizeof(T)); }
    template <typename U>
    void construct(U* place) {
        ::new (static_cast<void*>(place)) U; // not zeroed
    }
    template <typename U>
    bool operator==(const PageAllocator<U>&) const {
        return true;
    }
};

// Numbers added by resize have no values.
template <typename T>
using PageVector = std::vector<T, PageAllocator<T>>;

} // namespace gnncv
