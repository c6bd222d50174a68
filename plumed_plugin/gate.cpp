// libgnncv_plumed.so, the file to LOAD. It needs neither PLUMED nor torch, so it can be loaded into anything;
// it looks at what this process runs, and opens the action beside it if that was built for it. If not, it
// says why in one sentence, where opening the action at once would fail with the name of a missing symbol.
#include "loaded_libraries.h"

#include <cstdio>
#include <dlfcn.h>
#include <fstream>
#include <string>
#include <vector>

namespace gnncv_plumed {
namespace {

constexpr int LIBRARY_FOR_GOOD = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND;

const char* const REBUILD = ": build the plugin again, with `gnncv plumed build --plumed ";

// PLMD::config::getVersionLong() and PLMD::Communicator::plumedHasMPI().
constexpr const char* VERSION_SYMBOL = "_ZN4PLMD6config14getVersionLongB5cxx11Ev";
constexpr const char* MPI_SYMBOL = "_ZN4PLMD12Communicator12plumedHasMPIEv";

struct Kernel {
    std::string path;
    std::string version;
    bool has_mpi = false;
};

std::string described(const std::string& version, bool has_mpi) {
    return "PLUMED " + version + (has_mpi ? " with MPI" : " without MPI");
}

// The PLUMED kernels in this process: libraries, or the program itself.
std::vector<Kernel> running_kernels() {
    std::vector<Kernel> kernels;
    std::vector<std::string> places = loaded_libraries("lib");
    places.emplace_back(""); // the program, where PLUMED is linked into the engine
    for (const std::string& path : places) {
        if (!path.empty() && path.find("lumed") == std::string::npos) {
            continue;
        }
        void* version = find_in(path, VERSION_SYMBOL);
        void* has_mpi = find_in(path, MPI_SYMBOL);
        if (version != nullptr && has_mpi != nullptr) {
            kernels.push_back({path, reinterpret_cast<std::string (*)()>(version)(),
                               reinterpret_cast<bool (*)()>(has_mpi)()});
        }
    }
    return kernels;
}

std::string quarrel_with_plumed() {
    const std::vector<Kernel> kernels = running_kernels();
    for (const Kernel& kernel : kernels) {
        if (kernel.version == BUILT_FOR_PLUMED && kernel.has_mpi == (BUILT_FOR_MPI != 0)) {
            return "";
        }
    }
    const std::string built_for =
        described(BUILT_FOR_PLUMED, BUILT_FOR_MPI != 0) + " (" BUILT_FOR_COMMAND ")";
    if (kernels.empty()) {
        return "it was built for " + built_for +
               ", and no PLUMED of version 2.9 or newer runs in this process";
    }
    return "it was built for " + built_for + " and this process runs " +
           described(kernels.front().version, kernels.front().has_mpi) + " (" + kernels.front().path + ")" +
           REBUILD + "FILE` where FILE is that PLUMED's command";
}

// What a Python file assigns to a name as a string; empty if there is no such file or assignment.
std::string assigned(const std::string& file, const std::string& name) {
    std::ifstream stream(file);
    std::string line;
    while (std::getline(stream, line)) {
        const std::size_t open = line.find_first_of("'\"");
        if (line.compare(0, name.size(), name) == 0 && open != std::string::npos &&
            (line[name.size()] == ' ' || line[name.size()] == ':' || line[name.size()] == '=')) {
            return line.substr(open + 1, line.find_first_of("'\"", open + 1) - open - 1);
        }
    }
    return "";
}

// Major and minor version and what follows the plus sign: between patch versions torch's interface stays.
std::string torch_interface(const std::string& version) {
    const std::size_t plus = version.find('+');
    const std::size_t minor = version.find('.', version.find('.') + 1);
    return version.substr(0, minor) + (plus == std::string::npos ? "" : version.substr(plus));
}

// The version of a torch from its folder: Python's package says it in version.py, the C++ one in
// build-version.
std::string torch_version(const std::string& folder) {
    std::string version = assigned(folder + "/version.py", "__version__");
    if (version.empty()) {
        std::ifstream stream(folder + "/build-version");
        std::getline(stream, version);
    }
    return version;
}

std::string quarrel_with_torch() {
    const std::string package = GNNCV_PACKAGE;
    const std::string gnncv = assigned(package + "/_built_for.py", "VERSION");
    const std::string built_for = assigned(package + "/_built_for.py", "TORCH_VERSION");
    const std::string torch_folder = package + "/../torch";
    const std::string installed = torch_version(torch_folder);
    if (gnncv != BUILT_FOR_GNNCV || built_for != BUILT_FOR_TORCH) {
        return "it was built for gnncv " BUILT_FOR_GNNCV " and torch " BUILT_FOR_TORCH " in " + package +
               ", where " +
               (gnncv.empty() ? "no gnncv is now"
                              : "gnncv " + gnncv + " and torch " + built_for + " are now") +
               REBUILD + BUILT_FOR_COMMAND "`";
    }
    if (torch_interface(installed) != torch_interface(BUILT_FOR_TORCH)) {
        return "it was built for torch " BUILT_FOR_TORCH ", and " + torch_folder + " has " +
               (installed.empty() ? "none" : "torch " + installed) +
               ": install torch " BUILT_FOR_TORCH ", or install gnncv again and build the plugin again";
    }
    for (const std::string& path : loaded_libraries("libtorch_cpu.so")) {
        const std::string folder = path.substr(0, path.find_last_of('/'));
        const std::string running = torch_version(folder + "/..");
        if (torch_interface(running) != torch_interface(BUILT_FOR_TORCH)) {
            return "it was built for torch " BUILT_FOR_TORCH " and this process has loaded " +
                   (running.empty() ? "another" : "torch " + running) + " (" + path +
                   "): a process can have one torch only";
        }
    }
    return "";
}

// PLUMED 2.9 forgets the action that a library registered when it is unloaded, but not the function that
// tells its keywords, and calls that when the library comes back, wherever it was before: there the action
// stays for good.
constexpr int ACTION = RTLD_NOW | RTLD_LOCAL | (KEEP_ACTION_LOADED ? RTLD_NODELETE : 0);

// Opens the action when this library is loaded and closes it when it is unloaded, so that PLUMED's list of
// actions stays true when PLUMED is closed and opened again. libgnncv and torch stay for good: torch cannot
// be unloaded.
class Gate {
public:
    Gate() {
        std::string quarrel = quarrel_with_plumed();
        if (quarrel.empty()) {
            quarrel = quarrel_with_torch();
        }
        if (quarrel.empty() && dlopen(GNNCV_PACKAGE "/lib/libgnncv.so", LIBRARY_FOR_GOOD) == nullptr) {
            quarrel = std::string("gnncv's library does not load: ") + dlerror();
        }
        if (quarrel.empty()) {
            action_ = dlopen((own_folder() + "/libgnncv_plumed_action.so").c_str(), ACTION);
            quarrel = action_ == nullptr ? std::string("its action does not load: ") + dlerror() : "";
        }
        if (!quarrel.empty()) {
            std::fprintf(stderr, "gnncv: %s/libgnncv_plumed.so is of no use here: %s\n", own_folder().c_str(),
                         quarrel.c_str());
        }
    }
    ~Gate() {
        if (action_ != nullptr) {
            dlclose(action_);
        }
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

private:
    void* action_ = nullptr;
};

const Gate gate;

} // namespace
} // namespace gnncv_plumed
