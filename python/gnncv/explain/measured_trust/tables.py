"""A trust report as text, CSV and JSON."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gnncv.explain.measured_trust.report import MethodTrust, TrustReport
from gnncv.files.atomic import PathLike, write_atomic

MISSING = "-"


def method_row(method: MethodTrust) -> dict[str, Any]:
    """The numbers of one method by name; None where something was not measured."""
    curves, fidelity, stability, weights = (
        method.curves,
        method.fidelity,
        method.stability,
        method.weights,
    )
    return {
        "method": method.name,
        "order": curves and curves.order,
        "parts": method.explanation.scores.size,
        "deletion area": curves and curves.deletion_area,
        "insertion area": curves and curves.insertion_area,
        "random area": curves and curves.random_area,
        "random deviation": curves and curves.random_area_deviation,
        "z": curves and curves.z,
        "z deletion": curves and curves.z_deletion,
        "z insertion": curves and curves.z_insertion,
        "size": fidelity and fidelity.size,
        "fidelity+": fidelity and fidelity.fidelity_plus,
        "fidelity-": fidelity and fidelity.fidelity_minus,
        "necessity": fidelity and fidelity.necessity,
        "sufficiency": fidelity and fidelity.sufficiency,
        "random necessity": fidelity and fidelity.random_necessity,
        "random sufficiency": fidelity and fidelity.random_sufficiency,
        "characterization": fidelity and fidelity.characterization,
        "stability": None if stability is None else float(stability.spearman.mean()),
        "stability overlap": None if stability is None else float(stability.overlap.mean()),
        "random weights": None if weights is None else float(weights.complete.mean()),
        "random weights overlap": None if weights is None else float(weights.complete_overlap.mean()),
        "trusted": method.trusted,
    }


SHOWN = {
    "deletion area": "{:.3f}",
    "insertion area": "{:.3f}",
    "random area": "{:.3f}",
    "random deviation": "{:.3f}",
    "z": "{:.1f}",
    "necessity": "{:.2f}",
    "sufficiency": "{:.2f}",
    "stability": "{:.2f}",
    "random weights": "{:.2f}",
}


def aligned(rows: list[list[str]]) -> list[str]:
    """Lines of a table, the first column to the left and the others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(row[k].rjust(widths[k]) for k in range(1, len(row)))]).rstrip()
        for row in rows
    ]


def report_text(report: TrustReport) -> str:
    """Table, agreement and verdict."""
    rows = [["method", *SHOWN]]
    for method in report.methods:
        numbers = method_row(method)
        rows.append(
            [
                method.name,
                *(
                    MISSING if numbers[key] is None else how.format(numbers[key])
                    for key, how in SHOWN.items()
                ),
            ]
        )
    lines = [f"{report.output}, {report.over} (model {report.model_hash[:12]})", *aligned(rows)]
    if report.agreement is not None:
        both = report.agreement
        lines += ["", f"Spearman's rank correlation / shared of the {both.size} highest"]
        lines += aligned(
            [["", *both.methods]]
            + [
                [
                    name,
                    *(
                        f"{both.spearman[i, j]:.2f} / {both.overlap[i, j]:.2f}"
                        for j in range(len(both.methods))
                    ),
                ]
                for i, name in enumerate(both.methods)
            ]
        )
    return "\n".join([*lines, "", report.verdict])


def write_csv(report: TrustReport, path: PathLike, overwrite: bool = False) -> Path:
    """One row for each method; empty where something was not measured."""
    rows = [method_row(method) | {"verdict": method.verdict} for method in report.methods]
    with (
        write_atomic(path, overwrite) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return Path(path)


def _plain(value: Any) -> Any:
    """What JSON can hold: lists for arrays, null for what is not finite."""
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value


def report_numbers(report: TrustReport) -> dict[str, Any]:
    """Everything that was measured, as nested dictionaries and lists."""
    methods = [
        {
            **method_row(method),
            "verdict": method.verdict,
            "scores": method.explanation.scores,
            "curves": method.curves and asdict(method.curves),
            "fidelity": method.fidelity and asdict(method.fidelity),
            "stability": method.stability and asdict(method.stability),
            "weights": method.weights and asdict(method.weights),
            "not measured": method.not_measured,
        }
        for method in report.methods
    ]
    numbers = {
        "output": report.output,
        "model_hash": report.model_hash,
        "over": report.over,
        "seed": report.seed,
        "methods": methods,
        "agreement": report.agreement and asdict(report.agreement),
    }
    plain: dict[str, Any] = _plain(numbers)
    return plain


def write_json(report: TrustReport, path: PathLike, overwrite: bool = False) -> Path:
    """Everything that was measured."""
    with write_atomic(path, overwrite) as temporary:
        temporary.write_text(json.dumps(report_numbers(report), indent=1) + "\n", encoding="utf-8")
    return Path(path)
