#include "python_lock.h"

#include <dlfcn.h>

namespace gnncv_plumed {
namespace {

// The four functions of Python's stable interface that are needed, found in the running process: linking to
// one libpython would shut out all others.
struct Python {
    int (*is_initialized)() = find<int (*)()>("Py_IsInitialized");
    int (*holds_lock)() = find<int (*)()>("PyGILState_Check");
    void* (*release)() = find<void* (*)()>("PyEval_SaveThread");
    void (*restore)(void*) = find<void (*)(void*)>("PyEval_RestoreThread");

    template <typename Function>
    static Function find(const char* name) {
        return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
    }

    [[nodiscard]] bool locked() const {
        return is_initialized != nullptr && holds_lock != nullptr && release != nullptr &&
               restore != nullptr && is_initialized() != 0 && holds_lock() != 0;
    }
};

const Python& python() {
    static const Python found;
    return found;
}

} // namespace

PythonUnlocked::PythonUnlocked() {
    if (python().locked()) {
        thread_state_ = python().release();
    }
}

PythonUnlocked::~PythonUnlocked() {
    if (thread_state_ != nullptr) {
        python().restore(thread_state_);
    }
}

} // namespace gnncv_plumed
