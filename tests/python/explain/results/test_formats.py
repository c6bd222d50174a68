"""What is written comes back: extended XYZ and PDB through ASE, CSV and DataFrames through pandas."""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.io import read

from gnncv.errors import InvalidArgument, OutputExists
from gnncv.explain import Explanation, write_extxyz
from gnncv.explain.formats.pdb import hybrid36
from random_explanations import explanation_of_sites, random_explanation


def generator(seed: int) -> np.random.Generator:
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.mark.parametrize("box", ["triclinic", "slab", "open"])
def test_extended_xyz_of_several_explanations(tmp_path, box):
    rng = generator(1)
    explanations = [random_explanation(rng, over, box=box) for over in ("nodes", "node_features", "edges")]
    explanations.append(replace(explanations[0], scores=1e-13 * explanations[0].scores))
    only_krypton = random_explanation(rng, "nodes", n=7, box=box)
    only_krypton.atoms.symbols[:] = "Kr"
    only_krypton.atoms.info["time_ps"] = 2.5
    explanations.append(only_krypton)
    path = write_extxyz(explanations, tmp_path / "scores.extxyz")
    frames = read(path, ":")
    headers = [line for line in path.read_text().splitlines() if "Properties=" in line]
    columns = "score:R:1:magnitude:R:1:share:R:1:node:I:1:species_number:I:1 "
    assert len(headers) == 5 and all(f"Properties=species:S:1:pos:R:3:{columns}" in line for line in headers)
    for explanation, frame in zip(explanations, frames, strict=True):
        atoms = explanation.atoms
        assert np.array_equal(frame.positions, atoms.positions) and np.array_equal(frame.pbc, atoms.pbc)
        assert np.array_equal(frame.numbers, atoms.numbers)
        assert atoms.cell.rank < 3 or np.array_equal(frame.cell, atoms.cell)
        sites = explanation.by("site")
        assert np.array_equal(frame.arrays["score"], sites.sum)
        assert np.array_equal(frame.arrays["share"], sites.sum)
        assert np.allclose(frame.arrays["magnitude"], sites.share * explanation.magnitudes.sum(), rtol=1e-14)
        assert (frame.arrays["magnitude"] >= np.abs(frame.arrays["score"])).all()
        assert frame.arrays["node"].tolist() == list(range(1, len(atoms) + 1))
        # the same element has the same number in every frame, also where it is alone
        numbers = {"Ar": 1, "Kr": 2}
        assert frame.arrays["species_number"].tolist() == [numbers[symbol] for symbol in atoms.symbols]
        assert frame.info["species_set"] == "Ar Kr"
        for key in ("output", "method", "units", "model_hash", "value", "over", "n_frames"):
            assert frame.info[key] == getattr(explanation, key), key
    assert frames[-1].info["time_ps"] == 2.5


def test_extended_xyz_is_written_as_explanations_come(tmp_path):
    """With species given, the second explanation is asked for when the first is gone."""
    rng, living = generator(9), []

    def stream():
        for _ in range(3):
            explanation = random_explanation(rng, "edges", n=9)
            living.append(weakref.ref(explanation.scores))
            yield explanation
            del explanation
            assert sum(reference() is not None for reference in living) <= 1

    path = write_extxyz(stream(), tmp_path / "stream.xyz", species=["Kr", "Ar", "Xe"])
    frames = read(path, ":")
    assert [frame.info["species_set"] for frame in frames] == ["Ar Kr Xe"] * 3
    with pytest.raises(InvalidArgument, match="element Kr of a frame is not in species, Ar"):
        write_extxyz(random_explanation(rng, "nodes"), tmp_path / "a.xyz", species=["Ar"])
    with_spread = replace(random_explanation(rng, "nodes"), spread=np.ones(40))
    with pytest.raises(InvalidArgument, match="the first of the file has one"):
        pair = [with_spread, random_explanation(rng, "nodes")]
        write_extxyz(pair, tmp_path / "a.xyz", species=["Ar", "Kr"])
    assert not (tmp_path / "a.xyz").exists()
    assert "spread" not in read(write_extxyz(pair, tmp_path / "a.xyz")).arrays


