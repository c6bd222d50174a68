#include "model/mlcolvar_model.h"

#include "gnncv/error.h"
#include "model/chemical_symbols.h"
#include "model/mlcolvar_description.h"
#include "model/mlcolvar_probe.h"
#include "model/torch_calls.h"
#include "model/torch_module.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <cmath>

namespace gnncv {
namespace {

using at::Tensor;

constexpr std::size_t n_probes = 6;
// Everything after the network is the identity here: the network pools inside, so its outputs are the sums.
class MlcolvarModel final : public Model {
public:
    MlcolvarModel(const std::string& path, int num_threads, const std::string& precision)
        : path_(path), num_threads_(num_threads) {
        guarded("the mlcolvar model " + quoted() +
                    " cannot be loaded (it was written by a newer torch, or is "
                    "damaged)",
                [&] { module_ = load_module(path); });
        guarded("the mlcolvar model " + quoted() + " cannot be used", [&] { read_attributes(); });
        set_precision(precision);
        const auto clusters = probe_clusters(n_probes, info_.cutoff, species_.size());
        name_outputs(clusters.front());
        const double rounding = precision_ == at::kDouble ? 1e-16 : 6e-8;
        const Crossing crossing =
            measure_crossing(clusters, info_.cutoff, info_.names.size(),
                             [&](const PairList& pairs, std::span<const std::int64_t> types) {
                                 const SiteFacts sites{{types.begin(), types.end()}, {}, {}};
                                 const std::span<const double> values =
                                     sums(pairs, sites, std::nullopt, false);
                                 return std::vector<double>(values.begin(), values.end());
                             });
        check_positions(clusters, crossing, rounding);
        info_.remarks = remarks_on_mlcolvar(info_, crossing, rounding);
        info_.metadata = mlcolvar_metadata(info_);
    }

    const ModelInfo& info() const override { return info_; }

    std::span<double> sums(const PairList& pairs, const SiteFacts& sites,
                           std::optional<std::span<const std::int64_t>> owned, bool differentiable) override {
        if (owned) {
            throw ModelError("the sites of a graph model of mlcolvar cannot be divided between processes");
        }
        return guarded("the mlcolvar model " + quoted() + " cannot be evaluated", [&] {
            const ThreadCount threads(num_threads_);
            const torch::jit::GraphOptimizerEnabledGuard plain_interpreter(false);
            const at::AutoGradMode with_gradients(differentiable);
            forget();
            vectors_ = borrow_vectors(pairs);
            if (differentiable) {
                vectors_.requires_grad_(true);
            }
            outputs_ = forward(pairs, sites.types, no_positions(pairs), vectors_);
            const Tensor plain = outputs_.detach().to(at::kDouble).contiguous();
            const double* data = plain.const_data_ptr<double>();
            values_.assign(data, data + plain.numel());
            return std::span<double>(values_);
        });
    }

    void values(std::span<const double> sums, bool /*differentiable*/, std::span<double> values) override {
        std::copy(sums.begin(), sums.end(), values.begin());
    }

    std::span<const double> sums_gradient(std::span<const double> weights) override {
        weights_.assign(weights.begin(), weights.end());
        return weights_;
    }

    ModelGradient gradient(std::span<const double> sums_gradient, bool last) override {
        return guarded("the mlcolvar model " + quoted() + " cannot be differentiated", [&] {
            const ThreadCount threads(num_threads_);
            TORCH_CHECK(vectors_.defined() && vectors_.requires_grad(),
                        "nothing was evaluated to be differentiated");
            const auto n = static_cast<std::int64_t>(sums_gradient.size());
            const Tensor weights = borrow<double>(sums_gradient, {n}, at::kDouble).to(precision_);
            Tensor gradient;
            if (outputs_.requires_grad()) {
                gradient = torch::autograd::grad({outputs_}, {vectors_}, {weights}, !last, false, true)[0];
            }
            if (!gradient.defined()) { // an output that depends on no pair
                gradient = at::zeros_like(vectors_);
            }
            slope_ = gradient.to(at::kDouble).contiguous();
            const std::span<const double> slope(slope_.const_data_ptr<double>(),
                                                static_cast<std::size_t>(slope_.numel()));
            return ModelGradient{slope, {}, {}};
        });
    }

