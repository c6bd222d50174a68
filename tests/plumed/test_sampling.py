"""What a sampling run relies on: restarts, several walkers, conserved effective energy, the total bias."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from plumed_driver import Plumed, Run, read_fields, species_lines

METAD = "m: METAD ARG=cv.mixed SIGMA=0.05 HEIGHT=1.2 PACE=1 FILE=HILLS FMT=%22.12e"


def metadynamics(
    plumed: Plumed, model: Path, folder: Path, frames: list[Atoms], more: str = "", start: int = 0, **given
) -> Run:
    text = (
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(frames[0])}\n{METAD} {more}\n"
        "PRINT ARG=cv.mixed,m.bias FILE=COLVAR FMT=%.12e\n"
    )
    if start:
        text = "RESTART\n" + text
    return plumed.driver(folder, text, frames, ["--initial-step", str(start)], **given)


def test_a_restarted_run_goes_on_as_if_it_had_not_stopped(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_atoms=12, n_frames=8, shake=0.03)
    whole = metadynamics(plumed, model, tmp_path / "whole", frames)
    metadynamics(plumed, model, tmp_path / "parts", frames[:5])
    parts = metadynamics(plumed, model, tmp_path / "parts", frames[4:], start=4)
    hills = [read_fields(run.folder / "HILLS") for run in (whole, parts)]
    assert len(hills[0]["height"]) == 7
    for name in ("time", "cv.mixed", "height"):  # no hill twice, none left out
        assert np.allclose(hills[1][name], hills[0][name], rtol=1e-9)
    assert np.allclose(parts.table()["m.bias"][-3:], whole.table()["m.bias"][-3:], rtol=1e-6)


def test_walkers_feel_the_hills_of_each_other(
    plumed: Plumed, model: Path, trajectory, tmp_path: Path
) -> None:
    frames = trajectory("triclinic", n_atoms=12, n_frames=5, shake=0.03)
    walkers = "WALKERS_N=2 WALKERS_ID={} WALKERS_DIR=../shared WALKERS_RSTRIDE=1"
    (tmp_path / "shared").mkdir()
    metadynamics(plumed, model, tmp_path / "first", frames, walkers.format(0))
    alone = metadynamics(plumed, model, tmp_path / "alone", frames)
    second = metadynamics(plumed, model, tmp_path / "second", frames[-1:] * 3, walkers.format(1))
    hills = read_fields(tmp_path / "shared" / "HILLS.0")
    assert len(hills["height"]) == len(frames) - 1
    value = second.table()["cv.mixed"][-1]
    of_first = hills["height"] * np.exp(-0.5 * ((value - hills["cv.mixed"]) / 0.05) ** 2)
    assert second.table()["m.bias"].max() > 0.9 * of_first.sum() > 1e-3
    assert alone.table()["m.bias"].max() > 0


def test_the_effective_energy_is_conserved(plumed: Plumed, model: Path, trajectory, tmp_path: Path) -> None:
    """Along a smooth motion of atoms and box, forces and virial do the work that the bias loses."""
    first = trajectory("triclinic", n_atoms=12, n_frames=1)[0]
    generator = np.random.default_rng(7)
    amplitude = 0.1 * generator.normal(size=first.positions.shape)
    strain = 0.03 * generator.normal(size=(3, 3))
    frames = []
    for t in np.linspace(0, 1, 401):
        frame = first.copy()
        frame.positions += np.sin(3 * t) * amplitude
        frame.set_cell(first.cell.array @ (np.eye(3) + t * strain), scale_atoms=True)
        frames.append(frame)
    text = (
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={model} {species_lines(first)}\n"
        "r: RESTRAINT ARG=cv.mixed,cv.total AT=0,0 KAPPA=2000,30\nPRINT ARG=r.bias FILE=COLVAR FMT=%.10e\n"
        "EFFECTIVE_ENERGY_DRIFT PRINT_STRIDE=1 FILE=drift FMT=%.10e\n"
    )
    run = plumed.driver(tmp_path, text, frames)
    bias = run.table()["r.bias"]
    drift = read_fields(run.folder / "drift")["effective-energy"][-1]
    assert np.abs(bias[-1] - bias[0]) > 1
    assert np.abs(drift) < 1e-4 * np.ptp(bias)


def test_an_energy_is_counted_once_in_the_total_bias(
    plumed: Plumed, energy_model: Path, trajectory, tmp_path: Path
) -> None:
    """PLUMED 2.9 counts every component called bias, and says so; newer ones are told not to."""
    frames = trajectory("triclinic", n_atoms=10, n_frames=2)
    text = (
        f"UNITS LENGTH=A\ncv: GNNCV MODEL={energy_model} {species_lines(frames[0])}\n"
        "b: BIASVALUE ARG=cv.bias\nPRINT ARG=cv.bias FILE=COLVAR\n"
    )
    run = plumed.driver(tmp_path, text, frames, ["--debug-forces", "debug", "--dump-forces-fmt", "%.12e"])
    table = read_fields(run.folder / "debug")
    times = 2 if plumed.installation.release == "2.9" else 1  # numerical: of the total
    size = np.abs(table["analytical"]).max()
    assert np.allclose(table["numerical"], times * table["analytical"], rtol=0, atol=2e-5 * size)
    assert ("counts a component called bias" in run.log) == (times == 2)
