// What a collective variable knows of each site, from its latent: the columns of site_columns.h, of the
// decoder's mean square error e = mean_f (decoder(z)_f - t_f)^2, the latent's negative log-density h
// (latent_density.h) and the classifier's logits.
#pragma once

#include "kernels/lanes_network.h"
#include "kernels/latent_density.h"
#include "kernels/site_columns.h"
#include "kernels/site_network.h"

namespace gnncv::kernels {

template <typename T>
struct SiteOutcomesInput {
    const T* latents;                    // (n_sites, n_latent)
    SiteColumns<const T> target;         // what the decoder should give
    PlainNetwork<T> decoder, classifier; // of no widths for no classes
    NormalMixture mixture;
    double error_scale, surprise_scale, novelty_scale;

    [[nodiscard]] std::int64_t n_latent() const { return mixture.n_latent; }
    [[nodiscard]] std::int64_t n_classes() const { return classifier.n_outputs(); }
    [[nodiscard]] std::int64_t n_columns() const {
        return n_latent() + (n_classes() > 0 ? n_classes() - 1 : 0) + 1;
    }
};

// Overwritten for the sites of a range; errors and surprises are what the backward pass wants to know again.
template <typename T>
struct SiteOutcomes {
    double* columns;   // (n_sites, n_columns)
    T* errors;         // (n_sites)
    double* surprises; // (n_sites)
};

template <typename T>
void site_outcomes_kernel(const SiteOutcomesInput<T>& input, const SiteOutcomes<T>& outcomes,
                          SiteRange sites);

} // namespace gnncv::kernels