    void forget() override { vectors_ = outputs_ = slope_ = Tensor(); }

    void site_values(const PairList& /*pairs*/, const SiteFacts& /*sites*/,
                     std::vector<double>& /*values*/) override {
        throw InvalidArgument("the model " + quoted() +
                              " has no per-site values: it is a graph model of mlcolvar, which pools its "
                              "atoms inside the network; for values of single atoms train a gnncv model");
    }

    std::int64_t first_bad_site(const PairList& /*pairs*/, const SiteFacts& /*sites*/) override { return -1; }

private:
    std::string quoted() const { return "'" + path_ + "'"; }

    // A buffer or attribute of one number.
    double number(const char* name) const {
        const at::IValue value = module_.attr(name);
        return value.isTensor() ? value.toTensor().item<double>() : value.toScalar().toDouble();
    }

    double number_or(const char* name, double otherwise) const {
        return module_.hasattr(name) ? number(name) : otherwise;
    }

    void read_attributes() {
        for (const char* name : {"cutoff", "r_max"}) { // r_max: the name in older files
            if (module_.hasattr(name)) {
                info_.cutoff = number(name);
                break;
            }
        }
        TORCH_CHECK(std::isfinite(info_.cutoff) && info_.cutoff > 0.0, "its cutoff is ", info_.cutoff,
                    " angstrom");
        const Tensor numbers = module_.attr("atomic_numbers").toTensor().to(at::kLong).contiguous();
        for (std::int64_t s = 0; s < numbers.numel(); ++s) {
            const std::int64_t number = numbers.const_data_ptr<std::int64_t>()[s];
            species_.push_back(chemical_symbol(number));
            TORCH_CHECK(!species_.back().empty(), "there is no element of atomic number ", number);
        }
        TORCH_CHECK(!species_.empty(), "it names no species");
        info_.topology = Topology({}, species_);
        if (const double buffer = number_or("buffer", 0.0); buffer > 0.0) {
            refuse(
                "it was trained on a part of each structure: system atoms and those of an environment within "
                "cutoff + buffer (its buffer is " +
                std::to_string(buffer) +
                " angstrom), and which atoms are which is not in the file; train it with all atoms as "
                "system and no buffer");
        }
        if (const double far = number_or("long_range_cutoff", -1.0); far > 0.0) {
            refuse(
                "it has edges up to " + std::to_string(far) +
                " angstrom between the atoms of a subsystem, and which atoms those are is not in the file; "
                "train it without long_range_cutoff");
        }
    }

    [[noreturn]] void refuse(const std::string& why) const {
        throw ModelError("the mlcolvar model " + quoted() + " cannot be used: " + why);
    }

    void set_precision(const std::string& wanted) {
        precision_ = at::kFloat;
        for (const Tensor& parameter : module_.parameters()) {
            precision_ = parameter.scalar_type();
            break;
        }
        info_.precision = precision_ == at::kDouble ? "float64" : "float32";
        const at::ScalarType kept = precision_;
        if (!wanted.empty()) {
            info_.precision = wanted;
        }
        precision_ = info_.precision == "float64" ? at::kDouble : at::kFloat;
        if (precision_ != kept) {
            guarded("the mlcolvar model " + quoted() + " cannot be evaluated in " + info_.precision,
                    [&] { module_.to(precision_); });
        }
    }

    Tensor borrow_vectors(const PairList& pairs) const {
        const auto n_pairs = static_cast<std::int64_t>(pairs.n_pairs());
        return borrow(pairs.vectors<double>(), {n_pairs, 3}, at::kDouble).to(precision_);
    }

    Tensor no_positions(const PairList& pairs) const {
        return at::zeros({static_cast<std::int64_t>(pairs.n_atoms()), 3}, precision_);
    }

    Tensor one_hot(std::span<const std::int64_t> types) const {
        const auto n_species = static_cast<std::int64_t>(species_.size());
        Tensor rows = at::zeros({static_cast<std::int64_t>(types.size()), n_species}, at::kFloat);
        float* data = rows.mutable_data_ptr<float>();
        for (std::size_t i = 0; i < types.size(); ++i) {
            data[i * species_.size() + static_cast<std::size_t>(types[i])] = 1.0F;
        }
        return rows.to(precision_);
    }

