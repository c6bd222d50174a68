// Calls into libtorch: none of its exceptions leaves, and its threads are as many as were asked for.
#pragma once

#include "core/workers.h"
#include "gnncv/error.h"

#include <exception>
#include <string>

namespace gnncv {

// What went wrong, without libtorch's backtrace and without TorchScript's: their last line says it.
[[nodiscard]] std::string plain_message(const std::exception& error);

// f(), with any foreign exception turned into ModelError("what: ...").
template <typename F>
auto guarded(const std::string& what, const F& f) {
    try {
        return f();
    } catch (const Error&) {
        throw;
    } catch (const std::exception& error) {
        throw ModelError(what + ": " + plain_message(error));
    }
}

// libtorch's number of threads for the time of one call; 0 leaves it alone.
class ThreadCount {
public:
    explicit ThreadCount(int n);
    ~ThreadCount();
    ThreadCount(const ThreadCount&) = delete;
    ThreadCount& operator=(const ThreadCount&) = delete;

private:
    int before_;
    bool changed_;
};

// The core's loops on libtorch's threads.
[[nodiscard]] Workers libtorch_workers();

} // namespace gnncv
