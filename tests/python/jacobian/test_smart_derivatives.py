"""SmartDerivatives: mlcolvar's interface, its peculiar cases, and training through it."""

import copy
import pickle

import pytest
import torch

import gnncv
from gnncv.errors import InvalidArgument
from gnncv.jacobian import CoordinationNumbers, PairDistances

N_ATOMS, N_FRAMES = 6, 10


def frames(generator, n_frames=N_FRAMES) -> dict[str, torch.Tensor]:
    return {
        "data": torch.from_numpy(generator.uniform(0, 3, size=(n_frames, 3 * N_ATOMS))),
        "labels": torch.arange(n_frames) % 4,
        "weights": torch.ones(n_frames),
    }


def network(n_inputs: int, n_outputs: int = 1) -> torch.nn.Sequential:
    layers = [torch.nn.Linear(n_inputs, 5), torch.nn.Tanh(), torch.nn.Linear(5, n_outputs)]
    return torch.nn.Sequential(*layers).double()


def both_gradients(model, descriptors, smart, dataset, order):
    """Gradients of the outputs with respect to positions: by the sparse chain rule, and by autograd
    throughout.
    """
    x = dataset["described"]["data"][order].clone().requires_grad_()
    positions = dataset["data"][order].reshape(-1, N_ATOMS, 3).clone().requires_grad_()
    outputs = model(x).shape[1]
    slopes = [torch.autograd.grad(model(x)[:, k].sum(), x, create_graph=True)[0] for k in range(outputs)]
    ours = smart(torch.stack(slopes, 2), dataset["described"]["ref_idx"][order])
    direct = [
        torch.autograd.grad(model(descriptors(positions))[:, k].sum(), positions, create_graph=True)[0]
        for k in range(outputs)
    ]
    return ours, torch.stack(direct, 3)


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("batch_size", [None, -1, 3])
def test_gradients_of_shuffled_and_split_frames(generator, separate, batch_size):
    dataset, descriptors = frames(generator), PairDistances(N_ATOMS, cell=3.0)
    smart = gnncv.SmartDerivatives()
    described = smart.setup(dataset, descriptors, N_ATOMS, separate, batch_size)
    variational = dataset["labels"] > 1 if separate else torch.ones(N_FRAMES, dtype=torch.bool)
    assert set(described) == {"data", "labels", "weights", "ref_idx"}
    assert described["ref_idx"].dtype == torch.int32
    assert (described["ref_idx"][~variational] == -1).all()
    assert described["ref_idx"][variational].tolist() == list(range(int(variational.sum())))
    expected = descriptors(dataset["data"].reshape(-1, N_ATOMS, 3))
    torch.testing.assert_close(described["data"], expected)
    model = network(described["data"].shape[1], 2)
    chosen = variational.nonzero()[:, 0]
    shuffled = chosen[torch.from_numpy(generator.permutation(len(chosen)))]
    for order in (chosen, shuffled, shuffled[:3], shuffled[[0, 0, 1]]):
        ours, direct = both_gradients(model, descriptors, smart, dataset | {"described": described}, order)
        assert ours.shape == (len(order), N_ATOMS, 3, 2)
        torch.testing.assert_close(ours, direct, rtol=0, atol=1e-10)
        # A loss on them trains the model in the same way.
        gradients = [
            torch.autograd.grad(g.square().sum(), list(model.parameters())[:3]) for g in (ours, direct)
        ]
        for first, second in zip(*gradients, strict=True):
            torch.testing.assert_close(first, second, rtol=0, atol=1e-9)


def test_shapes_of_one_and_several_outputs(generator):
    smart = gnncv.SmartDerivatives()
    described = smart.setup(frames(generator), PairDistances(N_ATOMS), N_ATOMS)
    x = torch.rand(N_FRAMES, described["data"].shape[1])
    assert smart(x).shape == (N_FRAMES, N_ATOMS, 3)
    assert smart(x[..., None]).shape == (N_FRAMES, N_ATOMS, 3, 1)
    assert smart(x[..., None].expand(-1, -1, 4)).shape == (N_FRAMES, N_ATOMS, 3, 4)
    assert smart(x, described["ref_idx"]).view(N_FRAMES, -1).shape == (N_FRAMES, 3 * N_ATOMS)
    assert smart(x.float()).dtype == torch.float64
    assert smart.state_dict() == {}


def test_atoms_in_no_descriptor(generator):
    descriptors = PairDistances(N_ATOMS, [[0, 1], [3, 1]])
    with pytest.raises(
        InvalidArgument, match=r"atoms \[2, 4, 5\] are not used in any .* force_all_atoms=True"
    ):
        gnncv.SmartDerivatives().setup(frames(generator), descriptors, N_ATOMS)
    smart = gnncv.SmartDerivatives(force_all_atoms=True)
    smart.setup(frames(generator), descriptors, N_ATOMS)
    gradient = smart(torch.ones(N_FRAMES, 2))
    assert gradient.shape == (N_FRAMES, N_ATOMS, 3)
    assert (gradient[:, [2, 4, 5]] == 0).all() and (gradient[:, [0, 1, 3]] != 0).any(2).all()


