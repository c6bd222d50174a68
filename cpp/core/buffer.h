// Memory that grows and keeps no values: numbers are not zeroed, so that pages never written cost nothing.
#pragma once

#include <cstddef>
#include <memory>

namespace gnncv {

template <typename T>
class Buffer {
public:
    // Room for n numbers. What was there before is lost if it has to grow.
    T* reserve(std::size_t n) {
        if (n > capacity_) {
            storage_.reset(); // before the new one is there
            storage_ = std::make_unique_for_overwrite<T[]>(n);
            capacity_ = n;
        }
        return storage_.get();
    }
    [[nodiscard]] T* data() { return storage_.get(); }
    [[nodiscard]] const T* data() const { return storage_.get(); }

private:
    std::unique_ptr<T[]> storage_;
    std::size_t capacity_ = 0;
};

} // namespace gnncv
