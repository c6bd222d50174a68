// The model behind a TorchScript file: the only place that runs one. No exception of libtorch leaves it.
#include "gnncv/error.h"
#include "model/model.h"
#include "model/model_file.h"

#include <ATen/Parallel.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace gnncv {
namespace {

using at::Tensor;

// What went wrong, without libtorch's backtrace and without TorchScript's: their last line says it.
std::string plain_message(const std::exception& error) {
    const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
    std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    for (const std::string mark : {"RuntimeError: ", "Error: "}) {
        const std::size_t at = text.rfind(mark);
        if (at != std::string::npos && text.find("TorchScript") != std::string::npos) {
            text = text.substr(at + mark.size());
        }
    }
    return text.substr(0, text.find("\nException raised from"));
}

template <typename F>
auto guarded(const std::string& what, const F& f) {
    try {
        return f();
    } catch (const Error&) {
        throw;
    } catch (const std::exception& error) {
        throw ModelError(what + ": " + plain_message(error));
    }
}

// libtorch's number of threads for the time of one call.
class ThreadCount {
public:
    explicit ThreadCount(int n) : before_(at::get_num_threads()), changed_(n > 0 && n != before_) {
        if (changed_) {
            at::set_num_threads(n);
        }
    }
    ~ThreadCount() {
        if (changed_) {
            at::set_num_threads(before_);
        }
    }
    ThreadCount(const ThreadCount&) = delete;
    ThreadCount& operator=(const ThreadCount&) = delete;

private:
    int before_;
    bool changed_;
};

template <typename T>
Tensor borrow(std::span<const T> data, at::IntArrayRef shape, at::ScalarType type) {
    return at::from_blob(const_cast<T*>(data.data()), shape,
                         at::TensorOptions().dtype(type)); // read only by contract
}

class TorchScriptModel final : public Model {
public:
    TorchScriptModel(const std::string& path, int num_threads) : num_threads_(num_threads) {
        info_.metadata = read_model_metadata(path);
        guarded("the model file '" + path +
                    "' cannot be loaded (it is damaged, or was written by a newer torch)",
                [&] {
                    module_ = torch::jit::load(path, at::kCPU);
                    module_.eval();
                    for (const Tensor& parameter : module_.parameters()) {
                        Tensor(parameter).set_requires_grad(false);
                    }
                });
        guarded("the model in '" + path + "' does not keep gnncv's contract", [&] { read_attributes(); });
    }

    const ModelInfo& info() const override { return info_; }

    void evaluate(const PairList& pairs, std::span<const std::int64_t> types,
                  std::span<const std::size_t> outputs, std::span<double> values,
                  const GradientSink& sink) override {
        guarded("the model cannot be evaluated", [&] {
            const ThreadCount threads(num_threads_);
            const torch::jit::GraphOptimizerEnabledGuard plain_interpreter(false);
            const at::AutoGradMode with_gradients(!outputs.empty());
            Tensor vectors = borrow_vectors(pairs);
            if (!outputs.empty()) {
                vectors.requires_grad_(true);
            }
            const Tensor result = module_.get_method("forward")(inputs(pairs, types, vectors)).toTensor();
            read_values(result, values);
            for (std::size_t g = 0; g < outputs.size(); ++g) {
                const bool last = g + 1 == outputs.size();
                sink(g, gradient(result, outputs[g], vectors, !last));
            }
        });
    }

    void site_values(const PairList& pairs, std::span<const std::int64_t> types,
                     std::vector<double>& values) override {
        guarded("the model's per-site values cannot be evaluated", [&] {
            const ThreadCount threads(num_threads_);
            const at::NoGradGuard no_gradients;
            const Tensor sites =
                module_.get_method("site_part")(inputs(pairs, types, borrow_vectors(pairs))).toTensor();
            const Tensor columns =
                module_.get_method("site_values")({sites}).toTensor().to(at::kDouble).contiguous();
            const auto n_columns = static_cast<std::int64_t>(info_.site_names.size());
            const auto n_atoms = static_cast<std::int64_t>(pairs.n_atoms());
            TORCH_CHECK(columns.sizes() == at::IntArrayRef({n_atoms, n_columns}), "site_values has shape ",
                        columns.sizes(), ", expected (", n_atoms, ", ", n_columns, ")");
            const double* data = columns.const_data_ptr<double>();
            values.assign(data, data + columns.numel());
        });
    }

