// The model behind a TorchScript file: the only place that runs one. No exception of libtorch leaves it.
#include "model/torchscript_model.h"
#include "gnncv/error.h"
#include "model/kept_memory.h"
#include "model/model_file.h"
#include "model/read_topology.h"
#include "model/torch_calls.h"
#include "model/torch_module.h"

#include <ATen/ops/isfinite.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace gnncv {
namespace {

using at::Tensor;

class TorchScriptModel final : public Model {
public:
    TorchScriptModel(const std::string& path, int num_threads, const std::string& precision, int device)
        : num_threads_(num_threads) {
        info_.metadata = read_model_metadata(path);
        guarded("the model file '" + path +
                    "' cannot be loaded (it is damaged, was written by a newer torch, or by an "
                    "older gnncv with tables of another layout: export it again)",
                [&] { module_ = load_module(path); });
        guarded("the model in '" + path + "' does not keep gnncv's contract", [&] { read_attributes(); });
        set_precision(path, precision);
        head_ = module_;
        if (device >= 0) {
            move_to(device, path);
        }
    }

    const ModelInfo& info() const override { return info_; }

    std::span<double> sums(const PairList& pairs, const SiteFacts& facts,
                           std::optional<std::span<const std::int64_t>> owned, bool differentiable) override {
        return guarded("the model cannot be evaluated", [&] {
            const ThreadCount threads(num_threads_);
            const KeptMemory memory;
            const torch::jit::GraphOptimizerEnabledGuard plain_interpreter(false);
            const at::AutoGradMode with_gradients(differentiable);
            forget();
            vectors_ = borrow_vectors(pairs).requires_grad_(differentiable);
            molecules_ = borrow_molecules(facts, differentiable);
            Tensor sites = site_part(pairs, facts, vectors_, molecules_);
            if (owned) {
                const auto n_owned = static_cast<std::int64_t>(owned->size());
                sites = sites.index_select(0, borrow<std::int64_t>(*owned, {n_owned}, at::kLong).to(device_));
            }
            sums_ = module_.get_method("sums")({sites}).toTensor();
            TORCH_CHECK(sums_.dim() == 1 && sums_.scalar_type() == at::kDouble, "sums returned a tensor of ",
                        sums_.dim(), " dimensions and type ", sums_.dtype(), ", expected (S,) in float64");
            const Tensor plain = sums_.detach().to(at::kCPU).contiguous();
            const double* data = plain.const_data_ptr<double>();
            sums_values_.assign(data, data + plain.numel());
            return std::span<double>(sums_values_);
        });
    }

    void values(std::span<const double> sums, bool differentiable, std::span<double> values) override {
        guarded("the model's outputs cannot be evaluated", [&] {
            const torch::jit::GraphOptimizerEnabledGuard plain_interpreter(false);
            const at::AutoGradMode with_gradients(differentiable);
            pooled_ = borrow<double>(sums, {static_cast<std::int64_t>(sums.size())}, at::kDouble).clone();
            if (differentiable) {
                pooled_.requires_grad_(true);
            }
            outputs_ = head_.get_method("head")({pooled_}).toTensor();
            const auto expected = static_cast<std::int64_t>(values.size());
            TORCH_CHECK(outputs_.dim() == 1 && outputs_.size(0) == expected, "head returned shape ",
                        outputs_.sizes(), ", expected (", expected, ",) for its outputs");
            const Tensor plain = outputs_.detach().to(at::kDouble).contiguous();
            std::copy_n(plain.const_data_ptr<double>(), values.size(), values.begin());
        });
    }

    std::span<const double> sums_gradient(std::span<const double> weights) override {
        return guarded("the model's outputs cannot be differentiated", [&] {
            const auto n = static_cast<std::int64_t>(weights.size());
            sums_slope_ = slopes(outputs_, {pooled_}, borrow<double>(weights, {n}, at::kDouble), true)[0];
            return span_of<double>(sums_slope_);
        });
    }

    ModelGradient gradient(std::span<const double> sums_gradient, bool last) override {
        return guarded("the model cannot be differentiated", [&] {
            const ThreadCount threads(num_threads_);
            const KeptMemory memory;
            const auto n = static_cast<std::int64_t>(sums_gradient.size());
            std::vector<Tensor> with{vectors_};
            with.insert(with.end(), molecules_.begin(), molecules_.end());
            slopes_ = slopes(sums_, with, borrow<double>(sums_gradient, {n}, at::kDouble), !last);
            ModelGradient result;
            if (info_.single_vectors) {
                result.vectors = span_of<float>(slopes_[0]);
            } else {
                result.vectors = span_of<double>(slopes_[0]);
            }
            if (slopes_.size() == 3) {
                result.axes = span_of<double>(slopes_[1]);
                result.descriptors = span_of<double>(slopes_[2]);
            }
            return result;
        });
    }

