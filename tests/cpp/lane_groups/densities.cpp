// Densities by groups of lanes, against the CPU kernels.
#include "compare.h"
#include "kernels/averaged_densities_center.h"
#include "kernels/environment_densities_center.h"
#include "random_structure.h"

namespace lane_groups {
namespace {

using namespace gnncv::kernels;

template <int L, typename T>
void environment(Random& random, const Structure<T>& at, int l_max, int n_radial) {
    const Table<T> table(random, n_radial + 1);
    const EnvironmentInput<T> input{at.vectors.data(), at.rows(),    at.types.data(),
                                    table.table(),     at.n_species, l_max};
    const HarmonicCoefficients<T> harmonics(l_max);
    const std::size_t n = at.n_sites() * at.n_species * n_radial * (l_max + 1) * (l_max + 1);
    const auto n_sites = static_cast<std::int64_t>(at.n_sites());
    const std::string name = "l_max " + std::to_string(l_max) + " (compiled " + std::to_string(L) + ") ";

    std::vector<T> densities(n), coordination(at.n_sites()), got(n), got_coordination(at.n_sites());
    environment_densities_kernel<T>(input, densities.data(), coordination.data());
    with_groups(n_sites,
                EnvironmentDensitiesAtCenter<L, T>{input, harmonics, got.data(), got_coordination.data()},
                [&](const std::string& group) {
                    compare("environment_densities " + name + group, got, densities);
                    compare("coordination " + name + group, got_coordination, coordination);
                    got.assign(n, T(9));
                });

    const std::vector<T> gradient = normal<T>(random, n), of_coordination = normal<T>(random, at.n_sites());
    std::vector<T> vectors(at.vectors.size()), got_vectors(at.vectors.size());
    environment_densities_backward_kernel<T>(input, gradient.data(), of_coordination.data(), vectors.data());
    with_groups(n_sites,
                EnvironmentDensitiesGradientAtCenter<L, T>{input, harmonics, gradient.data(),
                                                           of_coordination.data(), got_vectors.data()},
                [&](const std::string& group) {
                    compare("environment_densities_backward " + name + group, got_vectors, vectors);
                });
}

template <typename T>
void averaged(Random& random, const Structure<T>& at, int n_channels) {
    const Table<T> table(random, 3);
    const std::size_t n = at.n_sites() * n_channels;
    const auto n_sites = static_cast<std::int64_t>(at.n_sites());
    const std::vector<T> densities = normal<T>(random, n);
    std::vector<T> coordination = normal<T>(random, at.n_sites());
    for (T& number : coordination) {
        number = std::abs(number);
    }
    const AveragedInput<T> input{at.distances.data(), at.rows(),           table.table(),
                                 densities.data(),    coordination.data(), n_channels};
    const std::string name = std::to_string(n_channels) + " channels ";

    std::vector<T> result(n), got(n);
    averaged_densities_kernel<T>(input, result.data());
    with_groups(n_sites, AveragedDensitiesAtCenter<T>{input, got.data()}, [&](const std::string& group) {
        compare("averaged_densities " + name + group, got, result);
    });

    const std::vector<T> gradient = normal<T>(random, n);
    std::vector<T> of_distances(at.n_pairs()), of_densities(n), of_coordination(at.n_sites());
    std::vector<T> got_distances(at.n_pairs()), got_densities(n), got_coordination(at.n_sites());
    averaged_densities_backward_kernel<T>(input, result.data(), gradient.data(),
                                          {of_distances.data(), of_densities.data(), of_coordination.data()});
    const AveragedGradients<T> out{got_distances.data(), got_densities.data(), got_coordination.data()};
    with_groups(n_sites, AveragedDensitiesGradientAtCenter<T>{input, result.data(), gradient.data(), out},
                [&](const std::string& group) {
                    const std::string what = "averaged_densities_backward " + name + group;
                    compare(what + " distances", got_distances, of_distances);
                    compare(what + " densities", got_densities, of_densities);
                    compare(what + " coordination", got_coordination, of_coordination);
                });
}

} // namespace

template <typename T>
void check_densities(Random& random) {
    const Structure<T> dense(random, 40, 3.0, 2), sparse(random, 12, 6.0, 1);
    for (const Structure<T>* at : {&dense, &sparse}) {
        environment<-1, T>(random, *at, 0, 1);
        environment<-1, T>(random, *at, 5, 6);
        environment<6, T>(random, *at, 6, 4);
        for (const int n_channels : {1, 33, 300}) {
            averaged<T>(random, *at, n_channels);
        }
    }
}
template void check_densities<float>(Random&);
template void check_densities<double>(Random&);

} // namespace lane_groups
