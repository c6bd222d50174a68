// torch.ops.gnncv: site_columns, what an exported model says of each site; site_sums, what is pooled of it.
// Backward, what no output asked for depends on gets no gradient at all, and so costs nothing. On devices
// without a kernel they are what they are made of. (Exported files now have site_outcomes for site_columns.)
#include "kernels/site_columns.h"
#include "model/operator_arguments.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <vector>

namespace gnncv {
namespace {

// --- site_columns

constexpr const char* columns_name = "site_columns";

struct Scales {
    Tensor error, surprise, novelty; // numbers
};

Tensor site_columns_composed(const Tensor& latents, const Tensor& logits, const Tensor& errors,
                             const Tensor& surprises, const Tensor& error_scale, const Tensor& surprise_scale,
                             const Tensor& novelty_scale) {
    std::vector<Tensor> columns{latents.to(at::kDouble)};
    if (logits.size(1) > 0) {
        columns.push_back(at::softmax(logits.to(at::kDouble), 1).slice(1, 1));
    }
    const Tensor error = errors.to(at::kDouble).div(error_scale).pow(4);
    const Tensor fourth = error.add(surprises.div(surprise_scale).pow(4)).add(kernels::novelty_floor);
    columns.push_back(fourth.sqrt().sqrt().div(novelty_scale));
    return at::cat(columns, 1);
}

struct ColumnsArguments {
    Tensor latents, logits, errors, surprises;
    double scales[3];
    int64_t n_sites;

    ColumnsArguments(const Tensor& latents, const Tensor& logits, const Tensor& errors,
                     const Tensor& surprises, const Scales& given)
        : latents(latents.contiguous()), logits(logits.contiguous()), errors(errors.contiguous()),
          surprises(surprises.contiguous()), n_sites(latents.dim() > 0 ? latents.size(0) : 0) {
        check_matrix(columns_name, "latents", latents, n_sites, latents);
        check_matrix(columns_name, "logits", logits, n_sites, latents);
        check_matrix(columns_name, "errors", errors, n_sites, latents);
        check_matrix(columns_name, "surprises", surprises, n_sites, given.error);
        TORCH_CHECK_VALUE(logits.size(1) != 1 && errors.size(1) == 1 && surprises.size(1) == 1,
                          "gnncv::", columns_name,
                          ": expected logits of no or at least two classes, one error and one surprise a "
                          "site, got shapes ",
                          logits.sizes(), ", ", errors.sizes(), " and ", surprises.sizes());
        double* scale = scales;
        for (const Tensor* tensor : {&given.error, &given.surprise, &given.novelty}) {
            TORCH_CHECK_VALUE(tensor->numel() == 1 && tensor->scalar_type() == at::kDouble,
                              "gnncv::", columns_name, ": a scale must be one number in float64, got shape ",
                              tensor->sizes(), " of ", tensor->scalar_type());
            *scale++ = *tensor->const_data_ptr<double>();
        }
    }

    template <typename T>
    kernels::SiteColumnsInput<T> input() const {
        return {latents.const_data_ptr<T>(),
                logits.const_data_ptr<T>(),
                errors.const_data_ptr<T>(),
                surprises.const_data_ptr<double>(),
                latents.size(1),
                logits.size(1),
                scales[0],
                scales[1],
                scales[2]};
    }
};

Tensor columns_of(const ColumnsArguments& in) {
    Tensor columns;
    with_precision(columns_name, in.latents, [&](auto zero) {
        using T = decltype(zero);
        const auto input = in.input<T>();
        columns = at::empty({in.n_sites, input.n_columns()}, in.surprises.options());
        double* const out = columns.mutable_data_ptr<double>();
        for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
            kernels::site_columns_kernel<T>(input, out, begin, end);
        });
    });
    return columns;
}

Tensor site_columns_cpu(const Tensor& latents, const Tensor& logits, const Tensor& errors,
                        const Tensor& surprises, const Tensor& error_scale, const Tensor& surprise_scale,
                        const Tensor& novelty_scale) {
    return columns_of({latents, logits, errors, surprises, {error_scale, surprise_scale, novelty_scale}});
}

// Whether any number in columns first .. last-1 is not zero.
bool any_in(const Tensor& gradient, int64_t first, int64_t last) {
    const double* numbers = gradient.const_data_ptr<double>();
    const int64_t n_columns = gradient.size(1);
    for (int64_t i = 0; i < gradient.size(0); ++i) {
        for (int64_t c = first; c < last; ++c) {
            if (numbers[i * n_columns + c] != 0.0) { // also what is not a number
                return true;
            }
        }
    }
    return false;
}

