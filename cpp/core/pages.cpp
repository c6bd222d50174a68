#include "core/pages.h"

#include <sys/mman.h>

namespace gnncv {
namespace {

constexpr std::size_t smallest = 1 << 20;                // bytes; less is better kept by the C++ library
constexpr std::size_t smallest_of_large_pages = 1 << 21; // the system's are so large, or there are none
constexpr std::align_val_t alignment{64};

} // namespace

void* take_pages(std::size_t n_bytes) {
    if (n_bytes < smallest) {
        return ::operator new(n_bytes, alignment);
    }
    void* data = mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) { // NOLINT(performance-no-int-to-ptr)
        throw std::bad_alloc();
    }
#ifdef MADV_HUGEPAGE
    if (n_bytes >= smallest_of_large_pages) {
        (void)madvise(data, n_bytes, MADV_HUGEPAGE); // a hint
    }
#endif
    return data;
}

void give_pages(void* data, std::size_t n_bytes) noexcept {
    if (n_bytes >= smallest) {
        munmap(data, n_bytes);
    } else {
        ::operator delete(data, alignment);
    }
}

} // namespace gnncv
