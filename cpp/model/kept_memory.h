// Large tensors of an evaluation leave their memory to the next one: a step's tensors are nearly as large as
// the last step's, and fresh pages from the system cost more than what is written to them.
#pragma once

namespace gnncv {

// While one of these lives, libtorch's tensors on the CPU are put into memory kept from earlier ones. They
// may outlive it.
class KeptMemory {
public:
    KeptMemory();
    ~KeptMemory();
    KeptMemory(const KeptMemory&) = delete;
    KeptMemory& operator=(const KeptMemory&) = delete;
};

// Give what is kept and not in use to the system, as when something else needs the room for a while.
void release_kept_memory();

} // namespace gnncv
