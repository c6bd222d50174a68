// Evaluate a collective variable from C++:  cpp_consumer MODEL.pt < structure.txt
// structure.txt: the number of atoms; nine numbers of the cell (rows are lattice vectors, angstrom); three 0
// or 1 for periodic or not; then a line `symbol x y z` for each atom. See argon.txt.
#include <gnncv/gnncv.h>

#include <cmath>
#include <cstdio>
#include <iostream>

int main(int argc, char** argv) try {
    std::size_t n_atoms = 0;
    gnncv::Cell cell;
    std::cin >> n_atoms;
    for (double& x : cell.vectors)
        std::cin >> x;
    for (bool& periodic : cell.periodic)
        std::cin >> periodic;
    std::vector<std::string> symbols(n_atoms);
    std::vector<double> positions(3 * n_atoms);
    for (std::size_t i = 0; i < n_atoms; ++i)
        std::cin >> symbols[i] >> positions[3 * i] >> positions[3 * i + 1] >> positions[3 * i + 2];
    if (argc != 2 || !std::cin)
        throw gnncv::InvalidArgument("usage: cpp_consumer MODEL.pt < structure.txt");

    gnncv::CollectiveVariable cv(argv[1]);
    cv.bind(symbols);
    const gnncv::Result& result = cv.compute(positions, cell);
    for (std::size_t k = 0; k < result.values.size(); ++k) {
        double square = 0.0;
        for (double g : result.gradient(k))
            square += g * g;
        std::printf("%s value %.15g gradient_norm %.15g virial", cv.names()[k].c_str(), result.values[k],
                    std::sqrt(square));
        for (double strain : result.strain_gradient(k))
            std::printf(" %.15g", -strain);
        std::printf("\n");
    }
} catch (const gnncv::Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
}
