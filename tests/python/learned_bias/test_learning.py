"""Biases learned from a metadynamics run in a double well whose free energy is known."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import gnncv
from dimer import write_dimer_model
from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.cli.main import main
from gnncv.errors import InvalidArgument
from gnncv.files import HillsWriter, TableWriter, read_colvar, read_hills
from gnncv.learned_bias import Fit, fit_bias, landscape_from_samples, learn_bias, read_landscape

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
import toy_metadynamics as toy_model

TEMPERATURE = toy_model.TEMPERATURE


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> toy_model.Toy:
    return toy_model.run(tmp_path_factory.mktemp("toy") / "run", seed=11, n_steps=150_000)


@pytest.fixture(scope="module")
def flat(toy: toy_model.Toy) -> Fit:
    """The bias at an infinite bias factor, from the hills."""
    return fit_bias(read_landscape(toy.hills))


def rms_from_exact(fit, exact, low: float, high: float) -> float:
    """Root mean square (kJ/mol) of V + (1 - 1/gamma) F, up to a constant, where the run has been."""
    grid = np.linspace(low, high, 201)
    scale = 1.0 if fit.bias_factor is None else 1.0 - 1.0 / fit.bias_factor
    total = KJ_MOL_PER_EV * fit.bias(torch.from_numpy(grid[:, None])).numpy() + scale * exact(grid)
    return float(total.std())


@pytest.mark.parametrize("kind", ["hills", "final", "logged", "tiwary-parrinello"])
def test_minus_the_free_energy_of_one_variable(toy: toy_model.Toy, kind: str) -> None:
    sources = {
        "hills": {"source": toy.hills},
        "final": {"source": toy.colvar, "bias": [toy.hills]},
        "logged": {"source": toy.colvar, "bias_column": "bias"},
        "tiwary-parrinello": {"source": toy.colvar, "bias": [toy.hills], "weighting": "tiwary-parrinello"},
    }
    more = {} if kind == "hills" else {"outputs": ["x"], "temperature_kelvin": TEMPERATURE, "discard": 0.3}
    landscape = read_landscape(**sources[kind], **more)
    fit = fit_bias(landscape)
    error = rms_from_exact(fit, toy_model.exact_x, -1.3, 1.3)
    print(f"{kind}: {error:.2f} kJ/mol from the exact one, residual {KJ_MOL_PER_EV * fit.residual:.2f}")
    assert error < 1.2  # of 14 kJ/mol, and of kT = 2.5
    assert KJ_MOL_PER_EV * fit.residual < 1.5
    assert KJ_MOL_PER_EV * fit.fit_residual < 0.9


def test_a_variable_that_was_not_biased(toy: toy_model.Toy) -> None:
    landscape = read_landscape(
        toy.colvar, ["y"], temperature_kelvin=TEMPERATURE, bias=[toy.hills], discard=0.1
    )
    assert rms_from_exact(fit_bias(landscape), toy_model.exact_y, -0.9, 0.9) < 1.0


def test_two_variables(toy: toy_model.Toy) -> None:
    """F(x, y) = U(x) + kT/2 ((y - x/2) / spread)^2 where it was sampled."""
    landscape = read_landscape(
        toy.colvar, ["x", "y"], temperature_kelvin=TEMPERATURE, bias=[toy.hills], discard=0.1
    )
    fit = fit_bias(landscape)
    x = np.linspace(-1.2, 1.2, 60)
    y = 0.5 * x + toy_model.SPREAD * np.tile([-1.0, 0.0, 1.0], 20)
    exact = toy_model.exact_x(x) + 0.5 * 2.494 * ((y - 0.5 * x) / toy_model.SPREAD) ** 2
    total = KJ_MOL_PER_EV * fit.bias(torch.from_numpy(np.column_stack([x, y]))).numpy() + exact
    print(f"two variables: {total.std():.2f} kJ/mol from the exact one")
    assert total.std() < 1.5
    assert KJ_MOL_PER_EV * fit.residual < 2.0


def test_bias_factor_and_bound(toy: toy_model.Toy, flat: Fit) -> None:
    """At gamma the bias is (1 - 1/gamma) times as deep; a bound fills the deepest wells only."""
    landscape = read_landscape(toy.hills)
    assert landscape.bias_factor == toy_model.BIAS_FACTOR
    grid = torch.linspace(-1.3, 1.3, 101, dtype=torch.float64)[:, None]
    tempered = fit_bias(landscape, 4.0).bias(grid)
    assert float((tempered - 0.75 * flat.bias(grid)).abs().max()) * KJ_MOL_PER_EV < 0.6
    bounded = fit_bias(landscape, None, 8.0)
    assert bounded.bias.largest * KJ_MOL_PER_EV <= 8.0 + 1e-9
    assert float(bounded.bias(grid).max()) * KJ_MOL_PER_EV <= 8.0
    top = float(bounded.bias(torch.zeros((1, 1), dtype=torch.float64))) * KJ_MOL_PER_EV
    assert top < 1.0  # the barrier, 14 kJ/mol above the well, is above what is filled


def test_outside_the_samples_it_does_not_push(flat: Fit) -> None:
    """At the ends of what was sampled, where the free energy is highest, the bias is low, and stays so."""
    inside = flat.bias(torch.tensor([[-1.0]], dtype=torch.float64)).item()
    for x in (-2.6, 2.6, 50.0):
        value = torch.tensor([[x]], dtype=torch.float64, requires_grad=True)
        energy = flat.bias(value).sum()
        (slope,) = torch.autograd.grad(energy, value)
        assert energy.item() < 0.2 * inside
        assert slope.abs().max().item() * KJ_MOL_PER_EV < 0.2


def test_the_rim_is_no_cliff(toy: toy_model.Toy) -> None:
    """Beside the path of two variables the bias is as high as on it; only one of them was biased."""
    landscape = read_landscape(
        toy.colvar, ["x", "y"], temperature_kelvin=TEMPERATURE, bias=[toy.hills], discard=0.1
    )
    fit = fit_bias(landscape)
    beside = np.column_stack([np.full(40, -1.0), np.linspace(-0.5, 2.5, 40)])  # 10 spreads away
    energy = KJ_MOL_PER_EV * fit.bias(torch.from_numpy(beside)).numpy()
    exact = toy_model.exact_x(beside[:, 0]) + 0.5 * 2.494 * ((beside[:, 1] + 0.5) / toy_model.SPREAD) ** 2
    total = energy + exact
    print("bias beside the path", np.round(energy[::5], 1))
    assert total.min() > total[0] - 2.5  # at most kT below the path: nothing is gained beside it


def test_the_residual_tells_noise(generator: np.random.Generator) -> None:
    """It is of held-out samples: with few of them it is large, though the fit is good."""
    few = generator.normal(size=(150, 1))
    many = generator.normal(size=(20_000, 1))
    residuals = []
    for samples in (few, many):
        fit = fit_bias(landscape_from_samples(samples, None, TEMPERATURE, ["x"], "normal"))
        residuals.append(KJ_MOL_PER_EV * fit.residual)
    print("residuals", residuals)
    assert residuals[0] > 3.0 * residuals[1]
    assert residuals[1] < 0.5


def dimer_files(folder: Path, generator: np.random.Generator) -> Path:
    """HILLS and COLVAR as of a run that was biased along the dimer's distance; columns with a label."""
    folder.mkdir()
    with (
        HillsWriter(folder / "HILLS", "cv.distance", 8.0) as hills,
        TableWriter(folder / "COLVAR", ["time", "cv.distance", "cv.inverse", "bias"]) as colvar,
    ):
        for k in range(400):
            distance = float(generator.uniform(3.0, 5.0))
            hills.write(0.1 * k, distance, 0.15, 0.3 * np.exp(-(((distance - 4.0) / 0.8) ** 2)))
            colvar.write([0.1 * k, distance, 10.0 / distance, 1.0])
    return folder


