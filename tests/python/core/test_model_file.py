"""Files that are no model, or not one this build can read: each its own clear error."""

import hashlib
import re
import warnings
import zipfile

import pytest
import torch

from core_model import make_core_model, save_script
from gnncv import CollectiveVariable, ModelError

METADATA = {"gnncv.json": "{}", "gnncv_format": "1"}


def refuse(path, match: str) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        CollectiveVariable(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message and "C++ CapturedTraceback" not in message


def test_facts(random_model):
    cv = CollectiveVariable(random_model)
    assert cv.names == ["mean-1", "mean-2", "mixed", "total"]
    assert cv.site_names == ["first", "second"]
    assert cv.species == ["Cu", "Zr"]
    assert cv.cutoff == 3.4
    assert cv.metadata["precision"] == "float64"
    assert cv.path == random_model
    assert cv.hash == hashlib.sha256(random_model.read_bytes()).hexdigest()
    assert "mixed" in repr(cv)


def test_missing(tmp_path):
    refuse(tmp_path / "nothing.pt", "does not exist")


def test_folder(tmp_path):
    refuse(tmp_path, "is a folder")


def test_empty(tmp_path):
    path = tmp_path / "empty.pt"
    path.touch()
    refuse(path, "is empty")


def test_text(tmp_path):
    path = tmp_path / "text.pt"
    path.write_text("UNITS LENGTH=A\n")
    refuse(path, "is not a gnncv model: it is not a TorchScript archive")


@pytest.mark.parametrize("keep", [0.05, 0.5, 0.99])
def test_truncated(random_model, tmp_path, keep):
    data = random_model.read_bytes()
    path = tmp_path / "short.pt"
    path.write_bytes(data[: int(keep * len(data))])
    refuse(path, "truncated or damaged")


def test_script_of_something_else(tmp_path):
    path = tmp_path / "foreign.pt"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        script = torch.jit.script(torch.nn.Linear(2, 2))
    save_script(script, path, {})
    refuse(path, "is not a gnncv model: it is a TorchScript file of something else")


def test_pickle(tmp_path):
    """A file of torch.save holds pickled code: it is told apart before anything in it runs."""
    ran = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (open, (str(ran), "w"))

    path = tmp_path / "weights.pt"
    torch.save({"trap": Trap()}, path)
    refuse(path, "is not a gnncv model: it is a torch or zip file of something else")
    assert not ran.exists()


def test_zip(tmp_path):
    path = tmp_path / "zip.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    refuse(path, "is not a gnncv model|truncated or damaged")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("3", "format 3, this gnncv reads up to 2: .* update gnncv"),
        ("0", "format 0"),
        ("new", "no readable format"),
    ],
)
def test_format(tmp_path, text, match):
    path = tmp_path / "other.pt"
    save_script(make_core_model("float64"), path, {**METADATA, "gnncv_format": text})
    refuse(path, match)


@pytest.mark.parametrize(
    ("attribute", "value", "match"),
    [
        ("precision", "float16", "its precision is 'float16', expected float32 or float64"),
        ("cutoff", -1.0, "its cutoff is -1 angstrom"),
        ("output_names", [], "names no outputs or no species"),
    ],
)
def test_contract(tmp_path, attribute, value, match):
    model = make_core_model("float64")
    setattr(model, attribute, value)
    path = tmp_path / "odd.pt"
    save_script(model, path, METADATA)
    refuse(path, re.escape(match))


def test_missing_attribute(tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        script = torch.jit.script(torch.nn.Linear(2, 2))
    path = tmp_path / "bare.pt"
    save_script(script, path, METADATA)
    refuse(path, "does not keep gnncv's contract: it has no attribute 'output_names'")


def test_wrong_number_of_outputs(tmp_path):
    model = make_core_model("float64")
    model.output_names = ["a", "b"]
    path = tmp_path / "two.pt"
    save_script(model, path, METADATA)
    cv = CollectiveVariable(path)
    cv.bind(["Cu"])
    with pytest.raises(ModelError, match=r"head returned shape \[4\], expected \(2,\)"):
        cv.compute([[0.0, 0.0, 0.0]])


def test_metadata_that_is_not_json(tmp_path):
    path = tmp_path / "text.pt"
    save_script(make_core_model("float64"), path, {**METADATA, "gnncv.json": "{"})
    refuse(path, "is not JSON")


def test_torch_of_another_build_is_refused_in_one_sentence():
    from gnncv._native import torch_mismatch

    assert torch_mismatch("2.13.0+cpu", "2.13.0+cpu") is None
    assert torch_mismatch("2.13.0+cpu", "2.13.1+cpu") is None
    for other in ("2.12.0+cpu", "2.13.0+cu130", "2.13.0", "3.13.0+cpu"):
        message = torch_mismatch("2.13.0+cpu", other)
        assert message is not None
        assert f"built for torch 2.13.0+cpu but torch {other} is installed" in message


def test_torch_of_another_build_is_refused_at_load(monkeypatch):
    import gnncv._built_for

    from gnncv import _native

    monkeypatch.setattr(gnncv._built_for, "TORCH_VERSION", "2.0.1+cpu")
    with pytest.raises(_native.NativeLibraryError, match=r"built for torch 2\.0\.1\+cpu but torch"):
        _native.load_operators.__wrapped__()
