"""The demonstration in miniature: brief training, a few picoseconds, and its whole report."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ase.io import read

from gnncv import OutputExists
from gnncv.demo import run_demo
from gnncv.demo.settings import training_config
from gnncv.files import read_colvar
from gnncv.training import TrainConfig

STEPS = 1024


def brief() -> TrainConfig:
    """The default model, barely trained."""
    config = training_config(seed=0)
    config.data.index = "::10"
    config.data.gap = 1
    config.training.epochs = 4
    config.training.batch_size = 4
    config.training.learning_rate = 0.01
    config.training.threads = 1
    return config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("demo") / "output"
    report = run_demo(where, seed=3, steps=STEPS, train=brief(), precision="float64", progress=False)
    assert report == where / "report.html"
    return where


class Page(HTMLParser):
    """Collects pictures, addresses, headings and text; notices tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag not in ("meta", "link", "br"):
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(folder: Path) -> None:
    html = (folder / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(html)
    assert not page.open
    assert len(page.images) == 8
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert all(image["alt"] for image in page.images)
    for address in page.addresses:
        assert base64.b64decode(address.partition(",")[2]).startswith(b"\x89PNG")
    assert not re.search(r"https?://|@import|url\(", html)
    assert "$" not in re.sub(r"base64,[^\"]*", "", html)  # no placeholder left


def test_the_page_tells_the_facts(folder: Path) -> None:
    page = Page()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    run = json.loads((folder / "run" / "run.json").read_text())
    assert "The phase was not left" in page.text  # four picoseconds do not melt argon
    for fact in (
        f"{run['steps_per_second']:.0f}",
        f"{100.0 * run['cv_share']:.1f} %",
        run["model_hash"],
        "steps per second",
        "novelty",
        "SHA-256",
        "Self-check of the export",
    ):
        assert fact in page.text, fact


def test_what_lies_beside_the_page(folder: Path) -> None:
    table = read_colvar(folder / "run" / "COLVAR")
    assert {"progress", "novelty", "q6", "Q6", "volume", "bias_kj_mol"} <= set(table.fields)
    assert table["time"][-1] == pytest.approx(STEPS * 0.004)
    sites = read(folder / "per_site.extxyz", index=":")
    assert [len(atoms) for atoms in sites] == [256] * len(sites)
    assert {"crystallinity", "novelty"} <= set(sites[0].arrays)
    assert "sensitivities" in read(folder / "sensitivity.extxyz", index=0).arrays
    for name in ("fes.dat", "cv.pt", "run/HILLS", "train/metrics.csv"):
        assert (folder / name).stat().st_size > 0


def test_called_again_it_is_done_and_after_a_loss_it_goes_on(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    colvar = (folder / "run" / "COLVAR").read_bytes()
    run_demo(folder, seed=3, steps=STEPS, train=brief(), precision="float64")
    told = capsys.readouterr()
    assert told.err.count("(done before)") == 6
    assert "The crystal was not left" in told.out and "report.html" in told.out
    stages = json.loads((folder / "stages.json").read_text())
    (folder / "stages.json").write_text(json.dumps(stages[:4]))  # killed after the run
    (folder / "report.html").unlink()
    run_demo(folder, seed=3, steps=STEPS, train=brief(), precision="float64")
    assert capsys.readouterr().err.count("(done before)") == 4
    assert (folder / "report.html").is_file()
    assert (folder / "run" / "COLVAR").read_bytes() == colvar


def test_other_settings_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputExists, match="other settings"):
        run_demo(folder, seed=4, steps=STEPS, train=brief(), precision="float64", progress=False)
    (tmp_path / "cv.pt").write_text("mine")
    with pytest.raises(OutputExists, match="not of this demonstration"):
        run_demo(tmp_path, progress=False)
    assert (tmp_path / "cv.pt").read_text() == "mine"
