// Memory that grows and keeps no values: numbers are not zeroed, so that pages never written cost nothing.
#pragma once

#include "core/pages.h"

#include <cstddef>

namespace gnncv {

template <typename T>
class Buffer {
public:
    // Room for n numbers. What was there before is lost if it has to grow.
    T* reserve(std::size_t n) {
        if (n > storage_.size()) {
            storage_ = {}; // before the new one is there
            storage_ = PageVector<T>(n);
        }
        return data();
    }
    [[nodiscard]] T* data() { return storage_.data(); }
    [[nodiscard]] const T* data() const { return storage_.data(); }

private:
    PageVector<T> storage_;
};

} // namespace gnncv
