// gnncv._core: gnncv::CollectiveVariable with NumPy arrays. Conversions only.
#include "gnncv/gnncv.h"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

namespace py = pybind11;
using namespace py::literals;

namespace {

using Array = py::array_t<double, py::array::c_style | py::array::forcecast>;

gnncv::View<const double> view(const Array& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
}

gnncv::Cell make_cell(const Array& vectors, const std::array<bool, 3>& periodic) {
    if (vectors.size() != 9) {
        throw gnncv::InvalidArgument("the cell holds " + std::to_string(vectors.size()) +
                                     " numbers, expected 3 x 3");
    }
    gnncv::Cell cell;
    std::copy_n(vectors.data(), 9, cell.vectors.begin());
    cell.periodic = periodic;
    return cell;
}

py::array_t<double> copy(const std::vector<double>& values, const std::vector<py::ssize_t>& shape) {
    py::array_t<double> array(shape);
    std::copy(values.begin(), values.end(), array.mutable_data());
    return array;
}

// values (K), outputs, gradients (G,N,3), strain gradients (G,3,3)
py::tuple compute(gnncv::CollectiveVariable& cv, const Array& positions, const Array& vectors,
                  const std::array<bool, 3>& periodic,
                  const std::optional<std::vector<std::string>>& outputs) {
    const gnncv::Cell cell = make_cell(vectors, periodic);
    const gnncv::Result* result = nullptr;
    {
        const py::gil_scoped_release release;
        result = &(outputs ? cv.compute(view(positions), cell, *outputs) : cv.compute(view(positions), cell));
    }
    const auto g = static_cast<py::ssize_t>(result->outputs.size());
    return py::make_tuple(copy(result->values, {static_cast<py::ssize_t>(result->values.size())}),
                          result->outputs,
                          copy(result->gradients, {g, static_cast<py::ssize_t>(result->n_atoms), 3}),
                          copy(result->strain_gradients, {g, 3, 3}));
}

py::array_t<double> per_site(gnncv::CollectiveVariable& cv, const Array& positions, const Array& vectors,
                             const std::array<bool, 3>& periodic) {
    const gnncv::Cell cell = make_cell(vectors, periodic);
    const std::vector<double>* sites = nullptr;
    {
        const py::gil_scoped_release release;
        sites = &cv.per_site(view(positions), cell);
    }
    return copy(*sites, {static_cast<py::ssize_t>(cv.site_kinds().size()),
                         static_cast<py::ssize_t>(cv.site_names().size())});
}

py::dict statistics(const gnncv::CollectiveVariable& cv) {
    const gnncv::Statistics& s = cv.statistics();
    return py::dict("n_pairs"_a = s.n_pairs, "n_candidates"_a = s.n_candidates,
                    "n_evaluations"_a = s.n_evaluations, "n_rebuilds"_a = s.n_rebuilds,
                    "n_backward"_a = s.n_backward, "seconds_neighbors"_a = s.seconds_neighbors,
                    "seconds_model"_a = s.seconds_model, "seconds_chain_rule"_a = s.seconds_chain_rule);
}

// C++ errors become the Python ones of the same name in gnncv.errors.
void translate(std::exception_ptr pointer) {
    const auto raise = [](const char* name, const std::exception& error) {
        py::set_error(py::module_::import("gnncv.errors").attr(name), error.what());
    };
    try {
        std::rethrow_exception(pointer);
    } catch (const gnncv::InvalidArgument& error) {
        raise("InvalidArgument", error);
    } catch (const gnncv::ModelError& error) {
        raise("ModelError", error);
    } catch (const gnncv::DeviceError& error) {
        raise("DeviceError", error);
    } catch (const gnncv::Error& error) {
        raise("GnncvError", error);
    }
}

} // namespace

PYBIND11_MODULE(_core, module) {
    module.doc() = "gnncv's C++ core; use gnncv.CollectiveVariable";
    py::register_exception_translator(translate);
    using CV = gnncv::CollectiveVariable;
    py::class_<CV>(module, "CollectiveVariable")
        .def(py::init([](const std::string& path, const std::string& device, double skin, int num_threads,
                         const std::string& precision) {
                 const py::gil_scoped_release release;
                 return std::make_unique<CV>(path,
                                             gnncv::Options{device, skin, num_threads, precision, nullptr});
             }),
             "path"_a, "device"_a, "skin"_a, "num_threads"_a, "precision"_a)
        .def("bind", &CV::bind, "symbols"_a)
        .def("compute", compute, "positions"_a, "cell"_a, "pbc"_a, "outputs"_a)
        .def("per_site", per_site, "positions"_a, "cell"_a, "pbc"_a)
        .def_property_readonly("names", &CV::names)
        .def_property_readonly("site_names", &CV::site_names)
        .def_property_readonly("species", &CV::species)
        .def_property_readonly("kinds", &CV::kinds)
        .def("molecule", &CV::molecule, "kind"_a)
        .def_property_readonly("site_kinds", &CV::site_kinds)
        .def_property_readonly("first_atoms", &CV::first_atoms)
        .def_property_readonly("n_atoms", &CV::n_atoms)
        .def_property_readonly("metadata", &CV::metadata)
        .def_property_readonly("cutoff", &CV::cutoff)
        .def_property_readonly("skin", &CV::skin)
        .def_property_readonly("precision", &CV::precision)
        .def_property_readonly("hops", &CV::hops)
        .def_property_readonly("hash", &CV::hash)
        .def_property_readonly("remarks", &CV::remarks)
        .def_property_readonly("statistics", statistics);
}
