// Densities of orientation by groups of lanes, against the CPU kernels.
#include "compare.h"
#include "kernels/orientation_densities_center.h"
#include "random_structure.h"

namespace lane_groups {
namespace {

using namespace gnncv::kernels;

// Unit vectors, and zeros where a site has fewer.
template <typename T>
std::vector<T> random_axes(Random& random, std::size_t n_sites, int n_axes) {
    std::vector<T> axes = normal<T>(random, 3 * n_sites * n_axes);
    for (std::size_t k = 0; k < axes.size(); k += 3) {
        const T length = std::sqrt(axes[k] * axes[k] + axes[k + 1] * axes[k + 1] + axes[k + 2] * axes[k + 2]);
        for (std::size_t c = k; c < k + 3; ++c) {
            axes[c] = random() % 5 == 0 ? T(0) : axes[c] / length;
        }
    }
    return axes;
}

template <int A, typename T>
void orientation(Random& random, const Structure<T>& at, const OrientationTerms& terms, int n_radial) {
    const Table<T> table(random, n_radial + 1);
    const std::vector<T> axes = random_axes<T>(random, at.n_sites(), terms.n_axes);
    const OrientationInput<T> input{at.vectors.data(), axes.data(),  at.rows(), at.types.data(),
                                    table.table(),     at.n_species, terms};
    const std::size_t n = at.n_sites() * static_cast<std::size_t>(input.row_size());
    const auto n_sites = static_cast<std::int64_t>(at.n_sites());
    const std::string name = std::to_string(terms.n_axes) + " axes (compiled " + std::to_string(A) +
                             "), degree " + std::to_string(terms.degree) + " ";

    std::vector<T> densities(n), coordination(at.n_sites()), got(n, T(9)), got_coordination(at.n_sites());
    orientation_densities_kernel<T>(input, densities.data(), coordination.data());
    with_groups(n_sites, OrientationDensitiesAtCenter<A, T>{input, got.data(), got_coordination.data()},
                [&](const std::string& group) {
                    compare("orientation_densities " + name + group, got, densities);
                    compare("orientation coordination " + name + group, got_coordination, coordination);
                    got.assign(n, T(9));
                });

    const std::vector<T> gradient = normal<T>(random, n), of_coordination = normal<T>(random, at.n_sites());
    const OrientationGradients<T> gradients{gradient.data(), of_coordination.data()};
    std::vector<T> vectors(at.vectors.size()), of_axes(axes.size()), got_vectors(vectors.size()),
        got_axes(axes.size(), T(9));
    orientation_densities_backward_kernel<T>(input, gradients, vectors.data(), of_axes.data());
    for (T* const wanted : {got_axes.data(), static_cast<T*>(nullptr)}) {
        with_groups(
            n_sites, OrientationDensitiesGradientAtCenter<A, T>{input, gradients, got_vectors.data(), wanted},
            [&](const std::string& group) {
                compare("orientation_densities_backward " + name + group + " vectors", got_vectors, vectors);
                got_vectors.assign(vectors.size(), T(9));
                if (wanted != nullptr) {
                    compare("orientation_densities_backward " + name + group + " axes", got_axes, of_axes);
                    got_axes.assign(axes.size(), T(9));
                }
            });
    }
}

} // namespace

template <typename T>
void check_orientations(Random& random) {
    const Structure<T> dense(random, 40, 3.0, 2), sparse(random, 12, 6.0, 1);
    for (const Structure<T>* at : {&dense, &sparse}) {
        orientation<1, T>(random, *at, {1, 4, 0}, 4);
        orientation<-1, T>(random, *at, {1, 2, 1}, 1);
        orientation<-1, T>(random, *at, {2, 4, 2}, 5);
        orientation<-1, T>(random, *at, {4, 4, 15}, 6);
    }
}
template void check_orientations<float>(Random&);
template void check_orientations<double>(Random&);

} // namespace lane_groups
