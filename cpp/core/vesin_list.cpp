#include "core/vesin_list.h"

#include "gnncv/error.h"

#include <dlfcn.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <string>

namespace gnncv {
namespace {

// A function of the vesin that this library is linked to. Looked up there, and not among all names in the
// process: PLUMED 2.10 exports functions of an older vesin under the same names, and comes first in programs
// linked to it.
template <typename F>
F* of_vesin(const char* name, F* linked) {
    void* library = dlopen("libvesin.so", RTLD_NOW | RTLD_NOLOAD);
    void* found = library != nullptr ? dlsym(library, name) : nullptr;
    return found != nullptr ? reinterpret_cast<F*>(found) : linked;
}

} // namespace

VesinList::VesinList()
    : neighbors_(of_vesin("vesin_neighbors", &vesin_neighbors)), free_(of_vesin("vesin_free", &vesin_free)) {}

VesinList::~VesinList() {
    free_(&list_);
}

void VesinList::find(std::span<const double> points, const Box& box, double cutoff, bool with_shifts,
                     int n_threads) {
    if (with_shifts != with_shifts_) { // not relied on that vesin can change its mind
        free_(&list_);
        with_shifts_ = with_shifts;
    }
    VesinOptions options{};
    options.cutoff = cutoff;
    options.full = false;
    options.sorted = false;
    options.algorithm = VesinAutoAlgorithm;
    options.skin = 0.0;
    options.n_threads = n_threads;
    options.return_shifts = with_shifts;
    const char* error = nullptr;
    const int status = neighbors_(reinterpret_cast<const double (*)[3]>(points.data()), points.size() / 3,
                                  reinterpret_cast<const double (*)[3]>(box.matrix().data()),
                                  box.periodic().data(), VesinDevice{VesinCPU, 0}, options, &list_, &error);
    if (status != 0) {
        throw Error("the neighbor list could not be built: " +
                    std::string(error != nullptr ? error : "unknown error"));
    }
}

void VesinList::release_if_long() {
    constexpr std::size_t is_long = 1 << 18; // below it, fresh memory would cost more than it is worth
    if (list_.length < is_long) {
        return;
    }
    free_(&list_);
#ifdef __GLIBC__
    malloc_trim(0); // what the list grew in, too
#endif
}

} // namespace gnncv
