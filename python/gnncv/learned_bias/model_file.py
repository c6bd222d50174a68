"""Put a learned bias into a model file, as one more output."""

import hashlib
import json
import tempfile
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gnncv.analysis.thermal import KJ_MOL_PER_EV
from gnncv.errors import InvalidArgument, ModelError
from gnncv.export.archive import save_archive
from gnncv.files.atomic import PathLike, write_atomic

from .network import LearnedBias

Array = NDArray[np.float64]
OUTPUT = "bias"
PLAIN_TYPES = {"int": int, "float": float, "bool": bool, "str": str}
FACTS, FORMAT = "gnncv.json", "gnncv_format"


class BiasedModel(nn.Module):
    """The module of a model file, with one more output.

    Everything but ``head`` is passed on to the module of the file; which methods there are, its type says.

    Parameters
    ----------
    base
        As loaded from the file.
    learned
        The bias.
    columns
        Which outputs it is a function of.
    """

    columns: list[int]

    def __init__(self, base: torch.jit.ScriptModule, learned: LearnedBias, columns: list[int]) -> None:
        super().__init__()
        self.base = base
        self.learned = learned
        self.columns = columns

    @torch.jit.export
    def head(self, sums: Tensor) -> Tensor:
        """Outputs from the sums, the bias behind the others."""
        outputs = self.base.head(sums)
        with torch.no_grad():
            columns = torch.tensor(self.columns)
            energy, of_inputs = self.learned.energy_and_slope(outputs.index_select(0, columns))
            slope = torch.zeros_like(outputs).index_copy(0, columns, of_inputs)
            rest = energy - slope.dot(outputs)
        # the tangent at this point: energy and slope are those of the bias
        return torch.cat([outputs, (slope.dot(outputs) + rest).unsqueeze(0)])


def read_model(path: PathLike) -> tuple[torch.jit.ScriptModule, dict[str, Any], str]:
    """Load module, facts and format version of a model file; one with a learned bias as it was without.

    Raises
    ------
    ModelError
        Not a model file of gnncv.
    """
    module, facts, version = _load(path)
    if "learned_bias" in facts:
        module = module.base
        facts = {name: value for name, value in facts.items() if name != "learned_bias"}
        facts["outputs"] = [output for output in facts["outputs"] if output["name"] != OUTPUT]
    return module, facts, version


def _load(path: PathLike) -> tuple[torch.jit.ScriptModule, dict[str, Any], str]:
    """Module, facts and format version as they are in the file."""
    from gnncv._native import load_operators

    load_operators()
    extra: dict[str, Any] = {FACTS: "", FORMAT: ""}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
            module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        facts = json.loads(extra[FACTS])
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"{path} is no model file that gnncv exported: {reason}") from None
    version = extra[FORMAT]
    return module, facts, version if isinstance(version, str) else version.decode()


def read_bias(path: PathLike) -> tuple[list[str], Callable[[Array], Array]]:
    """The learned bias of a model file: its inputs, and the function from their values ``(T, D)`` to kJ/mol.

    Raises
    ------
    ModelError
        The file has none.
    """
    module, facts, _ = _load(path)
    if "learned_bias" not in facts:
        raise ModelError(f"{path} has no learned bias; `gnncv bias` adds one")

    def energy(values: Array) -> Array:
        with torch.no_grad():
            return np.asarray(KJ_MOL_PER_EV * module.learned(torch.from_numpy(values)).numpy())

    return list(facts["learned_bias"]["inputs"]), energy


def add_bias(
    model: PathLike,
    learned: LearnedBias,
    inputs: list[str],
    facts: dict[str, Any],
    path: PathLike,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write a copy of a model file that has the output ``bias``, an energy in eV.

    Parameters
    ----------
    model
        The file; a bias that it has is replaced.
    learned
        The bias.
    inputs
        The outputs that it is a function of.
    facts
        What the file says of it under ``learned_bias``.
    path
        The file to write.
    overwrite
        Replace an existing file.

    Returns
    -------
    dict
        The facts of the new file.

    Raises
    ------
    ModelError
        Not a model file of gnncv, or one whose other outputs would change.
    InvalidArgument
        It has no such output.
    OutputExists
        ``path`` exists.
    """
    base, known, version = read_model(model)
    names: list[str] = list(base.output_names)
    for name in inputs:
        if name not in names:
            raise InvalidArgument(f"{model} has no output {name!r}; it has {', '.join(names)}")
    if OUTPUT in names:
        raise ModelError(f"{model} has an output {OUTPUT!r} that gnncv bias did not make")
    described = known | {
        "outputs": [*known["outputs"], {"name": OUTPUT, "kind": "neither", "unit": "eV"}],
        "learned_bias": {"unit": "eV", "inputs": inputs, **facts},
    }
    scripted = _script(base, learned, [names.index(name) for name in inputs])
    extra = {FACTS: json.dumps(described, indent=2), FORMAT: version}
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.pt"
        save_archive(scripted, draft, extra)
        _load_once(draft, [*names, OUTPUT])
        content = draft.read_bytes()
    with write_atomic(path, overwrite) as temporary:
        Path(temporary).write_bytes(content)
    return described


def file_hash(path: PathLike) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _script(base: torch.jit.ScriptModule, learned: LearnedBias, columns: list[int]) -> torch.jit.ScriptModule:
    model = BiasedModel(base, learned, columns)
    for name, (kind, _) in base._concrete_type.get_attributes().items():
        plain = _plain_type(str(kind))
        if plain is not None and name != "training":
            value = getattr(base, name)
            value = [*value, OUTPUT] if name == "output_names" else value
            setattr(model, name, torch.jit.Attribute(value, plain))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        scripted = torch.jit.script(model)
    signatures = {}
    for method in base._c._method_names():
        schema = base._c._get_method(method).schema
        given = schema.arguments[1:]
        signatures[method] = tuple(f"{each.name}: {each.type.annotation_str}" for each in given)
        if method in ("head", "forward"):
            continue
        passed = ", ".join(each.name for each in given)
        returned = schema.returns[0].type.annotation_str
        scripted.define(
            f"def {method}(self, {', '.join(signatures[method])}) -> {returned}:\n"
            f"    return self.base.{method}({passed})\n"
        )
    if signatures.get("forward") == signatures["site_part"]:
        passed = ", ".join(each.partition(":")[0] for each in signatures["site_part"])
        scripted.define(
            f"def forward(self, {', '.join(signatures['site_part'])}) -> Tensor:\n"
            f"    return self.head(self.sums(self.site_part({passed})))\n"
        )
    return scripted


def _plain_type(text: str) -> Any:
    """Python's type for TorchScript's name of it: a plain one, or lists of such; None for others."""
    if text.startswith("List["):
        inner = _plain_type(text[len("List[") : -1])
        return None if inner is None else types.GenericAlias(list, (inner,))
    return PLAIN_TYPES.get(text)


def _load_once(draft: Path, names: list[str]) -> None:
    """Make sure that the C++ core takes the file."""
    from gnncv.cv import CollectiveVariable

    found = CollectiveVariable(draft).names
    if found != names:
        raise ModelError(f"the new file has the outputs {', '.join(found)}, expected {', '.join(names)}")
