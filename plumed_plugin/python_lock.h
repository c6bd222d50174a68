// Python's lock, when Python drives PLUMED: libtorch refuses a backward pass while its caller holds it.
#pragma once

namespace gnncv_plumed {

// Releases Python's lock, if this thread holds it, until the end of the scope. Without Python in the process
// it does nothing.
class PythonUnlocked {
public:
    PythonUnlocked();
    ~PythonUnlocked();
    PythonUnlocked(const PythonUnlocked&) = delete;
    PythonUnlocked& operator=(const PythonUnlocked&) = delete;

private:
    void* thread_state_ = nullptr;
};

} // namespace gnncv_plumed
