// Processes that share one evaluation, as an engine offers them (MPI ranks, usually).
#pragma once

#include "gnncv/export.h"

#include <cstddef>

namespace gnncv {

// Every process calls the same functions with the same atoms in the same order.
class GNNCV_API Communicator {
public:
    virtual ~Communicator() = default;
    [[nodiscard]] virtual int rank() const = 0;
    [[nodiscard]] virtual int size() const = 0;

    // Replace the n numbers of each process by their sums over all processes.
    virtual void sum(double* numbers, std::size_t n) = 0;
};

} // namespace gnncv