def test_command(generator: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, model, out = (
        dimer_files(tmp_path / "run", generator),
        write_dimer_model(tmp_path / "cv.pt"),
        tmp_path / "b.pt",
    )
    assert main(["bias", str(model), str(run), "-o", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["inputs"] == ["distance"]
    assert facts["unit"] == "eV"
    assert facts["bias_factor"] == 8.0
    assert facts["source"] == ["HILLS"]
    assert len(facts["source_hash"]) == len(facts["model_hash"]) == 64
    assert 0.0 < facts["residual"] < facts["largest_energy"]
    assert out.with_suffix(".png").stat().st_size > 5000
    stored = gnncv.CollectiveVariable(out).metadata["learned_bias"]
    assert {name: facts[name] for name in stored} == stored
    words = ["bias", str(model), str(run), "--outputs", "distance,inverse", "--temperature", "300"]
    assert main([*words, "-o", str(tmp_path / "two.pt"), "--bias-factor", "inf", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["bias_factor"] is None
    assert facts["source"] == ["COLVAR", "HILLS"]
    assert main(["inspect", str(out)]) == 0
    assert "bias (neither, eV)" in capsys.readouterr().out


def test_command_refuses(
    generator: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, model = dimer_files(tmp_path / "run", generator), write_dimer_model(tmp_path / "cv.pt")
    out = tmp_path / "b.pt"

    def message(*words: str) -> str:
        assert main(["bias", str(model), *words, "-o", str(out)]) == 2
        assert not out.exists()
        return capsys.readouterr().err

    assert "temperature_kelvin" in message(str(run / "COLVAR"), "--outputs", "distance")
    assert "name the outputs" in message(str(run / "COLVAR"), "--temperature", "300")
    assert "has no output 'distanc'" in message(str(run), "--outputs", "distanc")
    assert "must be above 1" in message(str(run), "--bias-factor", "1")
    assert "give a number above 1, or inf" in message(str(run), "--bias-factor", "many")
    assert "give the COLVAR file of the run" in message(str(run / "HILLS"), "--outputs", "inverse")
    assert "does not exist" in message(str(tmp_path / "nowhere"))
    assert "must be positive" in message(str(run), "--largest", "-1")
    assert read_hills(run / "HILLS").cv == ["cv.distance"]
    assert len(read_colvar(run / "COLVAR")) == 400


def test_a_flat_landscape_and_too_few_samples_are_refused(generator: np.random.Generator) -> None:
    with pytest.raises(InvalidArgument, match="at least 100"):
        landscape_from_samples(generator.normal(size=(60, 1)), None, TEMPERATURE, ["x"], "few")
    with pytest.raises(InvalidArgument, match="y is not finite, or has one value only"):
        samples = np.column_stack([generator.normal(size=500), np.ones(500)])
        landscape_from_samples(samples, None, TEMPERATURE, ["x", "y"], "constant")


def test_both_kinds_of_bias_factor_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="not both"):
        learn_bias("cv.pt", "HILLS", tmp_path / "b.pt", bias_factor=5.0, infinite=True)
