"""Networks on sites, what is known of each site, and the outputs of that, against their references."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import SMOOTH_ACTIVATIONS, LatentDensity, reference

load_operators()
ops = torch.ops.gnncv
DTYPES = [torch.float64, torch.float32]
SITES = [0, 1, 23, 24, 64, 500]
COMPOSED = torch._C.DispatchKey.CompositeImplicitAutograd


class Numbers:
    """Random tensors of a precision."""

    def __init__(self, generator, dtype):
        self.generator, self.dtype = generator, dtype

    def normal(self, *shape, dtype=None):
        return torch.from_numpy(self.generator.normal(size=shape)).to(dtype or self.dtype)

    def network(self, widths):
        """Parameters of layers of these widths."""
        layers = [
            part
            for a, b in pairwise(widths)
            for part in (self.normal(b, a).flatten() / a**0.5, self.normal(b))
        ]
        return torch.cat(layers) if layers else self.normal(0)

    def layers(self, n_sites, inputs, widths, joint, added=True):
        """Arguments of site_layers, and those of them that are to be differentiated."""
        generator = self.generator
        given = [self.normal(n_sites, width).requires_grad_() for width in inputs]
        sum_ = self.normal(n_sites, widths[joint - 1]).requires_grad_() if added else None
        sizes = [sum(inputs), *widths]
        activated = [int(x) for x in generator.integers(0, 2, len(widths))]
        first = int(generator.integers(0, widths[-1] + 1))
        rest = (activated, joint, [first, widths[-1] - first], bool(generator.integers(0, 2)))
        arguments = [given, sum_, self.network(sizes), sizes, int(generator.integers(0, 3)), *rest]
        return arguments, [*given, *([sum_] if added else [])]

    def mixture(self, n_latent):
        density = LatentDensity(n_latent)
        weights = torch.from_numpy(self.generator.dirichlet(np.ones(5)))
        whitenings = self.normal(5, n_latent, n_latent, dtype=torch.float64).triu()
        whitenings.diagonal(dim1=1, dim2=2).abs_()
        density.set_mixture(weights, 2.0 * self.normal(5, n_latent, dtype=torch.float64), whitenings)
        floor = torch.tensor(0.3, dtype=torch.float64)
        return [density.log_weights, density.means, density.whitenings, floor]

    def outcomes(self, n_sites, n_latent, n_classes, n_features):
        """Arguments of site_outcomes, the first two to be differentiated."""
        latents = (2.0 * self.normal(n_sites, n_latent)).requires_grad_()
        target = self.normal(n_sites, n_features).requires_grad_()
        decoder, classifier = [n_latent, 16, 12, n_features], [n_latent, 16, n_classes] if n_classes else []
        scales = torch.from_numpy(self.generator.uniform(0.5, 2.0, 3))
        networks = (self.network(decoder), decoder, self.network(classifier), classifier)
        activation = int(self.generator.integers(0, 3))
        return [latents, target, *networks, activation, self.mixture(n_latent), scales]


def compare(fused, plain, inputs, generator):
    """Values and the gradient of a random combination of some of them."""
    tolerance = 1e-12 if inputs[0].dtype == torch.float64 else 1e-5
    weights = [torch.from_numpy(generator.normal(size=tuple(out.shape))).to(out.dtype) for out in plain]
    asked = [bool(generator.integers(0, 2)) for _ in weights]
    asked[int(generator.integers(len(asked)))] = True
    gradients = [
        torch.autograd.grad(
            sum((w * out).sum() for w, out, ask in zip(weights, outputs, asked, strict=True) if ask),
            inputs,
            materialize_grads=True,
        )
        for outputs in (fused, plain)
    ]
    for got, exact in [*zip(fused, plain, strict=True), *zip(*gradients, strict=True)]:
        assert got.dtype == exact.dtype
        scale = max(1.0, float(exact.detach().abs().max())) if exact.numel() else 1.0
        torch.testing.assert_close(got.detach(), exact.detach(), rtol=0, atol=tolerance * scale)


def of(tensors):
    return [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_sites", SITES)
def test_random_layers(n_sites, dtype, generator):
    numbers = Numbers(generator, dtype)
    for inputs, widths, joint in (
        ([16], [16, 16, 16], 2),
        ([16], [16, 16, 4], 2),
        ([32], [32, 32, 40], 2),
        ([57, 8], [32, 32, 32], 2),
        ([3], [1], 1),
        ([3, 1, 7], [5, 70, 3, 2, 6], 3),
        ([int(x) for x in generator.integers(1, 90, 3)], [int(x) for x in generator.integers(1, 90, 4)], 4),
    ):
        for added in (True, False):
            arguments, wanted = numbers.layers(n_sites, inputs, widths, joint, added)
            results = [of(source.site_layers(*arguments)) for source in (ops, reference)]
            compare(*results, wanted, generator)


@pytest.mark.parametrize("n_sites", SITES)
def test_what_is_added_may_be_the_first_input(n_sites, generator):
    numbers = Numbers(generator, torch.float64)
    arguments, wanted = numbers.layers(n_sites, [16, 8], [12, 16, 5], 2)
    arguments[1] = arguments[0][0]
    results = [of(source.site_layers(*arguments)) for source in (ops, reference)]
    compare(*results, wanted[:2], generator)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_sites", SITES)
def test_one_row_for_all_sites(n_sites, dtype, generator):
    """Inputs and gradients that are expanded are not copied, and mean the same."""
    numbers = Numbers(generator, dtype)
    arguments, _ = numbers.layers(n_sites, [16], [16, 16, 4], 2)
    row, weights = numbers.normal(1, 16).requires_grad_(), numbers.normal(1, 4)
    arguments[0], arguments[7], arguments[8] = [row.expand(n_sites, 16)], [4], False
    results = [source.site_layers(*arguments)[0] for source in (ops, reference)]
    slopes = [
        torch.autograd.grad(result, [row, arguments[1]], weights.expand_as(result)) for result in results
    ]
    for got, exact in ((results[0], results[1]), *zip(*slopes, strict=True)):
        scale = float(exact.detach().abs().max()) if exact.numel() else 1.0
        torch.testing.assert_close(
            got.detach(), exact.detach(), rtol=0, atol=(1e-12 if dtype == torch.float64 else 1e-5) * scale
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [0, 2, 5])
@pytest.mark.parametrize("n_sites", SITES)
def test_outcomes(n_sites, n_classes, dtype, generator):
    numbers = Numbers(generator, dtype)
    for n_latent, n_features in ((1, 3), (4, 5), (7, 57)):
        arguments = numbers.outcomes(n_sites, n_latent, n_classes, n_features)
        results = [[source.site_outcomes(*arguments)] for source in (ops, reference)]
        compare(*results, arguments[:2], generator)


def test_what_no_output_depends_on_is_not_differentiated(generator):
    arguments = Numbers(generator, torch.float64).outcomes(50, 4, 2, 5)
    for output, touched in ((0, False), (4, False), (5, True)):
        weights = torch.eye(7, dtype=torch.float64)[output]
        ours, right = (
            torch.autograd.grad(
                source.site_sums(source.site_outcomes(*arguments)), arguments[:2], weights, allow_unused=True
            )
            for source in (ops, reference)
        )
        torch.testing.assert_close(ours[0], right[0], rtol=1e-12, atol=1e-13)
        assert (ours[1] is not None) == touched
        if touched:
            torch.testing.assert_close(ours[1], right[1], rtol=1e-12, atol=1e-13)
        assert (ours[0].stride(0) == 0) == (output == 0)  # the latents' own: one row for all sites


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_sites", SITES)
def test_standardized(n_sites, dtype, generator):
    numbers = Numbers(generator, dtype)
    values = numbers.normal(n_sites, 16).requires_grad_()
    mean = numbers.normal(5, dtype=torch.float64)
    results = [[source.standardized(values, mean, mean.abs() + 0.1)] for source in (ops, reference)]
    compare(*results, [values], generator)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_sites", SITES)
def test_rows_of_species(n_sites, dtype, generator):
    numbers = Numbers(generator, dtype)
    columns = [int(n) for n in generator.integers(0, 40, 3)]
    rows = numbers.normal(3, sum(columns))
    types = torch.from_numpy(generator.integers(0, 3, n_sites))
    for fixed in (True, False):
        arguments = (rows.requires_grad_(not fixed), types, columns)
        results = [source.species_rows(*arguments) for source in (ops, reference)]
        for got, exact in zip(*results, strict=True):
            assert torch.equal(got, exact)
            assert got.requires_grad != fixed
    with pytest.raises(ValueError, match="type 3 of site 1 is none of 3 species"):
        ops.species_rows(rows.detach(), torch.tensor([0, 3]), columns)


def some_sums(generator, n_latent, n_classes):
    sums = torch.from_numpy(generator.uniform(5.0, 50.0, n_latent + n_classes + 2)).requires_grad_()
    centroids = torch.from_numpy(generator.normal(size=(n_classes + 1 if n_classes else 0, n_latent)))
    return sums, centroids


@pytest.mark.parametrize("sum_pooling", [False, True])
@pytest.mark.parametrize("n_classes", [0, 1, 3])
@pytest.mark.parametrize("n_latent", [1, 4])
def test_pooled_outputs(n_latent, n_classes, sum_pooling, generator):
    sums, centroids = some_sums(generator, n_latent, n_classes)
    arguments = (sums, centroids, n_latent, sum_pooling, 0.05, 4.0)
    results = [[source.pooled_outputs(*arguments)] for source in (ops, reference)]
    compare(*results, [sums], generator)
    assert torch.autograd.gradcheck(lambda s: ops.pooled_outputs(s, *arguments[1:]), [sums])
    composed = ops.pooled_outputs.default._op_dk(COMPOSED, *arguments)
    torch.testing.assert_close(composed, results[0][0], rtol=0, atol=0)


@pytest.mark.parametrize("activation", range(len(SMOOTH_ACTIVATIONS)))
def test_derivatives_by_central_differences(activation, generator):
    numbers = Numbers(generator, torch.float64)
    (_, _, *rest), wanted = numbers.layers(3, [3, 2], [4, 3, 5], 2)
    rest[2] = activation
    assert torch.autograd.gradcheck(lambda *x: tuple(ops.site_layers(x[:2], x[2], *rest)), wanted)
    arguments = numbers.outcomes(3, 2, 3, 4)
    arguments[6] = activation
    assert torch.autograd.gradcheck(
        lambda z, target: ops.site_outcomes(z, target, *arguments[2:]), arguments[:2]
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_composition_for_other_devices(dtype, generator):
    """What runs where there is no kernel, called here on the CPU."""
    numbers = Numbers(generator, dtype)
    arguments, wanted = numbers.layers(40, [5, 3], [6, 5, 9], 2)
    composed = ops.site_layers.default._op_dk(COMPOSED, *arguments)
    compare(composed, reference.site_layers(*arguments), wanted, generator)
    for n_classes in (0, 3):
        arguments = numbers.outcomes(40, 2, n_classes, 5)
        composed = [ops.site_outcomes.default._op_dk(COMPOSED, *arguments)]
        compare(composed, [reference.site_outcomes(*arguments)], arguments[:2], generator)
    values, mean = numbers.normal(9, 8).requires_grad_(), numbers.normal(3, dtype=torch.float64)
    composed = [ops.standardized.default._op_dk(COMPOSED, values, mean, mean.abs())]
    compare(composed, [reference.standardized(values, mean, mean.abs())], [values], generator)


def test_parameters_are_differentiated_as_often_as_one_likes(generator):
    arguments, _ = Numbers(generator, torch.float64).layers(4, [3, 2], [4, 5], 2)
    parameters = arguments[2].requires_grad_()
    slopes = [
        torch.autograd.grad(
            sum(out.square().sum() for out in source.site_layers(*arguments)), parameters, create_graph=True
        )[0]
        for source in (ops, reference)
    ]
    torch.testing.assert_close(*slopes, rtol=1e-13, atol=1e-13)
    second = [torch.autograd.grad(slope.square().sum(), parameters)[0] for slope in slopes]
    torch.testing.assert_close(*second, rtol=1e-12, atol=1e-12)


def test_fixed_parameters_have_first_derivatives_only(generator):
    numbers = Numbers(generator, torch.float64)
    arguments, wanted = numbers.layers(4, [3], [4, 5], 2)
    outcomes = numbers.outcomes(4, 2, 2, 5)
    for out, inputs in (
        (ops.site_layers(*arguments)[-1], wanted),
        (ops.site_outcomes(*outcomes), outcomes[:1]),
    ):
        with pytest.raises(NotImplementedError, match="first derivatives only"):
            torch.autograd.grad(out.sum(), inputs, create_graph=True)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_the_same_bits_whoever_does_a_site(n_threads, generator):
    numbers = Numbers(generator, torch.float32)
    arguments, wanted = numbers.layers(1000, [57, 8], [32, 32, 16], 2)
    outcomes = numbers.outcomes(1000, 4, 3, 57)
    inputs = [*wanted, *outcomes[:2]]

    def everything():
        outputs = [*ops.site_layers(*arguments), ops.site_outcomes(*outcomes)]
        return [*outputs, *torch.autograd.grad(sum(out.double().square().sum() for out in outputs), inputs)]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone, again = everything(), everything()
        torch.set_num_threads(n_threads)
        together = everything()
    finally:
        torch.set_num_threads(before)
    for one, other, many in zip(alone, again, together, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, many)


def test_what_is_not_a_number_stays_so(generator):
    """At its site, and only there."""
    numbers = Numbers(generator, torch.float32)
    arguments, _ = numbers.layers(50, [16], [16, 16, 4], 2)
    outcomes = numbers.outcomes(50, 4, 2, 5)
    bad = int(generator.integers(50))
    with torch.no_grad():
        arguments[0][0][bad, 2] = torch.nan
        outcomes[0][bad, 1] = torch.nan
    for out in (torch.cat(ops.site_layers(*arguments), dim=1), ops.site_outcomes(*outcomes)):
        assert out.isfinite().all(dim=1).sum() == 49
        assert out[bad, -1].isnan()


def test_bad_arguments_are_named(generator):
    numbers = Numbers(generator, torch.float64)
    good, _ = numbers.layers(4, [3, 2], [6, 5], 2)
    for place, bad, message in (
        (0, good[0][:1], "the inputs have 3 columns side by side, the first layer expects 5"),
        (0, [good[0][0], good[0][1].float()], "an input is Float, expected Double"),
        (1, good[0][0], "what is added must have 5 columns, got 3"),
        (2, good[2][1:], r"have 71 parameters, got a tensor of shape \[70\]"),
        (2, good[2].float(), "the parameters are Float, expected Double"),
        (3, [5, 6], "2 layers need one width more"),
        (4, 3, "activation must be 0"),
        (6, 3, "the joint must be after 1 to 2 layers, got 3"),
        (7, [4], "must add up to the last layer's 5"),
    ):
        arguments = list(good)
        arguments[place] = bad
        with pytest.raises((ValueError, TypeError), match=message):
            ops.site_layers(*arguments)
    good = numbers.outcomes(4, 2, 2, 5)
    for place, bad, message in (
        (1, good[1][:, :4], "target must have the decoder's 5 columns, got 4"),
        (5, [2, 16, 1], "no or at least two classes"),
        (7, good[7][:3], "got 3 tensors"),
        (8, good[8][:2], "scales must be three numbers"),
    ):
        arguments = list(good)
        arguments[place] = bad
        with pytest.raises((ValueError, TypeError), match=message):
            ops.site_outcomes(*arguments)
    sums, centroids = some_sums(generator, 2, 1)
    with pytest.raises(ValueError, match=r"sums must have shape \(5,\), got \[4\]"):
        ops.pooled_outputs(sums[:4], centroids, 2, False, 0.05, 4.0)
    with pytest.raises(ValueError, match="mean and scale must have shape"):
        ops.standardized(good[0], good[8], good[8])
