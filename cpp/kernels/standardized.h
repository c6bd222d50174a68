// Features of sites less their mean, divided by their scale: in double precision, for small differences of
// large sums are what is left.
#pragma once

#include "kernels/site_network.h"

namespace gnncv::kernels {

// result[i, f] = (values[i, f] - mean[f]) / scale[f] of the first result.n_columns columns
template <typename T>
void standardized_kernel(SiteColumns<const T> values, const double* mean, const double* scale,
                         SiteColumns<T> result, SiteRange sites);

// values_gradient: zero in the columns that are not looked at.
template <typename T>
void standardized_backward_kernel(SiteColumns<const T> gradient, const double* scale,
                                  SiteColumns<T> values_gradient, SiteRange sites);

} // namespace gnncv::kernels
