#include "model/torch_calls.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

namespace gnncv {

std::string plain_message(const std::exception& error) {
    const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
    std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    for (const std::string mark : {"RuntimeError: ", "Error: "}) {
        const std::size_t at = text.rfind(mark);
        if (at != std::string::npos && text.find("TorchScript") != std::string::npos) {
            text = text.substr(at + mark.size());
        }
    }
    return text.substr(0, text.find("\nException raised from"));
}

ThreadCount::ThreadCount(int n) : before_(at::get_num_threads()), changed_(n > 0 && n != before_) {
    if (changed_) {
        at::set_num_threads(n);
    }
}

ThreadCount::~ThreadCount() {
    if (changed_) {
        at::set_num_threads(before_);
    }
}

Workers libtorch_workers() {
    return {at::get_num_threads(), [](int n, const std::function<void(int)>& share) {
                at::parallel_for(0, n, 1, [&](std::int64_t begin, std::int64_t end) {
                    for (std::int64_t k = begin; k < end; ++k) {
                        share(static_cast<int>(k));
                    }
                });
            }};
}

} // namespace gnncv
