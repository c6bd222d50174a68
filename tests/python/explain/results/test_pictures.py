"""Pictures: what they show is what the tables say, with units, and no two words on top of each other."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from ase.build import molecule
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from gnncv.errors import InvalidArgument, OutputExists
from random_explanations import dyadic, explanation_of_sites, random_explanation

DRAWN = [
    ("top", "nodes", {}),
    ("top", "node_features", {}),
    ("top", "edges", {"k": 40}),
    ("species", "nodes", {}),
    ("species", "node_features", {"boundaries": [2.0, 3.0, 4.0, 5.0, 6.0]}),
    ("species", "edges", {}),
    ("profile", "nodes", {}),
    ("profile", "edges", {}),
    ("profile", "edges", {"over": "angle", "within": 3.0}),
    ("profile", "edges", {"over": "angle", "axis": (0, 0, 1)}),
    ("3d", "nodes", {"pixels": 200}),
    ("3d", "edges", {"edges": 8, "pixels": 200}),
]


def generator(seed: int) -> np.random.Generator:
    print("seed", seed)
    return np.random.default_rng(seed)


def overlapping_texts(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Pairs of words that lie on each other, and words that leave the figure."""
    boxes: list[tuple[str, Bbox]] = []
    draw = Text.draw

    def recording(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text().strip() and self.get_rotation() in (0.0, 90.0):
            boxes.append((self.get_text(), self.get_window_extent(renderer)))
        return draw(self, renderer, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Text, "draw", recording)
        figure.draw_without_rendering()
    assert len(boxes) > 5
    whole = figure.bbox.padded(1.0)
    outside = [(text, "outside") for text, box in boxes if not _inside(whole, box)]
    pairs = combinations(boxes, 2)
    return outside + [(a, b) for (a, one), (b, other) in pairs if one.overlaps(other.padded(-1.0))]


def _inside(whole: Bbox, box: Bbox) -> bool:
    return whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1


@pytest.mark.parametrize(("kind", "over", "options"), DRAWN)
def test_every_picture_has_units_and_no_words_on_each_other(monkeypatch, kind, over, options):
    explanation = random_explanation(generator(1), over)
    figure = explanation.plot(kind, **options)
    words = [text.get_text().replace("\n", " ") for text in figure.findobj(Text)]
    assert any("for progress (1/Å)" in word for word in words)
    assert any("saliency" in word for word in words)
    assert overlapping_texts(figure, monkeypatch) == []


def test_a_picture_is_saved_once(tmp_path):
    explanation = random_explanation(generator(14), "nodes", n=9)
    path = tmp_path / "picture.png"
    explanation.plot("3d", path, dpi=60, pixels=100)
    before = path.read_bytes()
    with pytest.raises(OutputExists):
        explanation.plot("top", path)
    assert path.read_bytes() == before
    explanation.plot("top", path, overwrite=True)
    assert path.read_bytes() != before
    with pytest.raises(InvalidArgument, match="is no name for a picture"):
        explanation.plot("top", tmp_path / "picture.doc")


def test_bars_are_the_table():
    explanation = random_explanation(generator(2), "nodes")
    explanation = replace(explanation, spread=np.abs(dyadic(generator(3), 40)), n_frames=7)
    (ax,) = explanation.plot("top", k=6).axes
    table = explanation.top(6)
    assert [bar.get_width() for bar in ax.patches] == table.sum.tolist()
    assert [label.get_text() for label in ax.get_yticklabels()] == list(table.names)
    heights = [bar.get_y() for bar in ax.patches]
    assert heights == sorted(heights, reverse=True)  # the highest on top
    lines = ax.collections[0].get_segments()
    ends = np.array([[line[0, 0], line[1, 0]] for line in lines])
    assert np.allclose(ends, table.sum[:, None] + table.spread[:, None] * [-1.0, 1.0])
    assert "7 frames" in ax.get_title(loc="left")


@pytest.mark.parametrize("over", ["nodes", "edges"])
def test_bars_of_shells_add_up_to_the_scores(over):
    explanation = random_explanation(generator(4), over)
    figure = explanation.plot("species", boundaries=[2.5, 4.0])
    _, sums, means = figure.axes
    assert sum(bar.get_height() for bar in sums.patches) == explanation.scores.sum()
    center = None if over == "edges" else int(np.argmax(explanation.magnitudes))
    shells = explanation.by("shell", boundaries=[2.5, 4.0], center=center)
    by_shell = np.array([bar.get_height() for bar in sums.patches]).reshape(-1, len(shells)).sum(axis=0)
    assert np.array_equal(by_shell, shells.sum)
    if over == "edges":
        kinds = explanation.by("species pair")
        by_kind = np.array([bar.get_height() for bar in sums.patches]).reshape(-1, len(shells)).sum(axis=1)
        assert dict(zip([t.get_text() for t in sums.get_legend().texts], by_kind, strict=True)) == dict(
            zip(kinds.names, kinds.sum, strict=True)
        )
    assert means.get_ylabel().startswith("mean score of a")


def test_spheres_hide_what_is_behind_them():
    from gnncv.explain.pictures.spheres import Spheres, render, rotation

    rng = generator(5)
    red, blue = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    limits = (-2.0, 2.0, -1.0, 1.0)
    both = Spheres(np.array([[0.0, 0.0, 1.0], [0.3, 0.0, -1.0]]), np.array([0.5, 0.8]), np.stack([red, blue]))
    image = render(both, limits, 400)
    assert image.shape == (200, 400, 3)
    assert image[100, 200, 0] > 0.5 and image[100, 200, 2] < 0.5  # the near one, in the middle
    assert image[100, 300, 2] > image[100, 300, 0]  # the far one beside it, at x = 1
    assert (image[:5] == 1.0).all()  # above both there is nothing
    area = np.mean(image.sum(axis=2) < 2.99) * 8.0
    assert area == pytest.approx(np.pi * 0.8**2, rel=0.05)  # the near one lies within the far one's outline
    # the order in which spheres come makes no difference, nor do those outside the picture
    many = Spheres(rng.normal(size=(60, 3)), 0.1 + 0.3 * rng.random(60), rng.random((60, 3)))
    order = rng.permutation(60)
    shuffled = Spheres(many.centers[order], many.radii[order], many.colors[order])
    assert np.array_equal(render(many, limits, 100), render(shuffled, limits, 100))
    turn = rotation(*rng.uniform(-80.0, 80.0, 2))
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) == pytest.approx(1.0)
    assert np.allclose(rotation(0.0, -90.0), [[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # x right, z up, from -y


def test_rods_have_no_gaps():
    from gnncv.explain.pictures.spheres import render, rods

    starts, ends = np.array([[-1.5, -0.5, 0.0]]), np.array([[1.5, 0.5, 0.7]])
    image = render(rods(starts, ends, np.array([0.06]), np.zeros((1, 3))), (-2.0, 2.0, -1.0, 1.0), 400)
    columns = (image.sum(axis=2) < 2.5).sum(axis=0)
    assert (columns[52:348] >= 9).all() and not columns[:40].any()


def test_the_highest_atom_has_the_strongest_color_and_is_seen():
    """One atom alone has a score: where it is, and only there, the picture is orange."""
    explanation = random_explanation(generator(6), "nodes", n=30, box="open")
    scores = np.zeros(30)
    scores[7] = 3.0
    positions = explanation.atoms.positions
    positions[7] = positions.mean(axis=0) - np.array([0.0, 40.0, 0.0])  # towards the viewer
    figure = replace(explanation, scores=scores).plot("3d", view=(0.0, -90.0), pixels=300)
    shown = figure.axes[0].images[0]
    image = np.asarray(shown.get_array())
    orange = np.argwhere(image[:, :, 0] - image[:, :, 2] > 0.2)
    assert len(orange) > 50
    left, right, bottom, top = shown.get_extent()
    y, x = orange.mean(axis=0) + 0.5
    assert left + x / image.shape[1] * (right - left) == pytest.approx(positions[7, 0], abs=0.2)
    assert top - y / image.shape[0] * (top - bottom) == pytest.approx(positions[7, 2], abs=0.2)
    assert figure.axes[1].get_ylabel() == "score of an atom for progress (1/Å)"


def test_molecules_are_drawn_in_one_piece():
    from gnncv.explain.pictures.scene import _whole

    rng = generator(7)
    atoms = molecule("C6H6") + molecule("CH3OH")
    atoms.positions[12:] += [0.0, 0.0, 5.0]
    lengths = atoms.get_all_distances()
    atoms.set_cell([[9.0, 0.0, 0.0], [2.0, 9.0, 0.0], [0.0, -1.0, 11.0]])
    atoms.pbc = True
    for _ in range(5):
        atoms.translate(rng.normal(scale=5.0, size=3))
        wrapped = atoms.copy()
        wrapped.wrap()
        positions, bonds = _whole(wrapped)
        assert len(bonds) == 12 + 5
        for part in (range(12), range(12, 18)):
            own = positions[part][:, None] - positions[part][None]
            assert np.allclose(np.linalg.norm(own, axis=2), lengths[np.ix_(part, part)])
            inside = np.linalg.solve(np.array(atoms.cell).T, positions[part].mean(axis=0))
            assert (inside > -1e-9).all() and (inside < 1.0 + 1e-9).all()


def test_a_molecule_of_a_frame_as_graph(tmp_path, monkeypatch):
    atoms = molecule("CH3OH") + molecule("C6H6")
    atoms.positions[6:] += [0.0, 0.0, 8.0]
    base = random_explanation(generator(8), "nodes", n=18, box="open")
    explanation = replace(
        base,
        atoms=atoms,
        edge_index=None,
        edge_vectors=None,
        scores=np.where(np.arange(18) < 6, 0.1, 1.0) * dyadic(generator(9), 18),
    )
    figure = explanation.plot("graph", tmp_path / "benzene.png")
    words = [text.get_text() for text in figure.findobj(Text)]
    assert words.count("C") == words.count("H") == 6 and words.count("O") == 0  # the one with more score
    assert overlapping_texts(figure, monkeypatch) == []
    words = [text.get_text() for text in explanation.plot("graph", molecule=0).findobj(Text)]
    assert words.count("O") == 1 and words.count("C") == 1 and words.count("H") == 4
    with pytest.raises(InvalidArgument, match="molecule is 2; the frame has 2"):
        explanation.plot("graph", molecule=2)
    with pytest.raises(InvalidArgument, match="sites have no scores by atom"):
        explanation_of_sites(generator(10), "nodes")[0].plot("graph")
    bonds = np.array([[0, 1, 1, 2], [1, 0, 2, 1]])
    graph = replace(
        base,
        atoms=None,
        node_labels=["C1", "O2", "H3"],
        over="edges",
        scores=dyadic(generator(11), 4),
        edge_index=bonds,
        edge_vectors=None,
    )
    words = [text.get_text() for text in graph.plot("graph").findobj(Text)]
    assert all(words.count(element) == 1 for element in "COH")


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("pie", {}, "cannot draw 'pie'; the kinds of pictures are top, species, profile, 3d, graph"),
        ("top", {"bins": 3}, "pictures of kind top have no such option"),
        ("profile", {"over": "time"}, "profiles are over distance or angle"),
        ("profile", {"bins": 0}, "bins is 0"),
        ("3d", {"emphasis": 2.0}, "emphasis is 2.0"),
        ("3d", {"pixels": 0}, "edges, pixels and size are 0, 0 and 1.0"),
        ("3d", {"edges": 3}, "a score per pair needs scores over edges"),
    ],
)
def test_what_cannot_be_drawn_says_so(kind, options, message):
    explanation = random_explanation(generator(12), "nodes", n=9)
    with pytest.raises(InvalidArgument, match=message):
        explanation.plot(kind, **options)
    groups = replace(explanation, over="groups", scores=np.zeros(2), labels=["a", "b"])
    assert groups.plot("top") is not None
    for other in ("species", "profile", "3d", "graph"):
        with pytest.raises(InvalidArgument, match="saliency scored groups"):
            groups.plot(other)
