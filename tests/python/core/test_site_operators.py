"""The operators on sites against their references."""

import itertools

import numpy as np
import pytest
import torch

from gnncv._native import load_operators
from gnncv.nn import SMOOTH_ACTIVATIONS, LatentDensity, reference

load_operators()
ops = torch.ops.gnncv
DTYPES = [torch.float64, torch.float32]
SITES = [0, 1, 23, 64, 500]


class RandomNetwork:
    """Layers of random widths on random inputs, as arguments of the operators."""

    def __init__(self, generator, dtype, n_sites, inputs, widths, residual=False, activate_input=False):
        self.generator, self.dtype = generator, dtype
        self.inputs = [self.tensor(n_sites, width) for width in inputs]
        sizes = [sum(inputs), *widths]
        self.weights = [self.tensor(b, a) / a**0.5 for a, b in itertools.pairwise(sizes)]
        # every other layer has no bias
        self.biases = [self.tensor(b if k % 2 == 0 else 0) for k, b in enumerate(widths)]
        self.activate_input, self.residual = activate_input, residual
        first = int(generator.integers(0, widths[-1] + 1))
        self.columns = [first, widths[-1] - first]

    def tensor(self, *shape):
        return torch.from_numpy(self.generator.normal(size=shape)).to(self.dtype)

    def arguments(self, activation):
        layers = (self.weights, self.biases, self.columns)
        return (self.inputs, *layers, activation, self.activate_input, self.residual)


def some_widths(count, generator):
    return [int(width) for width in generator.integers(1, 90, count)]


def compare(fused, plain, inputs, generator):
    """Values and the gradient of a random combination of them."""
    tolerance = 1e-13 if inputs[0].dtype == torch.float64 else 5e-6
    weights = [torch.from_numpy(generator.normal(size=tuple(out.shape))).to(out.dtype) for out in plain]
    gradients = [
        torch.autograd.grad(
            sum((w * out).sum() for w, out in zip(weights, outputs, strict=True)),
            inputs,
            materialize_grads=True,
        )
        for outputs in (fused, plain)
    ]
    for got, exact in [*zip(fused, plain, strict=True), *zip(*gradients, strict=True)]:
        assert got.dtype == exact.dtype
        scale = max(1.0, float(exact.detach().abs().max())) if exact.numel() else 1.0
        torch.testing.assert_close(got.detach(), exact.detach(), rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", range(len(SMOOTH_ACTIVATIONS)))
@pytest.mark.parametrize("n_sites", SITES)
def test_random_networks(n_sites, activation, dtype, generator):
    for inputs, widths, residual, activate_input in (
        ([57, 8], [32, 32], False, False),
        ([16, 16], [16, 16], True, False),
        ([32], [4], False, True),
        ([4], [32, 32, 57], False, False),
        ([3, 1, 7], [5, 70, 3], True, True),
        (
            [int(x) for x in generator.integers(1, 90, 3)],
            [int(x) for x in generator.integers(1, 90, 4)],
            False,
            True,
        ),
    ):
        network = RandomNetwork(generator, dtype, n_sites, inputs, widths, residual, activate_input)
        for tensor in network.inputs:
            tensor.requires_grad_()
        results = [source.site_network(*network.arguments(activation)) for source in (ops, reference)]
        compare(*results, network.inputs, generator)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", range(len(SMOOTH_ACTIVATIONS)))
@pytest.mark.parametrize("n_sites", SITES)
def test_reconstruction_errors(n_sites, activation, dtype, generator):
    for n_latent, widths in ((4, [32, 32, 57]), (2, [16, 16]), (7, [3])):
        network = RandomNetwork(generator, dtype, n_sites, [n_latent], widths)
        inputs = [network.inputs[0].requires_grad_(), network.tensor(n_sites, widths[-1]).requires_grad_()]
        layers = (network.weights, network.biases, activation)
        results = [[source.reconstruction_error(*inputs, *layers)] for source in (ops, reference)]
        compare(*results, inputs, generator)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_latent", [1, 4, 9])
@pytest.mark.parametrize("n_sites", SITES)
def test_latent_densities(n_sites, n_latent, dtype, generator):
    density = random_mixture(n_latent, generator)
    latents = torch.from_numpy(generator.normal(0, 3, (n_sites, n_latent))).to(dtype).requires_grad_()
    results = [[source.latent_density(latents, *density)] for source in (ops, reference)]
    compare(*results, [latents], generator)


def random_outcomes(n_sites, n_latent, n_classes, dtype, generator):
    """Arguments of site_columns, the first four to be differentiated."""

    def normal(*shape):
        return torch.from_numpy(generator.normal(0, 3, shape))

    tensors = [normal(n_sites, n_latent).to(dtype), normal(n_sites, n_classes).to(dtype)]
    tensors += [normal(n_sites, 1).abs().to(dtype), normal(n_sites, 1)]
    scales = torch.from_numpy(generator.uniform(0.5, 2.0, 3))
    return [tensor.requires_grad_() for tensor in tensors], list(scales)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [0, 2, 5])