def test_extended_xyz_of_sites(tmp_path):
    explanation, _ = explanation_of_sites(generator(2), "nodes")
    explanation = replace(explanation, completeness_gap=1e-7, spread=explanation.magnitudes + 1.0)
    frame = read(explanation.to_extxyz(tmp_path / "sites.xyz"))
    owners = explanation.node_of_atom
    assert np.array_equal(frame.arrays["score"], explanation.scores[owners])
    assert np.array_equal(frame.arrays["node"], owners + 1)
    assert np.array_equal(frame.arrays["spread"], explanation.spread[owners])
    assert frame.arrays["share"].sum() == pytest.approx(explanation.scores.sum(), abs=1e-12)
    assert frame.info["completeness_gap"] == 1e-7
    assert frame.info["species_set"] == "C H O"


def test_pdb_gives_scores_back(tmp_path):
    rng = generator(3)
    for k, explanation in enumerate(
        [
            random_explanation(rng, "nodes"),
            random_explanation(rng, "edges", box="open"),
            explanation_of_sites(rng, "nodes")[0],
            replace(random_explanation(rng, "nodes"), scores=rng.random(40)),
            replace(random_explanation(rng, "nodes"), scores=np.zeros(40)),
        ]
    ):
        explanation.atoms.rotate(40.0, (1.0, 2.0, 3.0), rotate_cell=True)  # a cell in no standard position
        path = explanation.to_pdb(tmp_path / f"{k}.pdb")
        lines = path.read_text().splitlines()
        assert all(len(line) <= 80 and line.isascii() for line in lines)
        remarks = "".join(line[11:] for line in lines if line.startswith("REMARK   6"))
        assert (explanation.model_hash in remarks and "1/angstrom" in remarks) or explanation.units == "1"
        rule = next(line for line in lines if "SCORE = " in line)
        zero, slope = float(rule.split("- ")[1].split(")")[0]), float(rule.split("* ")[1])
        frame = read(path)
        owners = explanation.node_of_atom if explanation.node_of_atom is not None else np.arange(40)
        scores = explanation.by("site").sum[owners]
        factors = frame.arrays["bfactor"]
        assert factors.min() >= 0.0 and factors.max() <= 99.99
        if np.any(scores):
            assert max(factors.max() - zero, zero - factors.min()) == pytest.approx(99.99 - zero, abs=0.006)
        assert np.allclose(slope * (factors - zero), scores, atol=0.0051 * slope)
        assert frame.get_chemical_symbols() == explanation.atoms.get_chemical_symbols()
        if explanation.node_of_atom is not None:
            assert np.array_equal(frame.arrays["residuenumbers"], owners + 1)
        assert np.allclose(
            frame.get_all_distances(mic=False), explanation.atoms.get_all_distances(mic=False), atol=3e-3
        )
        if explanation.atoms.pbc.any():
            assert np.allclose(frame.cell.cellpar(), explanation.atoms.cell.cellpar(), atol=6e-3)
            scaled = explanation.atoms.get_scaled_positions(wrap=False)
            assert np.allclose(frame.get_scaled_positions(wrap=False), scaled, atol=1e-3)


def test_hybrid_numbers():
    """Against the numbers that the definition of hybrid-36 names, and one after the other."""
    known = {99999: "99999", 100000: "A0000", 100010: "A000A", 100000 + 26 * 36**4: "a0000"}
    assert {number: hybrid36(number, 5) for number in known} == known
    assert hybrid36(7, 5) == "    7" and hybrid36(87440031, 5) == "zzzzz"
    assert hybrid36(10000, 4) == "A000" and hybrid36(10000 + 26 * 36**3 - 1, 4) == "ZZZZ"
    some = [hybrid36(number, 5) for number in range(99990, 103000)]
    assert len(set(some)) == len(some)
    with pytest.raises(InvalidArgument, match="number 87440032 does not fit"):
        hybrid36(87440032, 5)


def test_pdb_beyond_99999_atoms(tmp_path):
    n = 100002
    atoms = Atoms(np.full(n, 18), np.zeros((n, 3)))
    explanation = Explanation(
        np.linspace(0.0, 1.0, n), "nodes", [""] * n, "y", "saliency", "1", "0", 0.0, atoms=atoms
    )
    lines = explanation.to_pdb(tmp_path / "big.pdb").read_text().splitlines()
    assert lines[-5].startswith("HETATM99999 AR") and lines[-2].startswith("HETATMA0002 AR")
    assert len({len(line) for line in lines[-n - 1 : -1]}) == 1
    atoms.positions[3, 1] = 9999.9996
    with pytest.raises(InvalidArgument, match="a coordinate does not fit into PDB"):
        explanation.to_pdb(tmp_path / "far.pdb")


