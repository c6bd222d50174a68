// Evaluate one collective variable by several processes, played by threads:  divided MODEL.pt N < frames.txt
// frames.txt: the number of frames, then each as examples/cpp_consumer reads it, all of the same atoms.
// Prints for each frame and process: `values` (K), `gradient` (N,3) and `strain` (3,3) of every output, and
// those of the sum of all outputs (`weighted`), `counts` (pairs, rebuilds).
#include <gnncv/gnncv.h>

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

namespace {

struct Meeting {
    std::barrier<> barrier;
    std::mutex mutex;
    std::vector<double> total;
};

class Threads final : public gnncv::Communicator {
public:
    Threads(Meeting& meeting, int rank, int size) : meeting_(meeting), rank_(rank), size_(size) {}
    int rank() const override { return rank_; }
    int size() const override { return size_; }

    void sum(double* numbers, std::size_t n) override {
        if (rank_ == 0)
            meeting_.total.assign(n, 0.0);
        meeting_.barrier.arrive_and_wait();
        {
            const std::lock_guard<std::mutex> lock(meeting_.mutex);
            for (std::size_t k = 0; k < n; ++k)
                meeting_.total[k] += numbers[k];
        }
        meeting_.barrier.arrive_and_wait();
        std::copy_n(meeting_.total.begin(), n, numbers);
        meeting_.barrier.arrive_and_wait();
    }

private:
    Meeting& meeting_;
    int rank_, size_;
};

struct Frame {
    gnncv::Cell cell;
    std::vector<double> positions;
};

void print(std::ostream& out, const char* name, gnncv::View<const double> numbers) {
    out << name;
    for (const double x : numbers)
        out << ' ' << x;
    out << '\n';
}

std::string evaluate(const char* model, const std::vector<std::string>& symbols,
                     const std::vector<Frame>& frames, std::shared_ptr<gnncv::Communicator> communicator) {
    std::ostringstream out;
    out.precision(17);
    gnncv::Options options;
    options.num_threads = 1;
    options.communicator = std::move(communicator);
    gnncv::CollectiveVariable cv(model, options);
    cv.bind(symbols);
    for (const Frame& frame : frames) {
        const gnncv::Result& result = cv.compute(frame.positions, frame.cell);
        print(out, "values", result.values);
        for (std::size_t g = 0; g < result.outputs.size(); ++g) {
            print(out, "gradient", result.gradient(g));
            print(out, "strain", result.strain_gradient(g));
        }
        cv.evaluate(frame.positions, frame.cell);
        const gnncv::WeightedGradient& weighted =
            cv.differentiate(std::vector<double>(cv.names().size(), 1.0));
        print(out, "gradient", weighted.gradient);
        print(out, "strain", {weighted.strain_gradient.data(), 9});
        out << "counts " << cv.statistics().n_pairs << ' ' << cv.statistics().n_rebuilds << '\n';
    }
    cv.evaluate(frames[0].positions, frames[0].cell, false);
    try {
        cv.differentiate(cv.names());
        out << "refused no\n";
    } catch (const gnncv::InvalidArgument& error) {
        out << "refused " << error.what() << '\n';
    }
    return out.str();
}

} // namespace

int main(int argc, char** argv) try {
    if (argc != 3)
        throw gnncv::InvalidArgument("usage: divided MODEL.pt N < frames.txt");
    const int size = std::stoi(argv[2]);
    std::size_t n_frames = 0, n_atoms = 0;
    std::cin >> n_frames;
    std::vector<Frame> frames(n_frames);
    std::vector<std::string> symbols;
    for (Frame& frame : frames) {
        std::cin >> n_atoms;
        for (double& x : frame.cell.vectors)
            std::cin >> x;
        for (bool& periodic : frame.cell.periodic)
            std::cin >> periodic;
        symbols.resize(n_atoms);
        frame.positions.resize(3 * n_atoms);
        for (std::size_t i = 0; i < n_atoms; ++i)
            std::cin >> symbols[i] >> frame.positions[3 * i] >> frame.positions[3 * i + 1] >>
                frame.positions[3 * i + 2];
    }
    Meeting meeting{std::barrier<>(size), {}, {}};
    std::vector<std::string> printed(size);
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < size; ++rank)
        threads.emplace_back([&, rank] {
            printed[rank] =
                evaluate(argv[1], symbols, frames, std::make_shared<Threads>(meeting, rank, size));
        });
    threads.clear();
    for (int rank = 0; rank < size; ++rank)
        std::cout << "process " << rank << '\n' << printed[rank];
} catch (const gnncv::Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
}