def test_atoms_switched_off_in_some_frames(generator):
    """A frame in which the last atoms have no neighbor keeps them, and their zeros."""

    def switching(d):
        return (1 - d / 2).clamp(min=0) ** 3

    dataset = frames(generator)
    positions = dataset["data"].reshape(-1, N_ATOMS, 3)
    positions[:4, 4:] += 100.0 + torch.arange(2)[:, None] * 50
    descriptors = CoordinationNumbers(N_ATOMS, switching=switching)
    smart = gnncv.SmartDerivatives()
    described = smart.setup(dataset, descriptors, N_ATOMS)
    model = network(described["data"].shape[1])
    ours, direct = both_gradients(
        model, descriptors, smart, dataset | {"described": described}, torch.arange(N_FRAMES).flip(0)
    )
    torch.testing.assert_close(ours, direct, rtol=0, atol=1e-10)
    assert (ours[-4:, 4:] == 0).all()


def test_any_function(generator):
    def products(x):
        d = (x[:, 1:] - x[:, :-1]).norm(dim=2)
        return torch.stack([d[:, 0] * d[:, 1], d[:, 2].exp(), d[:, 3] - d[:, 4]], 1)

    dataset = frames(generator)
    smart = gnncv.SmartDerivatives()
    described = smart.setup(dataset, products, N_ATOMS, True, 2)
    model = network(3, 2)
    order = (dataset["labels"] > 1).nonzero()[:, 0].flip(0)
    ours, direct = both_gradients(model, products, smart, dataset | {"described": described}, order)
    torch.testing.assert_close(ours, direct, rtol=0, atol=1e-10)


def test_positions_of_either_shape_and_other_kinds_of_data_sets(generator):
    class Frames:
        """As mlcolvar's DictDataset: keys are an attribute, items by name."""

        def __init__(self, entries):
            self.entries = entries

        @property
        def keys(self):
            return tuple(self.entries)

        def __getitem__(self, key):
            return self.entries[key]

    entries = frames(generator)
    shaped = entries | {"data": entries["data"].reshape(-1, N_ATOMS, 3)}
    described = [
        gnncv.SmartDerivatives().setup(dataset, PairDistances(N_ATOMS), N_ATOMS)
        for dataset in (entries, shaped, Frames(entries))
    ]
    assert isinstance(described[2], Frames)
    for other in described[1:]:
        torch.testing.assert_close(other["data"], described[0]["data"])


def test_copies_and_files(generator):
    smart = gnncv.SmartDerivatives()
    smart.setup(frames(generator), PairDistances(N_ATOMS), N_ATOMS)
    x = torch.rand(N_FRAMES, 15)
    for other in (copy.deepcopy(smart), pickle.loads(pickle.dumps(smart))):
        torch.testing.assert_close(other(x), smart(x))
    smart.move_to_cpu()
    torch.testing.assert_close(smart.to("cpu")(x), other(x))


@pytest.mark.cuda
def test_moves_to_the_device_of_its_input_and_back(generator):
    smart = gnncv.SmartDerivatives()
    described = smart.setup(frames(generator), PairDistances(N_ATOMS, cell=3.0), N_ATOMS)
    x, ref_idx = torch.rand(N_FRAMES, 15), described["ref_idx"].flip(0)
    expected = smart(x, ref_idx)
    torch.testing.assert_close(smart(x.cuda(), ref_idx.cuda()).cpu(), expected)
    assert smart.jacobian.device.type == "cuda"
    first = smart(x.cuda(), ref_idx)
    assert all(torch.equal(first, smart(x.cuda(), ref_idx)) for _ in range(5))
    smart.move_to_cpu()
    torch.testing.assert_close(smart(x, ref_idx), expected)


def test_bad_input_is_named(generator):
    dataset, descriptors = frames(generator), PairDistances(N_ATOMS)
    smart = gnncv.SmartDerivatives()
    with pytest.raises(InvalidArgument, match="call setup first"):
        smart(torch.zeros(2, 15))
    with pytest.raises(InvalidArgument, match="no label is above 1"):
        smart.setup(dataset | {"labels": torch.zeros(N_FRAMES)}, descriptors, N_ATOMS, True)
    with pytest.raises(InvalidArgument, match="descriptors_batch_size: 0 is not larger than zero"):
        smart.setup(dataset, descriptors, N_ATOMS, descriptors_batch_size=0)
    with pytest.raises(InvalidArgument, match=r"'data' has shape \(10, 18\), expected \(n_frames, 15\)"):
        smart.setup(dataset, descriptors, 5)
    with pytest.raises(InvalidArgument, match="no entry 'data' among"):
        smart.setup({"labels": dataset["labels"]}, descriptors, N_ATOMS)
    with pytest.raises(InvalidArgument, match="neither mlcolvar's DictDataset nor a dictionary"):
        smart.setup([1, 2], descriptors, N_ATOMS)
    described = smart.setup(dataset, descriptors, N_ATOMS, separate_boundary_dataset=True)
    with pytest.raises(InvalidArgument, match="ref_idx: -1 to 3; derivatives are known for frames 0 to 3"):
        smart(torch.zeros(N_FRAMES, 15), described["ref_idx"])
    with pytest.raises(InvalidArgument, match="ref_idx: 10 frames for derivatives of 2"):
        smart(torch.zeros(2, 15), described["ref_idx"])
