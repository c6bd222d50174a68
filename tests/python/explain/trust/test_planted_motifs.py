"""What the documentation says of explainers and planted motifs is what they do."""

import importlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("captum", "torch_geometric")),
    reason="captum or torch_geometric is not installed",
)
GRAPHS = 2


@pytest.fixture(scope="module")
def planted():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield importlib.import_module("planted_motifs")


@pytest.fixture(scope="module")
def cases(planted):
    return planted.cases()


def documented(over):
    """(model, method) -> (clusters with the motif first, clusters) of the page's table."""
    page = (ROOT / "docs" / "explain" / "trust.md").read_text(encoding="utf-8")
    part = page.split(f"**{over.replace('_', ' ')}**", 1)[1].split("\n\n", 2)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]]
    return {(row[0], row[1]): tuple(map(int, row[2].split("/"))) for row in rows}


@pytest.mark.parametrize("over", ["edges", "nodes", "node_features"])
def test_the_table_says_which_method_ranks_the_motif_first(planted, cases, over):
    said = documented(over)
    assert set(said) == {(case.name, name) for case in cases for name in planted.METHODS[over]}
    for case in cases:
        for name, method in planted.METHODS[over].items():
            random = np.random.default_rng(0)
            first, drawn = 0, 1 if "GNNExplainer" in name else GRAPHS  # it costs 200 steps
            for _ in range(drawn):
                atoms = case.draw(random)
                function = planted.PlantedFunction(case.model, atoms)
                scores = method(function, atoms, over=over).magnitudes
                first += planted.is_first(scores, planted.motif_of(function, over))
            count, graphs = said[case.name, name]
            print(over, case.name, name, f"{first} of {drawn} here, {count} of {graphs} in the table")
            if count in (0, graphs):
                assert first == drawn * count // graphs


def test_the_motif_is_what_the_models_look_at(planted, cases):
    """Taking everything else away changes nothing (but for the weak background), the motif everything."""
    for case in cases[:4]:
        function = planted.PlantedFunction(case.model, case.draw(np.random.default_rng(3)))
        gates = function.inputs["edges"]
        motif = function.motif_edges.to(gates)
        assert motif.sum() == 6
        only, without = float(function(edges=gates * motif)), float(function(edges=gates * (1.0 - motif)))
        weak = 0.3 if case.name == "saturated" else 1e-12
        assert abs(only - float(function())) <= weak and abs(without) <= weak
    network, error = planted.trained_network(steps=5, batch=8)
    assert error > 0.2 and not any(p.requires_grad for p in network.parameters())


def test_the_script_prints_what_the_page_holds(planted, cases):
    row = planted.measure(cases[0], "edges", "saliency", 1)
    assert (row.first, row.graphs) == (1, 1) and row.sufficiency == pytest.approx(1.0)
    text = planted.table([row])
    assert re.search(r"\| sum \| saliency \| 1/1 \| [01]/1 \|", text)
    share, _, deviation = planted.false_alarms(cases[0], 4)
    assert 0.0 <= share <= 0.25 and deviation > 0.0
