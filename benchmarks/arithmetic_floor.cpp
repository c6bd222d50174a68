// The least time in which this machine can do the arithmetic of a CV step with filtered messages from tables:
//
//     g++ -std=c++20 -O3 -march=native benchmarks/arithmetic_floor.cpp -o arithmetic_floor &&
//     ./arithmetic_floor
//
// One core runs the loads, products, sums and stores that a bond needs for both of its directions, written
// out, with everything in the first cache, nothing to predict, nothing to gather: no kernel that does this
// arithmetic is faster.
// Arguments: sites (4096), neighbors of each (41).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

#if defined(__AVX512F__)
constexpr int width = 16;
#elif defined(__AVX__)
constexpr int width = 8;
#else
constexpr int width = 4;
#endif
using Register __attribute__((vector_size(width * sizeof(float)))) = float;

// In the first cache: eight intervals of six terms, 16 sites, at most 64 channels; places within intervals.
constexpr int n_intervals = 8, n_sites = 16, most_channels = 32, n_bonds = 4096;
alignas(64) float table[n_intervals * 6 * most_channels];
alignas(64) float sites[n_sites * most_channels], gradients[n_sites * most_channels],
    messages[n_sites * most_channels];
alignas(64) float places[64], sums[64 * width], results[64];

Register load(const float* numbers) {
    Register r;
    std::memcpy(&r, numbers, sizeof r);
    return r;
}
// The compiler may neither drop nor merge what made the value.
void keep(Register& r) {
#if defined(__x86_64__)
    asm volatile("" : "+v"(r));
#else
    asm volatile("" : "+w"(r));
#endif
}

void store(float* numbers, const Register& r) {
    std::memcpy(numbers, &r, sizeof r);
}

// A polynomial of degree five a channel, times the features of either end, added at the other.
template <int C>
void forward() {
    Register sum[C / width] = {}, own = load(sites);
    for (int b = 0; b < n_bonds; ++b) {
        const float *a = table + (b % n_intervals) * 6 * C, *feature = sites + (b % n_sites) * C;
        float* message = messages + (b % n_sites) * C;
        const float t = places[b % 64];
#pragma GCC unroll 8
        for (int r = 0; r < C / width; ++r) {
            Register value = load(a + 5 * C + r * width);
#pragma GCC unroll 8
            for (int k = 4; k >= 0; --k) {
                value = load(a + k * C + r * width) + t * value;
            }
            sum[r] += value * load(feature + r * width);
            store(message + r * width, load(message + r * width) + value * own);
        }
    }
    for (Register& r : sum) {
        keep(r);
    }
}

// The polynomial and its derivative, times the gradients of the messages of both ends: added for the
// features' gradients if `Features`, and summed over channels for the slope.
template <int C, bool Features>
void backward() {
    Register sum[C / width] = {}, own_feature = load(sites), own_gradient = load(sites + 16);
    for (int b = 0; b < n_bonds; ++b) {
        const float *a = table + (b % n_intervals) * 6 * C, *feature = sites + (b % n_sites) * C,
                    *gradient = gradients + (b % n_sites) * C;
        float* to = messages + (b % n_sites) * C;
        const float t = places[b % 64];
        Register product = {};
#pragma GCC unroll 8
        for (int r = 0; r < C / width; ++r) {
            Register value = load(a + 5 * C + r * width), slope = value;
            value = load(a + 4 * C + r * width) + t * value;
#pragma GCC unroll 8
            for (int k = 3; k >= 0; --k) {
                slope = value + t * slope;
                if (k > 0 || Features) {
                    value = load(a + k * C + r * width) + t * value;
                }
            }
            const Register g = load(gradient + r * width), f = load(feature + r * width);
            if (Features) {
                sum[r] += value * g;
                store(to + r * width, load(to + r * width) + value * own_gradient);
            }
            const Register both = own_feature * g + f * own_gradient;
            product = r == 0 ? slope * both : product + slope * both;
        }
        store(sums + (b % 64) * width, product);
    }
    for (Register& r : sum) {
        keep(r);
    }
}