    void forget() override {
        vectors_ = sums_ = pooled_ = outputs_ = Tensor();
        sums_slope_ = Tensor();
        molecules_.clear();
        slopes_.clear();
    }

    void site_values(const PairList& pairs, const SiteFacts& facts, std::vector<double>& values) override {
        guarded("the model's per-site values cannot be evaluated", [&] {
            const ThreadCount threads(num_threads_);
            const at::NoGradGuard no_gradients;
            const Tensor sites =
                site_part(pairs, facts, borrow_vectors(pairs), borrow_molecules(facts, false));
            const Tensor columns =
                module_.get_method("site_values")({sites}).toTensor().to(at::kCPU, at::kDouble).contiguous();
            const auto n_columns = static_cast<std::int64_t>(info_.site_names.size());
            const auto n_atoms = static_cast<std::int64_t>(pairs.n_atoms());
            TORCH_CHECK(columns.sizes() == at::IntArrayRef({n_atoms, n_columns}), "site_values has shape ",
                        columns.sizes(), ", expected (", n_atoms, ", ", n_columns, ")");
            const double* data = columns.const_data_ptr<double>();
            values.assign(data, data + columns.numel());
        });
    }

    std::int64_t first_bad_site(const PairList& pairs, const SiteFacts& facts) override {
        return guarded("the model's per-site quantities cannot be evaluated", [&]() -> std::int64_t {
            const at::NoGradGuard no_gradients;
            const Tensor sites =
                site_part(pairs, facts, borrow_vectors(pairs), borrow_molecules(facts, false));
            const Tensor good = at::isfinite(sites).flatten(1).all(1).to(at::kCPU).contiguous();
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
        info_.topology = read_topology(module_);
        info_.cutoff = attribute("cutoff").toDouble();
        info_.precision = attribute("precision").toStringRef();
        TORCH_CHECK(info_.precision == "float32" || info_.precision == "float64", "its precision is '",
                    info_.precision, "', expected float32 or float64");
        read_pairs();
        wide_vectors_ = module_.hasattr("vectors") && attribute("vectors").toStringRef() == "float64";
        if (module_.hasattr("hops")) { // files of the first weeks lack it: their sites are not divided
            info_.hops = static_cast<int>(attribute("hops").toInt());
        }
        TORCH_CHECK(std::isfinite(info_.cutoff) && info_.cutoff > 0.0, "its cutoff is ", info_.cutoff,
                    " angstrom");
        TORCH_CHECK(!info_.names.empty() && !info_.topology.kinds().empty(),
                    "it names no outputs or no species");
        for (const char* method : {"site_part", "sums", "head", "site_values"}) {
            TORCH_CHECK(module_.find_method(method).has_value(), "it has no method '", method, "'");
        }
    }

    // "full": centers, and neighbors in int64. "compact": neighbors in int32 and no centers; "half" and
    // "both" are compact and have a method besides that wants those lists.
    void read_pairs() {
        const std::string kind = module_.hasattr("pairs") ? attribute("pairs").toStringRef() : "full";
        compact_ = kind != "full";
        halves_ = kind == "half" || kind == "both";
        TORCH_CHECK(!compact_ || halves_ || kind == "compact", "its pairs are '", kind,
                    "', expected full, compact, half or both");
        TORCH_CHECK(!halves_ || module_.find_method("site_part_of_halves").has_value(),
                    "it has no method 'site_part_of_halves'");
        if (compact_) { // the operators on tables want both directions of any bond
            info_.pairs = kind == "half" ? PairKind::half : PairKind::both;
        }
    }

    Tensor borrow_vectors(const PairList& pairs) const {
        const auto n_pairs = static_cast<std::int64_t>(pairs.n_pairs());
        const Tensor vectors = info_.single_vectors
                                   ? borrow(pairs.vectors<float>(), {n_pairs, 3}, at::kFloat)
                                   : borrow(pairs.vectors<double>(), {n_pairs, 3}, at::kDouble);
        return vectors.to(device_); // the same tensor on the CPU
    }

    // Axes (M,A,3) and descriptors (D), float64, of a model of molecules; else nothing.
    std::vector<Tensor> borrow_molecules(const SiteFacts& facts, bool differentiable) const {
        if (!info_.topology.has_molecules()) {
            return {};
        }
        const auto n_sites = static_cast<std::int64_t>(facts.types.size());
        const auto n_axes = static_cast<std::int64_t>(info_.topology.n_axes());
        const auto n_descriptors = static_cast<std::int64_t>(facts.descriptors.size());
        return {borrow<double>(facts.axes, {n_sites, n_axes, 3}, at::kDouble)
                    .to(device_)
                    .requires_grad_(differentiable),
                borrow<double>(facts.descriptors, {n_descriptors}, at::kDouble)
                    .to(device_)
                    .requires_grad_(differentiable)};
    }

    Tensor site_part(const PairList& pairs, const SiteFacts& facts, const Tensor& vectors,
                     const std::vector<Tensor>& molecules) const {
        const auto n_pairs = static_cast<std::int64_t>(pairs.n_pairs());
        const auto n_atoms = static_cast<std::int64_t>(pairs.n_atoms());
        const Tensor neighbor = borrow(pairs.neighbor(), {n_pairs}, at::kInt);
        Tensor centers = at::empty({0}, at::kLong);
        if (halves_) {
            centers = borrow(pairs.half_begin(), {n_atoms}, at::kLong);
        } else if (!compact_) {
            const std::vector<std::int64_t> numbers = pairs.center();
            centers = borrow<std::int64_t>(numbers, {n_pairs}, at::kLong).clone();
        }
        std::vector<at::IValue> arguments{
            vectors, centers.to(device_), (compact_ ? neighbor : neighbor.to(at::kLong)).to(device_),
            borrow(pairs.row_ptr(), {n_atoms + 1}, at::kLong).to(device_),
            borrow<std::int64_t>(facts.types, {n_atoms}, at::kLong).to(device_)};
        arguments.insert(arguments.end(), molecules.begin(), molecules.end());
        return module_.get_method(halves_ ? "site_part_of_halves" : "site_part")(std::move(arguments))
            .toTensor();
    }

    template <typename T>
    static std::span<const T> span_of(const Tensor& tensor) {
        return {tensor.const_data_ptr<T>(), static_cast<std::size_t>(tensor.numel())};
    }

    // d(weights . of)/d(with), each in the precision of what it is with respect to, on the CPU; `again`:
    // and more of them later.
    static std::vector<Tensor> slopes(const Tensor& of, const std::vector<Tensor>& with,
                                      const Tensor& weights, bool again) {
        TORCH_CHECK(with[0].defined() && with[0].requires_grad(),
                    "nothing was evaluated to be differentiated");
        std::vector<Tensor> gradients(with.size());
        if (of.requires_grad()) {
            gradients = torch::autograd::grad({of}, with, {weights.to(of.options())}, again, false, true);
        }
        for (std::size_t k = 0; k < with.size(); ++k) { // none: an output that does not depend on it
            gradients[k] = gradients[k].defined() ? gradients[k].to(at::kCPU).contiguous()
                                                  : at::zeros_like(with[k], at::kCPU);
        }
        return gradients;
    }

    // Sites and their sums on the GPU; the head, a few numbers, stays where the sums are needed.
    void move_to(int device, const std::string& path) {
        if (!compact_) {
            throw DeviceError(
                "the model '" + path +
                "' was exported with --no-tables, or by an older gnncv, and is evaluated on the "
                "CPU: use device 'cpu', or export it again with tables");
        }
        halves_ = false; // the kernels there work center by center
        info_.pairs = PairKind::both;
        device_ = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(device));
        guarded("the model in '" + path + "' cannot be moved to " + device_.str(), [&] {
            module_ = head_.deepcopy();
            module_.to(device_);
        });
    }

    // Numbers in float64; indices stay what they are.
    void widen() {
        const at::NoGradGuard no_gradients;
        const auto one = [](at::Tensor tensor) {
            if (tensor.is_floating_point()) {
                tensor.set_data(tensor.to(at::kDouble));
            }
        };
        for (const at::Tensor& parameter : module_.parameters()) {
            one(parameter);
        }
        for (const at::Tensor& buffer : module_.buffers()) {
            one(buffer);
        }
    }

    void set_precision(const std::string& path, const std::string& wanted) {
        if (!wanted.empty() && wanted != info_.precision) {
            if (wanted == "float32") { // which of its numbers must stay float64 only the exporter knows
                throw InvalidArgument("the model '" + path +
                                      "' was exported in float64: for float32 export it again, `gnncv export "
                                      "--precision float32`");
            }
            guarded("the model in '" + path + "' cannot be evaluated in float64", [&] { widen(); });
            info_.precision = wanted;
        }
        info_.single_vectors = info_.precision == "float32" && !wide_vectors_;
    }

    torch::jit::Module module_, head_; // the same, except on a GPU
    at::Device device_ = at::kCPU;
    ModelInfo info_;
    bool compact_ = false, halves_ = false, wide_vectors_ = false; // how the model wants its pairs
    int num_threads_;
    Tensor vectors_, sums_, pooled_, outputs_; // of the last evaluation
    std::vector<double> sums_values_;
    Tensor sums_slope_;
    std::vector<Tensor> molecules_, slopes_; // of vectors, and, with molecules, of axes and descriptors
};

} // namespace

std::unique_ptr<Model> load_torchscript_model(const std::string& path, int num_threads,
                                              const std::string& precision, int device) {
    return std::make_unique<TorchScriptModel>(path, num_threads, precision, device);
}

} // namespace gnncv
