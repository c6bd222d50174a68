"""Write a trained model as one TorchScript file with its facts inside."""

import copy
import datetime
import json
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gnncv.errors import InvalidArgument
from gnncv.files.atomic import check_output, write_atomic
from gnncv.models import CollectiveVariables, GraphAutoencoder
from gnncv.models.collective_variables import columns_of, outputs_of
from gnncv.models.molecule_embeddings import MoleculeEmbeddings
from gnncv.models.tabulated import TabulatedEncoder
from gnncv.topology import Molecule, longest_bonds
from gnncv.training.run_folder import TrainedRun, load_run

from .archive import save_archive
from .continuity import refuse_unfit
from .self_check import check_export

FORMAT_VERSION = 2
TABLE_TOLERANCE = {"float32": 1e-7, "float64": 1e-9}
"""Of each table; in float32 the rounding of the CV is larger anyway, and short tables stay in cache."""
PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


class ExportedModel(CollectiveVariables):
    """:class:`CollectiveVariables` with the facts the C++ core reads as typed attributes."""

    species: list[str]
    output_names: list[str]
    site_names: list[str]
    molecule_symbols: list[list[str]]
    molecule_bonds: list[list[int]]
    molecule_longest_bonds: list[list[float]]
    molecule_weights: list[list[float]]
    molecule_axis_weights: list[list[list[float]]]
    molecule_axis_rings: list[list[list[int]]]
    molecule_distances: list[list[int]]
    molecule_torsions: list[list[int]]

    def __init__(self, model: GraphAutoencoder, precision: str, pairs: str) -> None:
        super().__init__(model)
        self.format_version = FORMAT_VERSION
        self.cutoff = float(model.config.cutoff)
        self.precision = precision
        # What it takes: "full" has centers and neighbors in int64, the others no centers and neighbors in
        # int32; "half" each bond once, "both" each twice and where the half begins. Without tables the
        # invariants want vectors in float64.
        self.pairs = pairs
        self.vectors = "float64" if pairs == "full" else precision
        self.hops = model.encoder.hops
        self.species = list(model.species)
        self.output_names = list(outputs_of(model))
        self.site_names = columns_of(model)
        self._describe(() if model.topology is None else model.topology.molecules)

    def _describe(self, molecules: Sequence[Molecule]) -> None:
        """The molecules among the kinds of sites, one item each; tuples of atoms one after the other."""
        self.molecule_symbols = [list(molecule.symbols) for molecule in molecules]
        self.molecule_bonds = [_flat(molecule.bonds) for molecule in molecules]
        self.molecule_longest_bonds = [longest_bonds(molecule).tolist() for molecule in molecules]
        self.molecule_weights = [list(molecule.weights) for molecule in molecules]
        self.molecule_axis_weights = [[list(axis.weights) for axis in m.axes] for m in molecules]
        self.molecule_axis_rings = [[list(axis.ring) for axis in m.axes] for m in molecules]
        self.molecule_distances = [_flat(molecule.distances) for molecule in molecules]
        self.molecule_torsions = [_flat(molecule.torsions) for molecule in molecules]


def _flat(tuples: Sequence[Sequence[int]]) -> list[int]:
    return [atom for group in tuples for atom in group]


class TabulatedModel(ExportedModel):
    """:class:`ExportedModel` from tables, which can work on half of the pairs."""

    def __init__(self, model: GraphAutoencoder, precision: str) -> None:
        super().__init__(model, precision, "both" if model.config.invariants else "half")
        cutoff, tolerance = model.config.cutoff, TABLE_TOLERANCE[precision]
        self.encoder: TabulatedEncoder = TabulatedEncoder(model.encoder, cutoff, tolerance)

    @torch.jit.export
    def site_part_of_halves(
        self,
        vectors: Tensor,
        half_begin: Tensor,
        neighbor: Tensor,
        row_ptr: Tensor,
        types: Tensor,
        axes: Tensor | None = None,
        descriptors: Tensor | None = None,
    ) -> Tensor:
        """:meth:`site_part` of bonds that, from ``half_begin[i]`` on in row ``i``, stand for both ways."""
        mean, invariants = self.encoder.means_of(
            vectors, neighbor, row_ptr, types, half_begin, axes, descriptors
        )
        return self.outcomes(mean, invariants)


