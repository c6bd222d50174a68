// A contiguous array that somebody else owns: a pointer and a count (std::span, for C++17).
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

namespace gnncv {

template <typename T>
class View {
public:
    constexpr View() = default;
    constexpr View(T* data, std::size_t size) : data_(data), size_(size) {}

    // A vector can be viewed for as long as it is neither resized nor destroyed.
    View(const std::vector<std::remove_const_t<T>>& values) : data_(values.data()), size_(values.size()) {}

    [[nodiscard]] constexpr T* data() const { return data_; }
    [[nodiscard]] constexpr std::size_t size() const { return size_; }
    [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
    [[nodiscard]] constexpr T* begin() const { return data_; }
    [[nodiscard]] constexpr T* end() const { return data_ + size_; }
    constexpr T& operator[](std::size_t i) const { return data_[i]; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace gnncv
