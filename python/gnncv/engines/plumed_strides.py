"""Whether a PLUMED input means the same when PLUMED sees only every k-th step."""

from __future__ import annotations

from gnncv.errors import InvalidArgument
from gnncv.plumed import PlumedInput

_OWN_DYNAMICS = {"DRR", "EXTENDED_LAGRANGIAN", "LOGMFD"}  # they integrate variables of their own, once a call
_OUTPUTS = {"COMMITTOR", "DUMPATOMS", "DUMPDERIVATIVES", "DUMPFORCES", "DUMPGRID", "FLUSH", "PRINT"}
_MEANING_EVERY_STEP = {"0", "1"}


def check_strides(source: PlumedInput, every: int) -> None:
    """Refuse what would be skipped, or act with another strength, where only every `every`-th step is seen.

    Raises
    ------
    InvalidArgument
        A PACE, or a STRIDE of output, that is no multiple of `every`; a STRIDE of anything else (PLUMED would
        multiply its forces once more); an action that integrates a variable of its own.
    """
    if every == 1:
        return
    for statement in source.all_statements():
        if statement.action in _OWN_DYNAMICS:
            raise InvalidArgument(
                f"{statement.action} integrates a variable of its own in each step, and PLUMED sees every "
                f"{every}th step: take cv_every: 1"
            )
        for key in {"PACE", "STRIDE"} & statement.values.keys():
            _check(statement.action, key, statement.values[key], every)


def _check(action: str, key: str, value: str, every: int) -> None:
    if value in _MEANING_EVERY_STEP:
        return
    if key == "STRIDE" and action not in _OUTPUTS:
        raise InvalidArgument(
            f"{action} STRIDE={value}: with cv_every {every} PLUMED's forces act every {every} steps "
            "already; leave STRIDE out, or take cv_every: 1"
        )
    if value.isdigit() and int(value) % every:
        raise InvalidArgument(
            f"{action} {key}={value} is no multiple of cv_every ({every}): PLUMED sees every {every}th step"
        )
