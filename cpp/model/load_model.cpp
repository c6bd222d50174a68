// Which kind of model a file holds, decided before any of it is run.
#include "gnncv/error.h"
#include "model/mlcolvar_model.h"
#include "model/model.h"
#include "model/torchscript_model.h"

namespace gnncv {

std::unique_ptr<Model> load_model(const std::string& path, int num_threads, const std::string& precision,
                                  int device) {
    if (!precision.empty() && precision != "float32" && precision != "float64") {
        throw InvalidArgument("precision '" + precision +
                              "' is not known: use float32 or float64, or nothing "
                              "for the model's own");
    }
    if (is_mlcolvar_model(path)) {
        if (device >= 0) {
            throw DeviceError("'" + path +
                              "' is a model of mlcolvar's, which gnncv evaluates on the CPU: use "
                              "device 'cpu'");
        }
        return load_mlcolvar_model(path, num_threads, precision);
    }
    return load_torchscript_model(path, num_threads, precision, device);
}

} // namespace gnncv
