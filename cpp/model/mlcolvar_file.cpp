// Which TorchScript archives hold a graph model of mlcolvar.
#include "model/mlcolvar_model.h"

#include <caffe2/serialize/inline_container.h>

#include <algorithm>

namespace gnncv {
namespace {

// All code in the archive: classes with their attributes, and the keys that are taken from the input.
std::string code_of(const std::string& path) {
    caffe2::serialize::PyTorchStreamReader reader(path);
    std::string code;
    if (reader.hasRecord("extra/gnncv_format")) { // one of ours, whatever its code says
        return code;
    }
    for (const std::string& name : reader.getAllRecords()) {
        if (name.rfind("code/", 0) == 0 && name.size() > 3 && name.compare(name.size() - 3, 3, ".py") == 0) {
            const auto [data, size] = reader.getRecord(name);
            code.append(static_cast<const char*>(data.get()), size);
        }
    }
    return code;
}

} // namespace

bool is_mlcolvar_model(const std::string& path) {
    std::string code;
    try {
        code = code_of(path);
    } catch (const std::exception&) {
        return false;
    }
    const auto declares = [&](const char* attribute) {
        return code.find(std::string("  ") + attribute + " : ") != std::string::npos;
    };
    const auto takes = [&](const char* key) {
        return code.find(std::string("[\"") + key + "\"]") != std::string::npos;
    };
    return (declares("n_out") || declares("n_cvs")) && (declares("cutoff") || declares("r_max")) &&
           declares("atomic_numbers") && takes("edge_index") && takes("shifts") && takes("node_attrs");
}

} // namespace gnncv
