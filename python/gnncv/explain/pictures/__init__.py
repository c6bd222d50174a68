"""Pictures of explanations, ready to be printed; each kind in a module of its own."""

from __future__ import annotations

import importlib
from typing import Any

from matplotlib.figure import Figure

from gnncv.analysis.pictures import save_figure
from gnncv.errors import InvalidArgument
from gnncv.explain.explanation import Explanation
from gnncv.files.atomic import PathLike, check_output

_HOMES = {
    "top": ("bars", "top_picture"),
    "species": ("species", "species_picture"),
    "profile": ("profile", "profile_picture"),
    "3d": ("scene", "scene_picture"),
    "graph": ("graph", "graph_picture"),
}


def draw(
    explanation: Explanation,
    kind: str,
    path: PathLike | None = None,
    overwrite: bool = False,
    dpi: int = 200,
    **options: Any,
) -> Figure:
    """Draw one kind of picture, see `Explanation.plot`; the path is checked before anything is drawn."""
    if kind not in _HOMES:
        raise InvalidArgument(f"cannot draw {kind!r}; the kinds of pictures are {', '.join(_HOMES)}")
    if path is not None:
        check_output(path, overwrite)
    module, name = _HOMES[kind]
    picture = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    try:
        figure: Figure = picture(explanation, **options)
    except TypeError as error:
        # only an option of another kind; what goes wrong inside a picture is shown as it is
        if "unexpected keyword argument" not in str(error) or name not in str(error):
            raise
        raise InvalidArgument(f"pictures of kind {kind} have no such option: {error}") from None
    if kind != "graph":
        _small_print(figure)
    if path is not None:
        save_figure(figure, path, overwrite, dpi)
    return figure


def _small_print(figure: Figure) -> None:
    """Labels of the size that journals print figures with."""
    for ax in figure.axes:
        ax.tick_params(labelsize=8)
        for axis in (ax.xaxis, ax.yaxis):
            axis.label.set_fontsize(9)
            axis.get_offset_text().set_fontsize(8)
