"""An explanation as PDB file, its scores as temperature factors."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gnncv.errors import InvalidArgument
from gnncv.explain.nodes import atoms_of_nodes, need_nodes, node_scores
from gnncv.files.atomic import PathLike, check_output, write_atomic

if TYPE_CHECKING:
    from gnncv.explain.explanation import Explanation

LARGEST = 99.99
"""The largest temperature factor."""


def write_pdb(explanation: Explanation, path: PathLike, overwrite: bool = False) -> Path:
    """Write the frame as PDB, see `Explanation.to_pdb`."""
    target = check_output(path, overwrite)
    text = "\n".join(_lines(explanation)) + "\n"
    with write_atomic(target, overwrite) as temporary:
        temporary.write_text(text, encoding="ascii")
    return target


def hybrid36(number: int, width: int) -> str:
    """A number in a field of PDB: decimal as long as it fits, then with a letter first (A0000, A0001, ...).

    The numbering of cctbx (R. W. Grosse-Kunstleve), which PyMOL, gemmi (OVITO) and MDAnalysis read.

    Raises
    ------
    InvalidArgument
        Beyond what that numbering can hold: 87440031 for 5 places.
    """
    if number < 10**width:
        return f"{number:>{width}d}"
    rest, per_letter = number - 10**width, 36 ** (width - 1)
    for letters in (string.ascii_uppercase, string.ascii_lowercase):
        if rest < 26 * per_letter:
            digits = string.digits + letters
            tail = ""
            for _ in range(width - 1):
                rest, digit = divmod(rest, 36)
                tail = digits[digit] + tail
            return letters[rest] + tail
        rest -= 26 * per_letter
    raise InvalidArgument(
        f"number {number} does not fit into {width} places of a PDB file; write extended XYZ"
    )


def _lines(explanation: Explanation) -> Iterator[str]:
    need_nodes(explanation, "a PDB file")
    atoms = explanation.atoms
    if atoms is None:
        raise InvalidArgument(
            f"{explanation.method} explained a graph without a frame: there are no positions"
        )
    owners = atoms_of_nodes(explanation)
    factors, zero, slope = _factors(node_scores(explanation)[owners])
    yield from _remarks(explanation, zero, slope)
    positions = np.array(atoms.positions)
    if atoms.pbc.any():
        # PDB knows lengths and angles only: the first vector along x, the second in the plane of x and y
        standard, rotation = atoms.cell.complete().standard_form()
        positions = positions @ rotation.T
        a, b, c, alpha, beta, gamma = standard.cellpar()
        yield f"CRYST1{a:9.3f}{b:9.3f}{c:9.3f}{alpha:7.2f}{beta:7.2f}{gamma:7.2f} P 1           1"
    if len(positions) and (positions.max() >= 9999.9995 or positions.min() <= -999.9995):
        raise InvalidArgument("a coordinate does not fit into PDB (-999.999 to 9999.999); write extended XYZ")
    residues = owners if explanation.node_of_atom is not None else np.zeros(len(atoms), dtype=np.int64)
    for i, (symbol, (x, y, z)) in enumerate(zip(atoms.symbols, positions.tolist(), strict=True)):
        name = f" {symbol:<3}" if len(symbol) == 1 else f"{symbol.upper():<4}"
        # ASE reads residue numbers as decimal ones only: beyond 9999 they begin anew, as GROMACS writes them
        residue = (int(residues[i]) + 1) % 10000
        yield (
            f"HETATM{hybrid36(i + 1, 5)} {name} MOL A{residue:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
            f"{1.0:6.2f}{factors[i]:6.2f}          {symbol.upper():>2}  "
        )
    yield "END"


def _factors(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """Temperature factors, the factor of score 0, and the score per unit of factor."""
    largest = float(np.abs(scores).max(initial=0.0))
    zero = 0.5 * LARGEST if (scores < 0.0).any() else 0.0
    slope = largest / (LARGEST - zero) if largest > 0.0 else 1.0
    return np.clip(zero + scores / slope, 0.0, LARGEST), zero, slope


def _remarks(explanation: Explanation, zero: float, slope: float) -> Iterator[str]:
    """Where the numbers come from, in lines of at most 80 characters of ASCII."""
    units = explanation.units.replace("Å", "angstrom")
    for text in (
        f"OUTPUT {explanation.output} = {explanation.value:.8g}",
        f"METHOD {explanation.method}, SCORES OVER {explanation.over}",
        f"MODEL {explanation.model_hash}",
        f"SCORE = (B - {zero:.3f}) * {slope:.8e}",
        f"UNITS {units}",
    ):
        plain = text.encode("ascii", "replace").decode("ascii")
        for start in range(0, len(plain), 69):
            yield f"REMARK   6 {plain[start : start + 69]}"
