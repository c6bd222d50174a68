// The errors gnncv throws. Each message names the thing, its value and the way out.
#pragma once

#include "gnncv/export.h"

#include <stdexcept>
#include <string>

namespace gnncv {

class GNNCV_API Error : public std::runtime_error {
public:
    explicit Error(const std::string& message) : std::runtime_error(message) {}
};

// An argument cannot be used: its size, its value, or an unknown name.
class GNNCV_API InvalidArgument : public Error {
public:
    explicit InvalidArgument(const std::string& message) : Error(message) {}
};

// A model file is missing, truncated, foreign or newer, or its model cannot be evaluated.
class GNNCV_API ModelError : public Error {
public:
    explicit ModelError(const std::string& message) : Error(message) {}
};

// The device asked for does not exist, or this build cannot use it.
class GNNCV_API DeviceError : public Error {
public:
    explicit DeviceError(const std::string& message) : Error(message) {}
};

} // namespace gnncv
