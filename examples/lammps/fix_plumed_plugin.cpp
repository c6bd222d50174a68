// Makes `fix plumed` known to a LAMMPS that was compiled without it: `plugin load fix_plumed.so`.
#include "fix_plumed.h"
#include "lammpsplugin.h"

namespace {

LAMMPS_NS::Fix* create(LAMMPS_NS::LAMMPS* lammps, int n_words, char** words) {
    return new LAMMPS_NS::FixPlumed(lammps, n_words, words);
}

} // namespace

extern "C" void lammpsplugin_init(void* lammps, void* handle, void* registration) {
    lammpsplugin_t plugin = {};
    plugin.version =
        "any"; // LAMMPS warns that this is not its own version: the wheel's headers do not say it
    plugin.style = "fix";
    plugin.name = "plumed";
    plugin.info = "LAMMPS' own fix plumed";
    plugin.author = "the authors of LAMMPS";
    plugin.creator.v1 = reinterpret_cast<lammpsplugin_factory1*>(create);
    plugin.handle = handle;
    reinterpret_cast<lammpsplugin_regfunc>(registration)(&plugin, lammps);
}
