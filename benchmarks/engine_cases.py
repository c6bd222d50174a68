"""What each engine is given to bias in `engines.py`: one table of cases, as PLUMED inputs and options."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CUTOFF_NM = 0.6  # of all variables here: 18 neighbors in the crystal


@dataclass(frozen=True)
class Case:
    """A simulation to time.

    Attributes
    ----------
    name
        As in the table.
    lines
        PLUMED's input but for the bias; empty: no PLUMED.
    argument
        What PLUMED biases.
    every
        Steps from one evaluation of the variable to the next (multiple time steps).
    own
        Biased by gnncv itself, without PLUMED (OpenMM and ASE).
    kernel
        Another PLUMED than the one that the plugins were compiled for.
    cost
        About how many milliseconds the variable takes, to choose the number of steps.
    """

    name: str
    lines: tuple[str, ...] = ()
    argument: str = ""
    every: int = 1
    own: bool = False
    kernel: Path | None = None
    cost: float = 0.0

    def plumed(self, stride: int) -> str:
        """PLUMED's input with a weak restraint; `stride` is 1 where the engine itself makes longer steps."""
        return (
            "\n".join([*self.lines, f"RESTRAINT ARG={self.argument} AT=0.5 KAPPA=1 STRIDE={stride}"]) + "\n"
        )


@dataclass(frozen=True)
class Files:
    """What the cases are made of; absent ones leave out their cases."""

    model: Path
    load: str
    graph_model: Path | None = None
    graph_action: Path | None = None
    structure: Path | None = None
    older_kernel: Path | None = None


def cases(files: Files, n_atoms: int) -> list[Case]:
    """All cases; the first is the plain engine, the second PLUMED with a distance between two atoms."""
    found = [Case("plain")]
    found += _both("distance", ["d: DISTANCE ATOMS=1,2"], "d", strides=(1,))
    gnncv = [files.load, f"d: GNNCV MODEL={files.model} ATOMS=@mdatoms"]
    found += _both("GNNCV", gnncv, "d.progress", cost=2.0)
    found += [Case(_title("GNNCV, without PLUMED", k), every=k, own=True, cost=2.0) for k in (1, 4)]
    q6 = f"d: Q6 SPECIES=1-{n_atoms} SWITCH={{CUBIC D_0={0.7 * CUTOFF_NM:g} D_MAX={CUTOFF_NM:g}}} MEAN"
    found += _both("Q6", [q6], "d.mean", cost=150.0)
    if files.older_kernel is not None:
        found += _both("Q6, PLUMED 2.9", [q6], "d.mean", cost=12.0, kernel=files.older_kernel)
    if files.graph_model is not None:
        guest = [files.load, f"d: GNNCV MODEL={files.graph_model} ATOMS=@mdatoms"]
        found += _both("mlcolvar's SchNet in GNNCV", guest, "d.node-0", cost=8.0)
    if files.graph_model is not None and files.graph_action is not None:
        action = f"d: PYTORCH_GNN SYSTEM_SELECTION=1-{n_atoms} MODEL={files.graph_model}"
        action += f" STRUCTURE={files.structure} NL_STRIDE=1"
        own = [f"LOAD FILE={files.graph_action}", action]
        found += _both("mlcolvar's SchNet in PYTORCH_GNN", own, "d.node-0", cost=15.0)
    return found


def _title(name: str, every: int) -> str:
    return name if every == 1 else f"{name}, every {every}th step"


def _both(
    name: str, lines: list[str], argument: str, cost: float = 0.0,
    kernel: Path | None = None, strides: tuple[int, ...] = (1, 4),
) -> list[Case]:  # fmt: skip
    """A variable of PLUMED at every step, and by multiple time steps."""
    return [Case(_title(name, k), tuple(lines), argument, k, kernel=kernel, cost=cost) for k in strides]
