// Does every kernel's work at a center with groups of lanes, and says how far it is from the CPU kernel's.
// Arguments: the seed; and anything more for groups of one lane alone, which try the CPU kernels.
#include "compare.h"
#include "random_structure.h"

#include <cstdlib>

namespace lane_groups {

template <typename T>
void check_densities(Random& random);
template <typename T>
void check_features(Random& random);
template <typename T>
void check_messages(Random& random);
template <typename T>
void check_orientations(Random& random);

template <typename T>
void check_all(Random& random) {
    check_densities<T>(random);
    check_features<T>(random);
    check_messages<T>(random);
    check_orientations<T>(random);
}

} // namespace lane_groups

int main(int argc, char** argv) {
    lane_groups::Random random(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1);
    lane_groups::only_one_lane = argc > 2;
    lane_groups::check_all<double>(random);
    lane_groups::check_all<float>(random);
    return lane_groups::n_failures == 0 ? 0 : 1;
}
