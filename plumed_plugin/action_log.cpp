// What GNNCV writes to PLUMED's log: at the start what it is, at the end what it cost.
#include "action.h"

#include "core/PlumedMain.h"
#include "tools/Communicator.h"

#include <map>
#include <sstream>

namespace gnncv_plumed {
namespace {

constexpr const char* CITATION = "the gnncv developers, gnncv: learned collective variables for melts and "
                                 "crystals, version 0.1.0";

} // namespace

void GnncvAction::log_start() const {
    const gnncv::CollectiveVariable& core = evaluation_->core();
    std::ostringstream text;
    text << "  model " << request_.model << "\n";
    text << "  SHA-256 " << core.hash() << "\n";
    text << "  outputs: " << listed(core.names()) << "\n";
    text << "  device " << request_.device << ", " << core.precision() << ", ";
    const gnncv::Options used = options();
    text << used.num_threads << (used.num_threads == 1 ? " thread" : " threads");
    if (request_.num_threads > used.num_threads) {
        text << " (NUM_THREADS asks for " << request_.num_threads << ", and PLUMED was given "
             << used.num_threads << ": set PLUMED_NUM_THREADS)";
    }
    text << "\n";
    if (scales_.natural) {
        text << "  natural units: lengths and energies are passed to the model as the numbers they are\n";
    } else {
        text << "  units: one length of PLUMED (" << scales_.length << ") is " << scales_.angstrom
             << " angstrom";
        text << (bias_ != nullptr ? ", one electronvolt of `bias` is " +
                                        std::to_string(scales_.energy_per_eV) + " energies of PLUMED\n"
                                  : std::string("; outputs are pure numbers\n"));
    }
    text << "  cutoff " << core.cutoff() / scales_.angstrom << ", neighbor list with a skin of "
         << core.skin() / scales_.angstrom << (core.skin() > 0.0 ? "" : " (a new list each step)") << "\n";
    text << "  " << (request_.without_pbc ? "without" : "with") << " periodic boundary conditions\n";
    if (used.communicator != nullptr) {
        text << "  atoms are divided between " << comm.Get_size() << " processes\n";
    }
    for (const GnncvAction* other : plumed.getActionSet().select<GnncvAction*>()) {
        if (other != this && other->evaluation_ == evaluation_) {
            text << "  shares its evaluation with " << other->getLabel() << "\n";
            break;
        }
    }
    for (const std::string& remark : core.remarks()) {
        text << "  note: " << remark << "\n";
    }
#ifndef GNNCV_PLUMED_WITHOUT_ATOMS
    if (bias_ != nullptr) {
        text
            << "  WARNING: PLUMED 2.9 counts a component called bias in its total bias, and BIASVALUE counts "
               "it again:\n"
            << "  the forces are right, the total that PLUMED reports (replica exchange, ASE) has it twice\n";
    }
#endif
    log << text.str();
    log_atoms();
    log << "  Bibliography " << plumed.cite(CITATION) << "\n";
}

void GnncvAction::log_atoms() const {
    std::map<std::string, std::size_t> counts;
    for (const std::string& symbol : species_.symbols) {
        ++counts[symbol];
    }
    std::ostringstream text;
    text << "  " << species_.symbols.size() << " atoms:";
    for (const auto& [symbol, count] : counts) {
        text << " " << count << " " << symbol;
    }
    text << ", species from " << species_.source << "\n";
    log << text.str();
}

void GnncvAction::log_end() const {
    const gnncv::Statistics& counts = evaluation_->core().statistics();
    std::ostringstream text;
    text << "GNNCV " << getLabel() << ": " << counts.n_evaluations << " evaluations, " << counts.n_backward
         << " backward passes, " << counts.n_rebuilds << " neighbor lists, " << counts.n_pairs << " of "
         << counts.n_candidates << " listed pairs within the cutoff at the end\n";
    text << "GNNCV " << getLabel() << ": " << counts.seconds_neighbors << " s for neighbors, "
         << counts.seconds_model << " s for the model, " << counts.seconds_chain_rule
         << " s for the chain rule\n";
    log << text.str();
}

} // namespace gnncv_plumed
