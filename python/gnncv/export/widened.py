"""Export in float32 where that is accurate enough, else in float64."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gnncv.errors import ModelError
from gnncv.training.run_folder import TrainedRun

from .exporter import export


def export_widened(
    run: str | Path | TrainedRun,
    path: str | Path,
    precision: str,
    say: Callable[[str], None],
    overwrite: bool = False,
) -> dict[str, Any]:
    """Export as `gnncv.export` does; if float32 is refused, in float64, which is more accurate and slower.

    For jobs of many steps, which a training on the edge of the float32 check should not end: rounding decides
    on which side of it such a training is.

    Parameters
    ----------
    run, path, precision, overwrite
        As for `gnncv.export`.
    say
        Gets the refusal, once, if there is one.

    Returns
    -------
    dict
        The facts of the file; ``precision`` among them is what it was written in.

    Raises
    ------
    ModelError
        What is refused in float64, too.
    """
    try:
        return export(run, path, precision, overwrite)
    except ModelError as refusal:
        if precision == "float64":
            raise
        facts = export(run, path, "float64", overwrite)
        say(f"{refusal}; float64 it is")
        return facts
