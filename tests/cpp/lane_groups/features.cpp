// Features by groups of lanes, against the CPU kernels.
#include "compare.h"
#include "kernels/environment_features_center.h"
#include "random_structure.h"

namespace lane_groups {
namespace {

using namespace gnncv::kernels;

template <typename T>
void features_of(Random& random, std::int64_t n_sites, std::int64_t n_rows, int l_max, std::int64_t gap) {
    const std::int64_t stride = n_rows * (l_max + 1) * (l_max + 1) + gap, n = n_sites * stride;
    const std::vector<T> densities = normal<T>(random, n), averaged = normal<T>(random, n),
                         coordination = normal<T>(random, n_sites, 8.0);
    FeatureInput<T> input{densities.data(),
                          averaged.data(),
                          coordination.data(),
                          nullptr,
                          nullptr,
                          n_sites,
                          n_rows,
                          l_max,
                          1e-4,
                          stride};
    const std::vector<double> mean = normal<double>(random, input.n_features()),
                              scale = normal<double>(random, input.n_features(), 3.0, 0.2);
    input.mean = mean.data();
    input.scale = scale.data();
    const std::string name = std::to_string(n_rows) + " rows, l_max " + std::to_string(l_max) + " ";

    std::vector<T> features(n_sites * input.n_features()), got(features.size());
    environment_features_kernel<T>(input, features.data());
    with_groups(n_sites, EnvironmentFeaturesAtSite<T>{input, got.data()}, [&](const std::string& group) {
        compare("environment_features " + name + group, got, features);
    });

    const std::vector<T> gradient = normal<T>(random, features.size());
    std::vector<T> of_densities(n), of_averaged(n), of_coordination(n_sites);
    std::vector<T> got_densities(n), got_averaged(n), got_coordination(n_sites);
    environment_features_backward_kernel<T>(
        input, gradient.data(), {of_densities.data(), of_averaged.data(), of_coordination.data()});
    with_groups(
        n_sites,
        EnvironmentFeaturesGradientAtSite<T>{
            input, gradient.data(), {got_densities.data(), got_averaged.data(), got_coordination.data()}},
        [&](const std::string& group) {
            const std::string what = "environment_features_backward " + name + group;
            compare(what + " densities", got_densities, of_densities);
            compare(what + " averaged", got_averaged, of_averaged);
            compare(what + " coordination", got_coordination, of_coordination);
        });
}

} // namespace

template <typename T>
void check_features(Random& random) {
    features_of<T>(random, 7, 1, 0, 0);
    features_of<T>(random, 7, 4, 6, 0);
    features_of<T>(random, 5, 3, 9, 11);
}
template void check_features<float>(Random&);
template void check_features<double>(Random&);

} // namespace lane_groups
