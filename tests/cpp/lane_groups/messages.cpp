// Message passing by groups of lanes, against the CPU kernels.
#include "compare.h"
#include "kernels/attention_heads.h"
#include "kernels/table_attention_center.h"
#include "kernels/table_messages_center.h"
#include "random_structure.h"

#include <numeric>

namespace lane_groups {
namespace {

using namespace gnncv::kernels;

template <typename T>
void filtered(Random& random, const Structure<T>& at, int n_channels, bool by_species) {
    const int n_species = by_species ? at.n_species : 1;
    const Table<T> table(random, n_channels, n_species * n_species);
    const std::size_t n = at.n_sites() * n_channels;
    const auto n_sites = static_cast<std::int64_t>(at.n_sites());
    const std::vector<T> features = normal<T>(random, n), gradient = normal<T>(random, n);
    const TableMessagesInput<T> input{at.distances.data(), at.rows(), table.table(),
                                      at.types.data(),     n_species, features.data()};
    const std::string name =
        std::to_string(n_channels) + " channels, " + std::to_string(n_species) + " species ";

    std::vector<T> messages(n), got(n);
    table_messages_kernel<T>(input, messages.data());
    with_groups(n_sites, TableMessagesAtCenter<T>{input, got.data()}, [&](const std::string& group) {
        compare("table_messages " + name + group, got, messages);
        got.assign(n, T(9));
    });

    std::vector<T> of_distances(at.n_pairs()), of_features(n), got_distances(at.n_pairs()), got_features(n);
    table_messages_backward_kernel<T>(input, gradient.data(), {of_distances.data(), of_features.data()});
    for (T* const wanted : {got_features.data(), static_cast<T*>(nullptr)}) {
        with_groups(n_sites,
                    TableMessagesGradientAtCenter<T>{input, gradient.data(), {got_distances.data(), wanted}},
                    [&](const std::string& group) {
                        const std::string what = "table_messages_backward " + name + group;
                        compare(what + " distances", got_distances, of_distances);
                        compare(what + " features", got_features, of_features);
                        got_distances.assign(at.n_pairs(), T(9));
                    });
    }
}

template <typename T>
struct AttentionResult {
    std::vector<T> messages, denominators, mean, distances, receiver, sender, value;

    AttentionResult(const Structure<T>& at, int n_heads, int n_channels)
        : messages(at.n_sites() * n_channels), denominators(at.n_sites() * n_heads), mean(denominators),
          distances(at.n_pairs()), receiver(denominators), sender(denominators), value(messages) {}
};

template <typename T>
void attention(Random& random, const Structure<T>& at, int n_heads, int width) {
    const int n_channels = n_heads * width;
    const Table<T> table(random, n_channels + n_heads + 1);
    const auto n_sites = static_cast<std::int64_t>(at.n_sites());
    const std::vector<T> receiver = normal<T>(random, at.n_sites() * n_heads),
                         sender = normal<T>(random, at.n_sites() * n_heads),
                         value = normal<T>(random, at.n_sites() * n_channels),
                         gradient = normal<T>(random, at.n_sites() * n_channels);
    const TableAttentionInput<T> input{at.distances.data(),
                                       at.rows(),
                                       table.table(),
                                       receiver.data(),
                                       sender.data(),
                                       value.data(),
                                       n_heads,
                                       n_channels,
                                       0.5,
                                       3.0};
    const std::string name = std::to_string(n_heads) + " heads of " + std::to_string(width) + " ";

    AttentionResult<T> cpu(at, n_heads, n_channels), got(at, n_heads, n_channels);
    for (int head = 0; head < n_heads; head += heads_at_once) {
        AttentionHeads<T> heads(input, head, AttentionPass::forward);
        heads.arrange(input);
        table_attention_kernel<T>(input, heads, cpu.messages.data(), cpu.denominators.data());
    }
    with_groups(n_sites, TableAttentionAtCenter<T>{input, got.messages.data(), got.denominators.data()},
                [&](const std::string& group) {
                    compare("table_attention " + name + group, got.messages, cpu.messages);
                    compare("denominators " + name + group, got.denominators, cpu.denominators);
                });

    for (int row = 0; row < n_sites * n_heads; ++row) {
        cpu.mean[row] = std::inner_product(&cpu.messages[row * width], &cpu.messages[row * width] + width,
                                           &gradient[row * width], T(0));
    }
    for (int head = 0; head < n_heads; head += heads_at_once) {
        AttentionHeads<T> heads(input, head, AttentionPass::backward);
        heads.arrange(input);
        heads.arrange_gradients(input, {cpu.messages.data(), cpu.denominators.data(), gradient.data()});
        table_attention_backward_kernel<T>(
            input, heads,
            {cpu.distances.data(), cpu.receiver.data(), cpu.sender.data(), cpu.value.data(), nullptr});
    }
    with_groups(n_sites,
                TableAttentionReceiverGradient<T>{input, cpu.messages.data(), cpu.denominators.data(),
                                                  gradient.data(), got.mean.data(), got.receiver.data()},
                [&](const std::string& group) {
                    const std::string what = "table_attention_backward " + name + group;
                    compare(what + " mean", got.mean, cpu.mean);
                    compare(what + " receiver", got.receiver, cpu.receiver);
                });
    with_groups(n_sites,
                TableAttentionSenderGradient<T>{input, cpu.denominators.data(), gradient.data(),
                                                cpu.mean.data(), got.distances.data(), got.sender.data(),
                                                got.value.data()},
                [&](const std::string& group) {
                    const std::string what = "table_attention_backward " + name + group;
                    compare(what + " distances", got.distances, cpu.distances);
                    compare(what + " sender", got.sender, cpu.sender);
                    compare(what + " value", got.value, cpu.value);
                });
}

} // namespace

template <typename T>
void check_messages(Random& random) {
    const Structure<T> dense(random, 40, 3.0, 2), sparse(random, 12, 6.0, 3);
    for (const Structure<T>* at : {&dense, &sparse}) {
        for (const int n_channels : {1, 6, 16, 32, 40}) {
            filtered<T>(random, *at, n_channels, n_channels != 16);
        }
        for (const auto& [n_heads, width] :
             {std::pair{1, 1}, {2, 8}, {2, 5}, {1, 16}, {4, 4}, {5, 3}, {3, 40}}) {
            attention<T>(random, *at, n_heads, width);
        }
    }
}
template void check_messages<float>(Random&);
template void check_messages<double>(Random&);

} // namespace lane_groups