    // (K) outputs. The keys are those that mlcolvar's own action passes, for a graph of which every atom is
    // part of the system.
    Tensor forward(const PairList& pairs, std::span<const std::int64_t> types, const Tensor& positions,
                   const Tensor& shifts) {
        const auto n_pairs = static_cast<std::int64_t>(pairs.n_pairs());
        const auto n_atoms = static_cast<std::int64_t>(pairs.n_atoms());
        c10::Dict<std::string, Tensor> input;
        const std::vector<std::int64_t> center = pairs.center();
        input.insert("edge_index", at::stack({borrow<std::int64_t>(center, {n_pairs}, at::kLong),
                                              borrow(pairs.neighbor(), {n_pairs}, at::kInt).to(at::kLong)}));
        input.insert("positions", positions);
        input.insert("shifts", shifts);
        input.insert("node_attrs", one_hot(types));
        input.insert("batch", at::zeros({n_atoms}, at::kLong));
        input.insert("ptr", at::stack({at::full({}, 0, at::kLong), at::full({}, n_atoms, at::kLong)}));
        input.insert("weight", at::ones({1}, precision_));
        input.insert("n_system", at::full({1, 1}, n_atoms, at::kLong));
        input.insert("system_masks", at::ones({n_atoms, 1}, at::kBool));
        input.insert("edge_masks_lr", at::zeros({n_pairs, 1}, at::kBool));
        const at::IValue output = module_.forward({input});
        TORCH_CHECK(output.isTensor(), "it returned no tensor");
        const Tensor values = output.toTensor();
        TORCH_CHECK(values.dim() == 2 && values.size(0) == 1 && values.size(1) > 0, "it returned shape ",
                    values.sizes(), " for a graph of ", n_atoms,
                    " atoms, expected (1, outputs): pool over the atoms when training it");
        return values[0];
    }

    // As many as it really returns, named as mlcolvar's action names them.
    void name_outputs(const ProbeCluster& cluster) {
        const std::size_t n = sums(cluster.pairs, {cluster.types, {}, {}}, std::nullopt, false).size();
        for (std::size_t k = 0; k < n; ++k) {
            info_.names.push_back("node-" + std::to_string(k));
        }
    }

    // Whether the positions enter through the edge vectors only, as they must for vectors to stand for them.
    void check_positions(const std::vector<ProbeCluster>& clusters, const Crossing& scale, double rounding) {
        const at::NoGradGuard no_gradients;
        for (const ProbeCluster& cluster : clusters) {
            const auto expected = sums(cluster.pairs, {cluster.types, {}, {}}, std::nullopt, false);
            const auto n = static_cast<std::int64_t>(cluster.types.size());
            const Tensor given = guarded("the mlcolvar model " + quoted() + " cannot be evaluated", [&] {
                const torch::jit::GraphOptimizerEnabledGuard plain_interpreter(false);
                const Tensor positions =
                    borrow<double>(cluster.positions, {n, 3}, at::kDouble).to(precision_);
                const Tensor no_shifts = at::zeros_like(borrow_vectors(cluster.pairs));
                return forward(cluster.pairs, cluster.types, positions, no_shifts)
                    .to(at::kDouble)
                    .contiguous();
            });
            for (std::size_t k = 0; k < expected.size(); ++k) {
                const double change = std::abs(given.const_data_ptr<double>()[k] - expected[k]);
                if (change > 0.01 * scale.variation[k] + 100.0 * rounding * scale.size[k]) {
                    refuse("it uses the positions of atoms otherwise than through the vectors of its edges, "
                           "so its values in a periodic box have no meaning");
                }
            }
        }
    }

    std::string path_;
    torch::jit::Module module_;
    ModelInfo info_;
    std::vector<std::string> species_;
    at::ScalarType precision_ = at::kFloat;
    int num_threads_;
    Tensor vectors_, outputs_, slope_; // of the last evaluation
    std::vector<double> values_, weights_;
};

} // namespace

std::unique_ptr<Model> load_mlcolvar_model(const std::string& path, int num_threads,
                                           const std::string& precision) {
    return std::make_unique<MlcolvarModel>(path, num_threads, precision);
}

} // namespace gnncv