def export(
    run: str | Path | TrainedRun,
    path: str | Path,
    precision: str = "float32",
    overwrite: bool = False,
    tables: bool = True,
) -> dict[str, Any]:
    """Export a training run to a TorchScript file that the C++ core, and so PLUMED and Python, evaluate.

    Parameters
    ----------
    run
        A finished run, or its folder.
    path
        The file to write, usually ``NAME.pt``.
    precision
        ``float32`` (default) or ``float64``: arithmetic of the network; geometry and sums are float64.
    overwrite
        Replace an existing file.
    tables
        Tabulate what depends on distance alone: several times faster, and within 1e-6 of the networks, which
        the self-check measures. Derivatives are those of the tables, exactly.

    Returns
    -------
    dict
        The facts written into the file as ``gnncv.json``, the self-check's figures among them.

    Raises
    ------
    ModelError
        The model is not continuous, the run is unfinished, or the self-check failed.
    OutputExists
        ``path`` exists.
    """
    if precision not in PRECISIONS:
        raise InvalidArgument(f"precision is {precision!r}; allowed: {', '.join(PRECISIONS)}")
    trained = run if isinstance(run, TrainedRun) else load_run(run)
    refuse_unfit(trained.model.config)
    target = check_output(path, overwrite)
    from gnncv._native import load_operators

    load_operators()
    exported = _exported(trained.model, precision, tables)
    scripted = _script(exported)
    facts = _facts(trained, precision, exported)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.pt"
        _save(scripted, draft, facts)
        check = check_export(
            draft, copy.deepcopy(trained.model), precision, trained.check_frames(), tables=tables
        )
    facts["self_check"] = check.as_dict()
    with write_atomic(target, overwrite) as temporary:
        _save(scripted, Path(temporary), facts)
    return facts


def _exported(model: GraphAutoencoder, precision: str, tables: bool) -> ExportedModel:
    """What is written: parameters in the precision asked for; buffers (tables, scales) in float64.

    Encoders of molecules are in float64, too: conformations are small differences of large numbers.
    """
    exact = copy.deepcopy(model).double()
    exported = TabulatedModel(exact, precision) if tables else ExportedModel(exact, precision, "full")
    wide = {name: buffer.clone() for name, buffer in exported.named_buffers()}
    exported.to(PRECISIONS[precision]).eval()
    for module in exported.modules():
        if isinstance(module, MoleculeEmbeddings):
            module.encoders.double()
    for name, buffer in wide.items():
        owner, _, leaf = name.rpartition(".")
        setattr(exported.get_submodule(owner), leaf, buffer)
    return exported


def _script(exported: ExportedModel) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        return torch.jit.script(exported)


def _save(scripted: torch.jit.ScriptModule, path: Path, facts: dict[str, Any]) -> None:
    save_archive(
        scripted, path, {"gnncv.json": json.dumps(facts, indent=2), "gnncv_format": str(FORMAT_VERSION)}
    )


def _facts(trained: TrainedRun, precision: str, exported: ExportedModel) -> dict[str, Any]:
    from gnncv import __version__

    model, summary = trained.model, trained.summary
    return {
        "format_version": FORMAT_VERSION,
        "gnncv_version": __version__,
        "torch_version": torch.__version__,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "length_unit": "angstrom",
        "precision": precision,
        "cutoff": model.config.cutoff,
        "hops": model.encoder.hops,
        "switching": {"kind": model.config.switching, "onset": model.config.switching_onset},
        "species": model.species,
        "topology": None if model.topology is None else model.topology.as_dict(),
        "phases": model.phases,
        "outputs": [{"name": name, "kind": kind} for name, kind in outputs_of(model).items()],
        "site_outputs": columns_of(model),
        "centroids": {name: row.tolist() for name, row in zip(model.phases, model.centroids, strict=True)},
        "mixture": summary.get("mixture"),
        "novelty_scales": _novelty_scales(model),
        "model": model.config.model_dump(),
        "n_parameters": summary["n_parameters"],
        "tables": _table_facts(exported),
        "training": {
            name: summary[name]
            for name in (
                "n_training_frames",
                "n_validation_frames",
                "n_epochs",
                "best_epoch",
                "validation",
                "validation_augmented",
            )
        }
        | {"gap_frames": max(summary["gap_frames"].values(), default=0)},
        "data_hash": summary["data_hash"],
        "config": summary["config"],
    }


def _table_facts(exported: ExportedModel) -> dict[str, float] | None:
    encoder = exported.encoder
    if not isinstance(encoder, TabulatedEncoder):
        return None
    return {"intervals": encoder.n_intervals, "error": encoder.table_error}


def _novelty_scales(model: GraphAutoencoder) -> dict[str, float] | None:
    if model.environment_decoder is None:
        return None
    return {
        "reconstruction_error": float(model.error_scale),
        "latent_surprise": float(model.surprise_scale),
        "joint": float(model.novelty_scale),
    }
