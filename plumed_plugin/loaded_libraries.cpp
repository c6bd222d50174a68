#include "loaded_libraries.h"

#include <dlfcn.h>
#include <link.h>

namespace gnncv_plumed {
namespace {

std::string file_name(const std::string& path) {
    return path.substr(path.find_last_of('/') + 1);
}

int add_path(dl_phdr_info* info, std::size_t /*size*/, void* paths) {
    static_cast<std::vector<std::string>*>(paths)->emplace_back(info->dlpi_name);
    return 0;
}

} // namespace

std::vector<std::string> loaded_libraries(const std::string& start) {
    std::vector<std::string> paths;
    dl_iterate_phdr(add_path, &paths);
    std::vector<std::string> found;
    for (const std::string& path : paths) {
        if (file_name(path).compare(0, start.size(), start) == 0) {
            found.push_back(path);
        }
    }
    return found;
}

void* find_in(const std::string& library, const char* symbol) {
    void* handle = dlopen(library.empty() ? nullptr : library.c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) {
        return nullptr;
    }
    void* found = dlsym(handle, symbol);
    dlclose(handle);
    return found;
}

std::string own_folder() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr) {
        return ".";
    }
    const std::string path = info.dli_fname;
    const std::size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

} // namespace gnncv_plumed