struct SiteColumnsFunction : torch::autograd::Function<SiteColumnsFunction> {
    static Tensor forward(AutogradContext* context, const Tensor& latents, const Tensor& logits,
                          const Tensor& errors, const Tensor& surprises, const Tensor& error_scale,
                          const Tensor& surprise_scale, const Tensor& novelty_scale) {
        const at::AutoDispatchBelowADInplaceOrView below;
        Tensor columns =
            columns_of({latents, logits, errors, surprises, {error_scale, surprise_scale, novelty_scale}});
        context->save_for_backward(
            {latents, logits, errors, surprises, error_scale, surprise_scale, novelty_scale, columns});
        return columns;
    }
    static variable_list backward(AutogradContext* context, variable_list received) {
        refuse_second_derivatives(columns_name);
        const variable_list saved = context->get_saved_variables();
        const ColumnsArguments in(saved[0], saved[1], saved[2], saved[3], {saved[4], saved[5], saved[6]});
        const Tensor gradient = received[0].contiguous();
        variable_list results(7);
        with_precision(columns_name, in.latents, [&](auto zero) {
            using T = decltype(zero);
            const auto input = in.input<T>();
            const int64_t n_columns = input.n_columns();
            const auto want = [&](size_t k, const Tensor& like, bool needed) {
                results[k] = needed && context->needs_input_grad(k) ? at::empty_like(like) : Tensor();
            };
            const bool novelty = any_in(gradient, n_columns - 1, n_columns);
            want(0, in.latents, true);
            want(1, in.logits, any_in(gradient, input.n_latent, n_columns - 1));
            want(2, in.errors, novelty);
            want(3, in.surprises, novelty);
            const auto pointer = [&results]<typename N>(size_t k, N) {
                return results[k].defined() ? results[k].mutable_data_ptr<N>() : nullptr;
            };
            const kernels::SiteColumnsGradients<T> gradients{pointer(0, T{}), pointer(1, T{}),
                                                             pointer(2, T{}), pointer(3, double{})};
            for_sites(in.n_sites, [&](int64_t begin, int64_t end) {
                kernels::site_columns_backward_kernel<T>(input, saved[7].const_data_ptr<double>(),
                                                         gradient.const_data_ptr<double>(), gradients, begin,
                                                         end);
            });
        });
        return results;
    }
};

Tensor site_columns_autograd(const Tensor& latents, const Tensor& logits, const Tensor& errors,
                             const Tensor& surprises, const Tensor& error_scale, const Tensor& surprise_scale,
                             const Tensor& novelty_scale) {
    return SiteColumnsFunction::apply(latents, logits, errors, surprises, error_scale, surprise_scale,
                                      novelty_scale);
}

// --- site_sums

constexpr const char* sums_name = "site_sums";

Tensor site_sums_composed(const Tensor& columns) {
    const Tensor count = at::full({1}, columns.size(0), columns.options());
    return at::cat({columns.slice(1, 0, -1).sum(0), columns.slice(1, -1).pow(4).sum(0), count});
}

Tensor site_sums_cpu(const Tensor& given) {
    TORCH_CHECK_VALUE(given.dim() == 2 && given.size(1) > 0 && given.scalar_type() == at::kDouble,
                      "gnncv::", sums_name, ": columns must be float64 of shape (N, S), got ",
                      given.scalar_type(), " of shape ", given.sizes());
    const Tensor columns = given.contiguous();
    const int64_t n_columns = columns.size(1);
    Tensor sums = at::empty({n_columns + 1}, columns.options());
    double* const out = sums.mutable_data_ptr<double>();
    kernels::site_sums_kernel(columns.const_data_ptr<double>(), n_columns, 0, columns.size(0), out);
    out[n_columns] = static_cast<double>(columns.size(0));
    return sums;
}

struct SiteSums : torch::autograd::Function<SiteSums> {
    static Tensor forward(AutogradContext* context, const Tensor& columns) {
        const at::AutoDispatchBelowADInplaceOrView below;
        context->save_for_backward({columns});
        return site_sums_cpu(columns);
    }
    static variable_list backward(AutogradContext* context, variable_list received) {
        refuse_second_derivatives(sums_name);
        const Tensor columns = context->get_saved_variables()[0].contiguous();
        const Tensor gradient = received[0].contiguous();
        if (gradient.const_data_ptr<double>()[columns.size(1) - 1] == 0.0) { // the same row for all sites
            return {gradient.slice(0, 0, -1).unsqueeze(0).expand_as(columns)};
        }
        Tensor result = at::empty_like(columns);
        double* const out = result.mutable_data_ptr<double>();
        for_sites(columns.size(0), [&](int64_t begin, int64_t end) {
            kernels::site_sums_backward_kernel(columns.const_data_ptr<double>(),
                                               gradient.const_data_ptr<double>(), columns.size(1), begin, end,
                                               out);
        });
        return {result};
    }
};

Tensor site_sums_autograd(const Tensor& columns) {
    return SiteSums::apply(columns);
}

} // namespace

TORCH_LIBRARY_FRAGMENT(gnncv, library) {
    library.def("site_columns(Tensor latents, Tensor logits, Tensor errors, Tensor surprises, Tensor "
                "error_scale, Tensor surprise_scale, Tensor novelty_scale) -> Tensor");
    library.def("site_sums(Tensor columns) -> Tensor");
}
TORCH_LIBRARY_IMPL(gnncv, CPU, library) {
    library.impl("site_columns", site_columns_cpu);
    library.impl("site_sums", site_sums_cpu);
}
TORCH_LIBRARY_IMPL(gnncv, AutogradCPU, library) {
    library.impl("site_columns", site_columns_autograd);
    library.impl("site_sums", site_sums_autograd);
}
TORCH_LIBRARY_IMPL(gnncv, CompositeImplicitAutograd, library) {
    library.impl("site_columns", site_columns_composed);
    library.impl("site_sums", site_sums_composed);
}

} // namespace gnncv
