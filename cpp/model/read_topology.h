// The kinds of sites of a model, from the attributes of its TorchScript file.
#pragma once

#include "core/topology.h"
#include "model/torch_module.h"

namespace gnncv {

// `species` names all kinds; the molecules among them, which come first, are described by the attributes
// molecule_*, which a model of atoms lacks. Throws torch's errors and ModelError.
[[nodiscard]] Topology read_topology(const torch::jit::Module& module);

} // namespace gnncv
