// PLUMED's processes as the core knows them.
#pragma once

#include "gnncv/communicator.h"

#include "tools/Communicator.h"

namespace gnncv_plumed {

class PlumedCommunicator : public gnncv::Communicator {
public:
    explicit PlumedCommunicator(PLMD::Communicator& processes) : processes_(processes) {}

    [[nodiscard]] int rank() const override { return processes_.Get_rank(); }
    [[nodiscard]] int size() const override { return processes_.Get_size(); }
    void sum(double* numbers, std::size_t n) override { processes_.Sum(numbers, static_cast<int>(n)); }

private:
    PLMD::Communicator& processes_;
};

} // namespace gnncv_plumed
