// The PLUMED action GNNCV: keywords, units and components around gnncv::CollectiveVariable.
#pragma once

#include "components.h"
#include "evaluation.h"
#include "readers.h"
#include "request.h"
#include "species.h"
#include "units.h"

#include "core/Colvar.h"
#if !__has_include("core/Atoms.h") // PLUMED 2.10 and newer
#define GNNCV_PLUMED_WITHOUT_ATOMS
#endif

#include <memory>
#include <string>
#include <vector>

namespace gnncv_plumed {

class GnncvAction : public PLMD::Colvar, public Sharer {
public:
    static void registerKeywords(PLMD::Keywords& keys);
    explicit GnncvAction(const PLMD::ActionOptions& options);
    ~GnncvAction() override;

    void calculate() override;
    void calculateNumericalDerivatives(PLMD::ActionWithValue* action = nullptr) override;
    void apply() override;
#ifdef GNNCV_PLUMED_WITHOUT_ATOMS
    void setGradientsIfNeeded() override;
#endif

    [[nodiscard]] bool is_taking_part() const override { return isActive(); }
    [[nodiscard]] bool needs_derivatives() const override;

private:
    void read_input();
    [[nodiscard]] gnncv::Options options() const;
    void find_evaluation();
    [[nodiscard]] bool asks_for_the_same(const GnncvAction& other) const;
    void add_components();
    void log_start() const;
    void log_atoms() const;
    void log_end() const;

    void read_configuration();
    void check_density() const;
    void check_neighbors();
    void set_values(const std::vector<double>& outputs);
    void set_derivatives();
    void set_derivative(std::size_t component, const gnncv::Result& result, std::size_t g);
    void find_readers_once();
    [[nodiscard]] std::vector<bool> wanted_derivatives() const;
    [[nodiscard]] bool has_gradient_squares() const;
    void add_forces(const gnncv::WeightedGradient& gradient);
    void show_bias(bool shown);
    [[noreturn]] void fail(const std::exception& reason) const;

    Request request_;
    UnitScales scales_;
    Species species_;
    std::shared_ptr<Evaluation> evaluation_;

    std::vector<Component> components_;
    std::vector<PLMD::Value*> values_; // of the components

    Configuration now_;
    bool units_checked_ = false;
    bool without_box_ = false;
    bool differencing_ = false;         // in calculateNumericalDerivatives
    std::vector<bool> has_derivatives_; // components whose derivatives were set in this step
    Readers readers_;
    std::size_t n_actions_seen_ = 0;
    PLMD::Value* bias_ = nullptr; // the component of this name, which PLUMED adds to its total bias
    double bias_energy_ = 0.0;
    std::vector<double> forces_;
};

} // namespace gnncv_plumed
