"""A run explained on one HTML page: which species, which shell, which sites at the growing face, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ase import Atoms

from gnncv.explain.report.along_run import AlongRun, go_through
from gnncv.explain.report.frame_view import ExplainedModel
from gnncv.files.atomic import PathLike, check_output

__all__ = ["AlongRun", "go_through", "write_run_report"]


def write_run_report(
    model: ExplainedModel,
    frames: Iterable[Atoms],
    path: PathLike,
    output: str,
    *,
    source: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> AlongRun:
    """Explain a run and write the page.

    Parameters
    ----------
    model : CollectiveVariable
        A model file of gnncv, loaded.
    frames : iterable of ase.Atoms
        Gone through once; one frame at a time is in memory, and the one that is shown.
    path : path-like
        The HTML file: pictures are inside, nothing else is needed.
    output : str
        Which output.
    source : mapping of str to str, optional
        Rows for the table of facts; ``"model"`` stands with the model's.
    overwrite : bool
        Whether the file may replace an existing one.

    Returns
    -------
    AlongRun
        What the page was made of.

    Raises
    ------
    OutputExists
        If `path` exists and `overwrite` is false; nothing is computed then.
    InvalidArgument, ModelError
        No frames, an unknown output, what the model does not accept or cannot be asked.
    """
    target = check_output(path, overwrite)
    run = go_through(model, frames, output)
    from gnncv.analysis.report_page import write_page
    from gnncv.explain.report.displacements import check_by_displacing
    from gnncv.explain.report.page import compose
    from gnncv.explain.report.removal import check_by_removal

    able = (run.shown.scores > 0.0).sum() >= 3
    check = check_by_displacing(model, run.shown, output) if able else None
    curves = check_by_removal(model, run.shown, output) if able else None
    write_page(compose(run, check, curves, source or {}), Path(target), overwrite)
    return run