@pytest.mark.parametrize("over", ["nodes", "node_features", "edges"])
def test_tables_through_pandas(tmp_path, over):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")

    explanation = random_explanation(generator(5), over, n=12)
    explanation = replace(explanation, spread=explanation.magnitudes, details={"steps": 50.0})
    made = explanation.to_dataframe()
    read_back = pandas.read_csv(explanation.to_csv(tmp_path / "scores.csv"))
    for frame in (made, read_back):
        assert np.array_equal(frame["score"], explanation.scores.reshape(-1))
        assert np.array_equal(frame["magnitude"], explanation.magnitudes.reshape(-1))
        assert np.array_equal(frame["spread"], explanation.spread.reshape(-1))
        assert set(frame["output"]) == {"progress"} and set(frame["units"]) == {"1/Å"}
        if over == "edges":
            labels = np.array(explanation.node_labels)
            assert frame["sender"].tolist() == labels[explanation.edge_index[0]].tolist()
            assert np.array_equal(frame["receiver_number"], explanation.edge_index[1] + 1)
            assert np.array_equal(frame["distance"], np.linalg.norm(explanation.edge_vectors, axis=1))
        else:
            wide = 3 if over == "node_features" else 1
            assert frame["node"].tolist() == list(np.repeat(explanation.node_labels, wide))
            assert np.array_equal(frame["y"], np.repeat(explanation.atoms.positions[:, 1], wide))
            assert frame["species"].tolist() == list(np.repeat(list(explanation.atoms.symbols), wide))
        if over == "node_features":
            assert frame["feature"].tolist() == list(explanation.labels) * 12
    assert list(made.columns) == list(read_back.columns)
    assert made.attrs["model_hash"] == explanation.model_hash and made.attrs["steps"] == 50.0


def test_tables_of_training_frames_need_no_atoms(tmp_path):
    explanation = Explanation(
        np.array([1.0, -2.0]), "frames", [], "loss", "TracIn", "1", "0", 0.5, labels=["run 1, frame 3", "a#b"]
    )
    text = explanation.to_csv(tmp_path / "frames.csv").read_text()
    assert text.splitlines()[1:] == ['"run 1, frame 3",1.0,1.0,loss,TracIn,1', "a#b,-2.0,2.0,loss,TracIn,1"]
    for write in (explanation.to_extxyz, explanation.to_pdb):
        with pytest.raises(InvalidArgument, match="TracIn scored frames"):
            write(tmp_path / "frames.out")
    assert not (tmp_path / "frames.out").exists()


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path):
    explanation = random_explanation(generator(6), "edges", n=9)
    for name, write in (
        ("a.xyz", explanation.to_extxyz),
        ("a.pdb", explanation.to_pdb),
        ("a.csv", explanation.to_csv),
    ):
        path = write(tmp_path / name)
        before = path.read_bytes()
        with pytest.raises(OutputExists):
            write(path)
        assert path.read_bytes() == before
        write(path, overwrite=True)
    bare = replace(explanation, atoms=None)
    with pytest.raises(InvalidArgument, match="without a frame"):
        write_extxyz([explanation, bare], tmp_path / "b.xyz")
    with pytest.raises(InvalidArgument, match="no explanations"):
        write_extxyz([], tmp_path / "b.xyz")
    with pytest.raises(InvalidArgument, match="without a frame"):
        bare.to_pdb(tmp_path / "b.pdb")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.pdb", "a.xyz"]


def test_without_pandas(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pandas", None)
    explanation = random_explanation(generator(7), "nodes", n=9)
    with pytest.raises(InvalidArgument, match=r"pip install 'gnncv\[explain\]'"):
        explanation.to_dataframe()
    assert explanation.to_csv(tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spread": np.zeros(3)}, "spread has shape"),
        ({"edge_index": np.array([[0], [40]])}, "edge_index has nodes 0 to 40 of 40"),
        ({"edge_vectors": np.zeros((1, 3))}, "edge_vectors have shape"),
        ({"node_of_atom": np.full(40, 40)}, "node_of_atom has nodes 40 to 40 of 40"),
        ({"atoms": Atoms("Ar")}, "the frame has 1 atoms and the graph 40"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    with pytest.raises(InvalidArgument, match=message):
        replace(random_explanation(generator(8), "nodes"), **change)