    std::int64_t first_bad_site(const PairList& pairs, std::span<const std::int64_t> types) override {
        return guarded("the model's per-site quantities cannot be evaluated", [&]() -> std::int64_t {
            const at::NoGradGuard no_gradients;
            const Tensor sites =
                module_.get_method("site_part")(inputs(pairs, types, borrow_vectors(pairs))).toTensor();
            const Tensor good = at::isfinite(sites).flatten(1).all(1).contiguous();
            const bool* data = good.const_data_ptr<bool>();
            const bool* bad = std::find(data, data + good.numel(), false);
            return bad == data + good.numel() ? -1 : bad - data;
        });
    }

private:
    at::IValue attribute(const char* name) const {
        TORCH_CHECK(module_.hasattr(name), "it has no attribute '", name, "'");
        return module_.attr(name);
    }

    std::vector<std::string> strings(const char* name) const {
        const at::IValue value = attribute(name);
        TORCH_CHECK(value.isList(), "its attribute '", name, "' is not a list of strings");
        std::vector<std::string> result;
        for (const at::IValue& item : value.toListRef()) {
            result.push_back(item.toStringRef());
        }
        return result;
    }

    void read_attributes() {
        info_.names = strings("output_names");
        info_.site_names = strings("site_names");
        info_.species = strings("species");
        info_.cutoff = attribute("cutoff").toDouble();
        const std::string precision = attribute("precision").toStringRef();
        TORCH_CHECK(precision == "float32" || precision == "float64", "its precision is '", precision,
                    "', expected float32 or float64");
        precision_ = precision == "float32" ? at::kFloat : at::kDouble;
        TORCH_CHECK(std::isfinite(info_.cutoff) && info_.cutoff > 0.0, "its cutoff is ", info_.cutoff,
                    " angstrom");
        TORCH_CHECK(!info_.names.empty() && !info_.species.empty(), "it names no outputs or no species");
        for (const char* method : {"forward", "site_part", "site_values"}) {
            TORCH_CHECK(module_.find_method(method).has_value(), "it has no method '", method, "'");
        }
    }

    // The core's vectors in the model's precision: a view of its memory in float64, a copy in float32.
    Tensor borrow_vectors(const PairList& pairs) const {
        const auto n_pairs = static_cast<std::int64_t>(pairs.n_pairs());
        return borrow<double>(pairs.vectors, {n_pairs, 3}, at::kDouble).to(precision_);
    }

    static std::vector<at::IValue> inputs(const PairList& pairs, std::span<const std::int64_t> types,
                                          const Tensor& vectors) {
        const auto n_pairs = static_cast<std::int64_t>(pairs.n_pairs());
        const auto n_atoms = static_cast<std::int64_t>(pairs.n_atoms());
        return {vectors, borrow<std::int64_t>(pairs.center, {n_pairs}, at::kLong),
                borrow<std::int64_t>(pairs.neighbor, {n_pairs}, at::kLong),
                borrow<std::int64_t>(pairs.row_ptr, {n_atoms + 1}, at::kLong),
                borrow<std::int64_t>(types, {n_atoms}, at::kLong)};
    }

    void read_values(const Tensor& result, std::span<double> values) const {
        const auto expected = static_cast<std::int64_t>(values.size());
        TORCH_CHECK(result.dim() == 1 && result.size(0) == expected, "forward returned shape ",
                    result.sizes(), ", expected (", expected, ",) for its outputs");
        const Tensor plain = result.detach().to(at::kDouble).contiguous();
        std::copy_n(plain.const_data_ptr<double>(), values.size(), values.begin());
    }

    // d result[output] / d vectors, kept alive in gradient_ until the next call.
    std::span<const double> gradient(const Tensor& result, std::size_t output, const Tensor& vectors,
                                     bool keep_graph) {
        Tensor slope;
        if (result.requires_grad()) {
            slope = torch::autograd::grad({result.select(0, static_cast<std::int64_t>(output))}, {vectors},
                                          {}, keep_graph, false, true)[0];
        }
        if (!slope.defined()) { // an output that depends on no pair
            slope = at::zeros_like(vectors);
        }
        gradient_ = slope.to(at::kDouble).contiguous();
        return {gradient_.const_data_ptr<double>(), static_cast<std::size_t>(gradient_.numel())};
    }

    torch::jit::Module module_;
    ModelInfo info_;
    at::ScalarType precision_ = at::kDouble;
    int num_threads_;
    Tensor gradient_;
};

} // namespace

std::unique_ptr<Model> load_torchscript_model(const std::string& path, int num_threads) {
    return std::make_unique<TorchScriptModel>(path, num_threads);
}

} // namespace gnncv