@pytest.mark.parametrize("n_sites", SITES)
def test_columns_and_their_sums(n_sites, n_classes, dtype, generator):
    tensors, scales = random_outcomes(n_sites, 4, n_classes, dtype, generator)
    columns = [source.site_columns(*tensors, *scales) for source in (ops, reference)]
    assert columns[0].dtype == torch.float64
    wanted = [tensor for tensor in tensors if n_classes or tensor.shape[1]]
    compare([columns[0]], [columns[1]], wanted, generator)
    columns = [columns[1].detach().requires_grad_()]
    sums = [[source.site_sums(columns[0])] for source in (ops, reference)]
    assert sums[0][0][-1] == n_sites
    compare(*sums, columns, generator)


def test_what_no_output_depends_on_is_not_differentiated(generator):
    """Of networks, densities and columns alike: their backward passes do not run."""
    tensors, scales = random_outcomes(30, 4, 2, torch.float64, generator)
    decoder = RandomNetwork(generator, torch.float64, 30, [4], [6, 5])
    head = RandomNetwork(generator, torch.float64, 30, [4], [6, 2])
    target, latents = decoder.tensor(30, 5).requires_grad_(), tensors[0]
    mixture = random_mixture(4, generator)

    def sums(source):
        errors = source.reconstruction_error(latents, target, decoder.weights, decoder.biases, 0)
        logits = source.site_network([latents], head.weights, head.biases, [2], 0, False, False)[0]
        surprises = source.latent_density(latents, *mixture)
        return source.site_sums(source.site_columns(latents, logits, errors, surprises, *scales))

    for output, touched in ((0, False), (4, False), (5, True)):
        weights = torch.eye(7, dtype=torch.float64)[output]
        ours, right = (
            torch.autograd.grad(sums(source), [latents, target], weights, allow_unused=True)
            for source in (ops, reference)
        )
        torch.testing.assert_close(ours[0], right[0], rtol=1e-12, atol=1e-13)
        assert (ours[1] is not None) == touched
        if touched:
            torch.testing.assert_close(ours[1], right[1], rtol=1e-12, atol=1e-13)


def random_mixture(n_latent, generator):
    density = LatentDensity(n_latent)
    weights = torch.from_numpy(generator.dirichlet(np.ones(5)))
    means = torch.from_numpy(generator.normal(0, 2, (5, n_latent)))
    whitenings = torch.from_numpy(generator.normal(size=(5, n_latent, n_latent))).triu()
    whitenings.diagonal(dim1=1, dim2=2).abs_()
    density.set_mixture(weights, means, whitenings)
    return density.log_weights, density.means, density.whitenings, torch.tensor(0.3, dtype=torch.float64)


@pytest.mark.parametrize("activation", range(len(SMOOTH_ACTIVATIONS)))
def test_derivatives_by_central_differences(activation, generator):
    network = RandomNetwork(generator, torch.float64, 3, [3, 2], [4, 3], residual=True, activate_input=True)
    _, *rest = network.arguments(activation)
    for tensor in network.inputs:
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(lambda *inputs: ops.site_network(list(inputs), *rest), network.inputs)
    decoder = RandomNetwork(generator, torch.float64, 3, [2], [4, 5])
    inputs = [decoder.inputs[0].requires_grad_(), decoder.tensor(3, 5).requires_grad_()]
    layers = (decoder.weights, decoder.biases, activation)
    assert torch.autograd.gradcheck(lambda *both: ops.reconstruction_error(*both, *layers), inputs)
    mixture = random_mixture(2, generator)
    assert torch.autograd.gradcheck(lambda z: ops.latent_density(z, *mixture), [inputs[0]])
    tensors, scales = random_outcomes(3, 2, 3, torch.float64, generator)
    assert torch.autograd.gradcheck(lambda *four: ops.site_columns(*four, *scales), tensors)
    columns = [decoder.tensor(3, 4).requires_grad_()]
    assert torch.autograd.gradcheck(ops.site_sums, columns)


