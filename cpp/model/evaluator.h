// One model bound to atoms: from positions to the values of its outputs, and back to gradients.
#pragma once

#include "core/chain_rule.h"
#include "core/sites.h"
#include "gnncv/cell.h"
#include "gnncv/collective_variable.h"
#include "gnncv/result.h"
#include "model/model.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gnncv {

class Evaluator {
public:
    Evaluator(const std::string& path, const Options& options);

    [[nodiscard]] const ModelInfo& info() const { return model_->info(); }
    [[nodiscard]] double skin() const { return skin_; }
    [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }
    [[nodiscard]] const Statistics& statistics() const { return statistics_; }
    [[nodiscard]] bool divides() const { return communicator_ != nullptr; }
    [[nodiscard]] const SiteLayout& layout() const { return layout_; }

    // See CollectiveVariable. `last`: nothing will be differentiated after it.
    void bind(const std::vector<std::string>& symbols);
    const Result& evaluate(View<const double> positions, const Cell& cell, bool differentiable);
    const Result& differentiate(const std::vector<std::string>& outputs, bool last = false);
    const WeightedGradient& differentiate(View<const double> weights);
    const std::vector<double>& per_site(View<const double> positions, const Cell& cell);

    // Throws InvalidArgument for an output that the model does not have.
    [[nodiscard]] std::size_t index_of(const std::string& output) const;
    [[nodiscard]] const Result& result() const { return result_; }
    // Let go of what a backward pass needs.
    void forget();

private:
    void make_list();
    void find_pairs(View<const double> positions, const Cell& cell);
    void pull_back(std::span<const double> of_values, bool last, std::span<double> gradient,
                   std::span<double> strain);
    void share(double* numbers, std::size_t n);
    void check_differentiable() const;
    void check_values();
    void check_gradient(View<const double> gradient, const std::string& output) const;
    [[noreturn]] void refuse(const std::string& what, const std::string& where) const;

    std::unique_ptr<Model> model_;
    std::shared_ptr<Communicator> communicator_; // null: this process alone
    double skin_;
    int num_threads_;
    std::vector<std::string> remarks_;
    SiteLayout layout_;
    std::unique_ptr<Sites> sites_; // null: each atom is a site
    std::unique_ptr<NeighborList> neighbors_;
    SiteFacts facts_;             // of the list's sites, in its order
    bool differentiable_ = false; // whether the last evaluation can be differentiated
    PairList pairs_;
    Result result_;
    WeightedGradient weighted_;
    std::vector<double> weights_, local_gradient_, site_gradient_, columns_, local_columns_;
    ChainRule chain_rule_;
    Statistics statistics_;
};

} // namespace gnncv