using Lanes __attribute__((vector_size(width * sizeof(int)))) = int;
constexpr Lanes lower_lanes() {
    Lanes lanes{};
    for (int k = 0; k < width; ++k) {
        lanes[k] = k / 4 * 4 + k % 4 / 2 + k % 2 * width;
    }
    return lanes;
}
constexpr Lanes upper_lanes() {
    return lower_lanes() + 2;
}

// The sum over lanes of as many registers as have lanes: each step halves the number of registers.
void sums_over_lanes() {
    for (int b = 0; b < n_bonds; b += width) {
        Register x[width];
#pragma GCC unroll 16
        for (int r = 0; r < width; ++r) {
            x[r] = load(sums + (b + r) % 64 * width);
        }
#pragma GCC unroll 4
        for (int n = width / 2; n > 0; n /= 2) {
#pragma GCC unroll 16
            for (int r = 0; r < n; ++r) {
                // Two shuffles and a sum, whichever lanes they take.
                Register lower = __builtin_shuffle(x[r], x[r + n], lower_lanes());
                Register upper = __builtin_shuffle(x[r], x[r + n], upper_lanes());
                x[r] = lower + upper;
                keep(x[r]);
            }
        }
        std::memcpy(results, &x[0], sizeof x[0]);
    }
}

// Peaks: independent products and sums, and loads.
void products() {
    const Register x0 = load(table), y = load(sites), z = load(sites + 16);
    Register x[12] = {x0, x0, x0, x0, x0, x0, x0, x0, x0, x0, x0, x0};
    for (int b = 0; b < n_bonds; b += 12) {
#pragma GCC unroll 12
        for (int k = 0; k < 12; ++k) {
            x[k] = x[k] * y + z;
            keep(x[k]);
        }
    }
}
void loads() {
    const float* from = table;
    for (int b = 0; b < n_bonds; b += 16) {
        asm volatile("" : "+r"(from));
#pragma GCC unroll 16
        for (int k = 0; k < 16; ++k) {
            Register r = load(from + k * width);
            keep(r);
        }
    }
}

// Nanoseconds of one of the n_bonds; the least of many, for the machine has other things to do.
template <typename F>
double nanoseconds(const F& f) {
    double least = 1e9;
    for (int repeat = 0; repeat < 3000; ++repeat) {
        const auto begin = std::chrono::steady_clock::now();
        f();
        least = std::min(
            least,
            std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count());
    }
    return least / n_bonds;
}

template <int C>
void report(double n_bonds, double lanes) {
    const double there = nanoseconds(forward<C>), back = nanoseconds(backward<C, true>) + lanes,
                 first = nanoseconds(backward<C, false>) + lanes;
    std::printf(
        "%d channels, ns a bond, both directions: forward %.3f, backward %.3f, of the first layer %.3f\n", C,
        there, back, first);
    std::printf("  two layers, forward and backward, %.0f bonds: %.3f ms\n", n_bonds,
                n_bonds * (2 * there + back + first) * 1e-6);
}

} // namespace

int main(int argc, char** argv) {
    const double n_atoms = argc > 1 ? std::atof(argv[1]) : 4096,
                 neighbors = argc > 2 ? std::atof(argv[2]) : 41;
    std::fill(std::begin(table), std::end(table), 0.01F);
    std::fill(std::begin(sites), std::end(sites), 0.1F);
    std::fill(std::begin(places), std::end(places), 0.5F);
    std::printf("registers of %d floats; a nanosecond: %.2f products with sums, %.2f loads of them\n", width,
                1 / nanoseconds(products), 1 / nanoseconds(loads));
    const double lanes = nanoseconds(sums_over_lanes);
    report<16>(0.5 * n_atoms * neighbors, lanes);
    report<32>(0.5 * n_atoms * neighbors, lanes);
    return 0;
}