def test_far_from_all_components(generator):
    """The logarithm of a sum of vanishing numbers, and its slope."""
    mixture = random_mixture(3, generator)
    latents = torch.from_numpy(generator.normal(0, 100, (9, 3))).requires_grad_()
    results = [[source.latent_density(latents, *mixture)] for source in (ops, reference)]
    compare(*results, [latents], generator)


@pytest.mark.parametrize("activation", range(len(SMOOTH_ACTIVATIONS)))
def test_large_arguments_of_activations(activation):
    x = torch.tensor([0.0, 1e-8, -1e-8, 3.0, -3.0, 19.9, 20.1, -20.1, 80.0, -80.0, 400.0, -400.0])
    identity = [torch.eye(1, dtype=torch.float64)]
    empty = [torch.empty(0, dtype=torch.float64)]
    inputs = [x.double()[:, None].requires_grad_()]
    arguments = (inputs, identity, empty, [1], activation, True, False)
    results = [source.site_network(*arguments)[0] for source in (ops, reference)]
    slopes = [torch.autograd.grad(result.sum(), inputs)[0] for result in results]
    torch.testing.assert_close(*results, rtol=1e-14, atol=1e-15)
    torch.testing.assert_close(*slopes, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("activation", range(len(SMOOTH_ACTIVATIONS)))
def test_what_is_not_a_number_stays_so(activation, generator):
    """At its site, and only there."""
    network = RandomNetwork(generator, torch.float32, 50, [4], [16, 16], activate_input=True)
    bad = int(generator.integers(50))
    network.inputs[0][bad, 2] = torch.nan
    outputs = [
        torch.cat(ops.site_network(*network.arguments(activation)), dim=1),
        ops.latent_density(network.inputs[0], *random_mixture(4, generator)),
    ]
    for out in outputs:
        assert out[bad].isnan().all()
        assert out.isfinite().all(dim=1).sum() == 49


def test_parameters_are_trained_through_it(generator):
    """Where a parameter is to be differentiated, as often as one likes."""
    network = RandomNetwork(generator, torch.float64, 4, [3, 2], [4, 5])
    inputs = [tensor.requires_grad_() for tensor in network.inputs]
    parameters = [*network.weights, *network.biases]
    for parameter in parameters:
        parameter.requires_grad_()

    def results():
        return [source.site_network(*network.arguments(0)) for source in (ops, reference)]

    for wanted in ([*inputs, *network.weights], [network.biases[0]]):
        slopes = [
            torch.autograd.grad(sum(out.square().sum() for out in result), wanted, create_graph=True)
            for result in results()
        ]
        for ours, right in zip(*slopes, strict=True):
            torch.testing.assert_close(ours, right, rtol=1e-13, atol=1e-13)
        second = [
            torch.autograd.grad(sum(slope.square().sum() for slope in both), network.weights)
            for both in slopes
        ]
        for ours, right in zip(*second, strict=True):
            torch.testing.assert_close(ours, right, rtol=1e-13, atol=1e-12)


def test_fixed_parameters_have_first_derivatives_only(generator):
    network = RandomNetwork(generator, torch.float64, 4, [3], [4, 5])
    network.inputs[0].requires_grad_()
    out = ops.site_network(*network.arguments(0))[0].sum()
    with pytest.raises(NotImplementedError, match="first derivatives only"):
        torch.autograd.grad(out, network.inputs, create_graph=True)


def test_only_what_is_asked_for_is_differentiated(generator):
    network = RandomNetwork(generator, torch.float64, 30, [3, 2, 4], [8, 5])
    network.inputs[1].requires_grad_()
    network.columns = [2, 3]
    _, second = ops.site_network(*network.arguments(0))
    (ours,) = torch.autograd.grad(second.sum(), network.inputs[1])
    _, second = reference.site_network(*network.arguments(0))
    (right,) = torch.autograd.grad(second.sum(), network.inputs[1])
    torch.testing.assert_close(ours, right, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_composition_for_other_devices(dtype, generator):
    """What runs where there is no kernel, called here on the CPU."""
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    network = RandomNetwork(generator, dtype, 40, [5, 3], [6, 5], residual=True, activate_input=True)
    inputs = [tensor.requires_grad_() for tensor in network.inputs]
    for activation in range(len(SMOOTH_ACTIVATIONS)):
        arguments = network.arguments(activation)
        composed = ops.site_network.default._op_dk(key, *arguments)
        compare(composed, reference.site_network(*arguments), inputs, generator)
    decoder = RandomNetwork(generator, dtype, 40, [3], [6, 5])
    both = [decoder.inputs[0].requires_grad_(), decoder.tensor(40, 5).requires_grad_()]
    arguments = (*both, decoder.weights, decoder.biases, 1)
    composed = [ops.reconstruction_error.default._op_dk(key, *arguments)]
    compare(composed, [reference.reconstruction_error(*arguments)], both, generator)
    arguments = (both[0], *random_mixture(3, generator))
    composed = [ops.latent_density.default._op_dk(key, *arguments)]
    compare(composed, [reference.latent_density(*arguments)], both[:1], generator)
    for n_classes in (0, 3):
        tensors, scales = random_outcomes(40, 2, n_classes, dtype, generator)
        wanted = [tensor for tensor in tensors if tensor.shape[1]]
        composed = ops.site_columns.default._op_dk(key, *tensors, *scales)
        compare([composed], [reference.site_columns(*tensors, *scales)], wanted, generator)
        sums = ops.site_sums.default._op_dk(key, composed)
        compare([sums], [reference.site_sums(composed)], wanted[:1], generator)


@pytest.mark.parametrize("n_threads", [2, 3])
def test_the_same_bits_whoever_does_a_site(n_threads, generator):
    network = RandomNetwork(generator, torch.float32, 1000, [57, 8], [32, 32])
    decoder = RandomNetwork(generator, torch.float32, 1000, [4], [32, 57])
    target = decoder.tensor(1000, 57)
    inputs = [*network.inputs, decoder.inputs[0], target]
    for tensor in inputs:
        tensor.requires_grad_()
    mixture = random_mixture(4, generator)

    def everything():
        outputs = [
            *ops.site_network(*network.arguments(0)),
            ops.reconstruction_error(decoder.inputs[0], target, decoder.weights, decoder.biases, 0),
            ops.latent_density(decoder.inputs[0], *mixture),
        ]
        return [*outputs, *torch.autograd.grad(sum(out.square().sum() for out in outputs), inputs)]

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


def test_bad_arguments_are_named(generator):
    network = RandomNetwork(generator, torch.float64, 4, [3, 2], [6, 5])
    good = list(network.arguments(0))
    for place, bad, message in (
        (0, [], "needs an input and a layer"),
        (0, [network.inputs[0]], r"weight 0 must have shape \(outputs, 3\)"),
        (0, [network.inputs[0], network.inputs[1].float()], "an input is Float, expected Double"),
        (1, network.weights[:1], "1 weights need as many biases"),
        (2, [network.biases[0][:2], network.biases[1]], "bias 0 must be empty or have 6 numbers, got 2"),
        (3, [4], "must add up to the last layer's 5"),
        (4, 3, "activation must be 0"),
        (6, True, "a residual needs as many columns"),
    ):
        arguments = list(good)
        arguments[place] = bad
        with pytest.raises((ValueError, TypeError), match=message):
            ops.site_network(*arguments)
    with pytest.raises(ValueError, match="target must have 5 columns, got 6"):
        decoder = RandomNetwork(generator, torch.float64, 4, [3], [5])
        ops.reconstruction_error(decoder.inputs[0], decoder.tensor(4, 6), decoder.weights, decoder.biases, 0)
    log_weights, means, whitenings, floor = random_mixture(3, generator)
    with pytest.raises(ValueError, match="the mixture must have shapes"):
        ops.latent_density(network.inputs[1], log_weights, means, whitenings, floor)
    with pytest.raises(TypeError, match="the mixture must be float64"):
        ops.latent_density(network.inputs[0], log_weights, means, whitenings, floor.float())
    tensors, scales = random_outcomes(4, 2, 2, torch.float64, generator)
    with pytest.raises(ValueError, match="logits of no or at least two classes"):
        ops.site_columns(tensors[0], tensors[1][:, :1], *tensors[2:], *scales)
    with pytest.raises(ValueError, match="columns must be float64 of shape"):
        ops.site_sums(tensors[0].float())
