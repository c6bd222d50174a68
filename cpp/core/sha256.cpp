#include "core/sha256.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <vector>

namespace gnncv {
namespace {

using Words = std::array<std::uint32_t, 8>;

// The first 32 bits of the fractional part of a root of a prime; long double holds 64 bits, enough for both
// roots.
std::uint32_t fraction_bits(long double root) {
    return static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
}

std::array<int, 64> first_primes() {
    std::array<int, 64> primes{};
    int n = 0;
    for (int candidate = 2; n < 64; ++candidate) {
        bool prime = true;
        for (int k = 0; k < n; ++k) {
            prime = prime && candidate % primes[k] != 0;
        }
        if (prime) {
            primes[n++] = candidate;
        }
    }
    return primes;
}

void add_block(Words& state, const unsigned char* block, const std::array<std::uint32_t, 64>& constants) {
    std::array<std::uint32_t, 64> w{};
    for (int t = 0; t < 16; ++t) {
        w[t] = std::uint32_t{block[4 * t]} << 24 | std::uint32_t{block[4 * t + 1]} << 16 |
               std::uint32_t{block[4 * t + 2]} << 8 | std::uint32_t{block[4 * t + 3]};
    }
    for (int t = 16; t < 64; ++t) {
        const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
        const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (int t = 0; t < 64; ++t) {
        const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[t] + w[t];
        const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    const Words round{a, b, c, d, e, f, g, h};
    for (int k = 0; k < 8; ++k) {
        state[k] += round[k];
    }
}

} // namespace

std::string sha256_of_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return {};
    }
    const std::array<int, 64> primes = first_primes();
    std::array<std::uint32_t, 64> constants{};
    Words state{};
    for (int t = 0; t < 64; ++t) {
        constants[t] = fraction_bits(std::cbrt(static_cast<long double>(primes[t])));
    }
    for (int k = 0; k < 8; ++k) {
        state[k] = fraction_bits(std::sqrt(static_cast<long double>(primes[k])));
    }
    std::vector<unsigned char> buffer(1 << 16);
    std::uint64_t length = 0;
    std::size_t rest = 0;
    do {
        file.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
        const auto got = static_cast<std::size_t>(file.gcount());
        length += got;
        for (rest = 0; rest + 64 <= got; rest += 64) {
            add_block(state, buffer.data() + rest, constants);
        }
        if (file.eof()) { // what is left, a one, zeros, and the length in bits
            std::vector<unsigned char> tail(buffer.begin() + static_cast<std::ptrdiff_t>(rest),
                                            buffer.begin() + static_cast<std::ptrdiff_t>(got));
            tail.push_back(0x80);
            while (tail.size() % 64 != 56) {
                tail.push_back(0);
            }
            for (int byte = 7; byte >= 0; --byte) {
                tail.push_back(static_cast<unsigned char>(8 * length >> (8 * byte)));
            }
            for (std::size_t at = 0; at < tail.size(); at += 64) {
                add_block(state, tail.data() + at, constants);
            }
        }
    } while (!file.eof());
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint32_t word : state) {
        for (int shift = 28; shift >= 0; shift -= 4) {
            text += digits[word >> shift & 15U];
        }
    }
    return text;
}

} // namespace gnncv
