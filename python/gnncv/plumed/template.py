"""A complete PLUMED input for a model, ready to run, with numbers from its training frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gnncv.errors import InvalidArgument
from gnncv.plumed.suggestion import GAS_CONSTANT, Suggestion, rounded

METHODS = ("metad", "opes", "restraint", "monitor")
Line = tuple[str, str]  # what PLUMED reads, and the comment


@dataclass(frozen=True)
class Subject:
    """What an input is about.

    Attributes
    ----------
    model
        The model file.
    species
        The species it knows.
    symbols
        Those of the system's atoms, in the order of the MD engine; None if they are not known.
    load
        The line that loads the plugin; None if there is none yet.
    molecules
        Names of the kinds of molecules it knows.
    """

    model: Path
    species: Sequence[str]
    symbols: Sequence[str] | None
    load: str | None
    molecules: Sequence[str] = ()


def write_template(subject: Subject, method: str, suggestion: Suggestion, temperature: float) -> str:
    """The text of an input.

    Parameters
    ----------
    subject
        Model and atoms.
    method
        One of `METHODS`.
    suggestion
        What is biased, and the numbers.
    temperature
        Kelvin.

    Raises
    ------
    InvalidArgument
        If the atoms do not fit the model, or must be known and are not.
    """
    if method not in METHODS:
        raise InvalidArgument(f"method is {method!r}; allowed: {', '.join(METHODS)}")
    name = f"cv.{suggestion.output}"
    blocks = [_block("cv: GNNCV", _arguments(subject))]
    if method == "metad":
        blocks.append(_block("metad: METAD", _metad(name, suggestion, temperature)))
    elif method == "opes":
        blocks.append(_block("opes: OPES_METAD", _opes(name, suggestion, temperature)))
    elif method == "restraint":
        blocks.append(_block("restraint: RESTRAINT", _restraint(name, suggestion, temperature)))
    if method != "monitor":
        blocks += _walls(name, suggestion, temperature, both=method != "restraint")
    labels = {"metad": ["metad.bias"], "opes": ["opes.bias"], "restraint": ["restraint.bias"]}.get(method, [])
    if method != "monitor" and suggestion.novelty_wall is not None:
        labels.append("trust.bias")
    output = [
        (f"ARG={','.join(['cv.*', *labels])}", "all outputs of the model, and the biases"),
        ("FILE=COLVAR", "one row each"),
        ("STRIDE=500", "steps between rows"),
    ]
    blocks.append(_block("PRINT", output))
    what = {
        "metad": f"Well-tempered metadynamics on {suggestion.output}",
        "opes": f"OPES metadynamics on {suggestion.output}",
        "restraint": f"A harmonic restraint on {suggestion.output}",
        "monitor": "All outputs, printed: no bias",
    }[method]
    load = subject.load or "# run `gnncv plumed build` and put the LOAD line that it prints here"
    head = [
        f"# {what} of {subject.model.name}. Written by gnncv plumed template.",
        "# Units are PLUMED's own: nm, kJ/mol, ps. The outputs of the model have none.",
        f"# Numbers for {suggestion.output} come from {suggestion.source}.",
        "",
        "# the action GNNCV, compiled for one PLUMED",
        load,
    ]
    return "\n".join(["\n".join(head), *blocks]) + "\n"


def _block(head: str, lines: Sequence[Line]) -> str:
    """An action over several lines, its comments aligned."""
    width = min(max(len(said) for said, _ in lines), 48)
    body = [f"  {said:<{width}}  # {comment}" for said, comment in lines]
    return "\n".join(["", f"{head} ...", *body, "..."])


def _arguments(subject: Subject) -> list[Line]:
    path = str(subject.model.absolute())
    quoted = f"{{{path}}}" if any(letter.isspace() for letter in path) else path
    return [(f"MODEL={quoted}", "the model"), *_atoms(subject)]


def _atoms(subject: Subject) -> list[Line]:
    """Which atoms the model sees, and which species they are."""
    if subject.molecules:
        return _atoms_of_molecules(subject)
    if subject.symbols is None:
        if len(subject.species) == 1:
            return [("ATOMS=@mdatoms", f"every atom of the system: all of them are {subject.species[0]}")]
        raise InvalidArgument(
            f"the model knows {', '.join(subject.species)}: give a structure with --structure, "
            "so that it is known which atom is which"
        )
    unknown = sorted(set(subject.symbols) - set(subject.species))
    if unknown:
        raise InvalidArgument(
            f"the structure has {', '.join(unknown)}, the model knows {', '.join(subject.species)}"
        )
    if len(subject.species) == 1:
        return [(f"ATOMS=1-{len(subject.symbols)}", "every atom that the model sees, counted from 1")]
    return _species(subject, subject.symbols)


def _atoms_of_molecules(subject: Subject) -> list[Line]:
    """All atoms, molecule by molecule; one kind of molecule alone says which species they are."""
    order = f"molecule by molecule ({', '.join(subject.molecules)}), atoms as in the training frames"
    if subject.symbols is None:
        if len(subject.molecules) == 1:
            return [("ATOMS=@mdatoms", order)]
        raise InvalidArgument(
            f"the model knows several kinds of sites ({', '.join(subject.molecules)}): give a structure with "
            "--structure, so that it is known which atom is which"
        )
    atoms = (f"ATOMS=1-{len(subject.symbols)}", order)
    if len(subject.molecules) == 1:
        return [atoms]
    return [atoms, *_species(subject, subject.symbols)]


def _species(subject: Subject, symbols: Sequence[str]) -> list[Line]:
    present = [name for name in subject.species if name in symbols]
    lines = []
    for number, name in enumerate(present, start=1):
        serials = [k for k, symbol in enumerate(symbols, start=1) if symbol == name]
        lines.append((f"SPECIES{number}={_ranges(serials)}", f"atoms of {name}, counted from 1"))
    return [*lines, (f"SPECIES_TO_TYPES={','.join(present)}", "what the model calls them")]


def _ranges(serials: Sequence[int]) -> str:
    """Numbers as PLUMED writes them: 1-4,7,9-12."""
    runs: list[list[int]] = []
    for serial in serials:
        if runs and serial == runs[-1][1] + 1:
            runs[-1][1] = serial
        else:
            runs.append([serial, serial])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _temperature(temperature: float) -> Line:
    return (f"TEMP={temperature:g}", "K: that of your simulation")


def _metad(name: str, suggestion: Suggestion, temperature: float) -> list[Line]:
    low, high = suggestion.grid
    bins = max(100, round((high - low) / suggestion.sigma * 5))
    return [
        (f"ARG={name}", f"in the phases it is {suggestion.low:.3g} and {suggestion.high:.3g}"),
        (
            f"SIGMA={suggestion.sigma:g}",
            "width of a hill: as it fluctuates in a phase, at least 1 % of the way",
        ),
        (f"HEIGHT={rounded(0.5 * GAS_CONSTANT * temperature):g}", "kJ/mol, of the first hill: kT/2"),
        ("PACE=500", "steps between hills"),
        ("BIASFACTOR=20", "higher barriers need more"),
        _temperature(temperature),
        (f"GRID_MIN={low:g}", "the variable must not leave the grid: see the walls below"),
        (f"GRID_MAX={high:g}", "likewise"),
        (f"GRID_BIN={bins}", "five points a hill's width"),
        ("FILE=HILLS", "read again with RESTART"),
    ]


def _opes(name: str, suggestion: Suggestion, temperature: float) -> list[Line]:
    barrier = rounded(20.0 * GAS_CONSTANT * temperature)
    return [
        (f"ARG={name}", f"in the phases it is {suggestion.low:.3g} and {suggestion.high:.3g}"),
        (
            f"SIGMA={suggestion.sigma:g}",
            "width of a kernel: as it fluctuates in a phase, at least 1 % of the way",
        ),
        (f"BARRIER={barrier:g}", "kJ/mol: the highest barrier to be crossed; 20 kT is a guess"),
        ("PACE=500", "steps between kernels"),
        _temperature(temperature),
        ("FILE=KERNELS", "read again with RESTART"),
    ]


def _restraint(name: str, suggestion: Suggestion, temperature: float) -> list[Line]:
    between = suggestion.high - suggestion.low
    middle = rounded(0.5 * (suggestion.low + suggestion.high), between)
    kappa = rounded(GAS_CONSTANT * temperature / (between / 20.0) ** 2)
    return [
        (f"ARG={name}", f"in the phases it is {suggestion.low:.3g} and {suggestion.high:.3g}"),
        (f"AT={middle:g}", "half way"),
        (f"KAPPA={kappa:g}", f"kJ/mol: at {temperature:g} K it fluctuates by a twentieth of the way"),
    ]


def _walls(name: str, suggestion: Suggestion, temperature: float, both: bool) -> list[str]:
    """Walls at both ends of the grid, and one on novelty."""
    blocks = []
    if both:
        kappa = suggestion.wall_kappa(temperature)
        for label, action, at in (
            ("lower", "LOWER_WALLS", suggestion.walls[0]),
            ("upper", "UPPER_WALLS", suggestion.walls[1]),
        ):
            lines = [(f"ARG={name}", "keeps it on the grid"), (f"AT={at:g}", "where the wall begins")]
            lines.append((f"KAPPA={kappa:g}", "kJ/mol: 50 kT at the end of the grid"))
            blocks.append(_block(f"{label}: {action}", lines))
    if suggestion.novelty_wall is not None:
        kappa = rounded(400.0 * GAS_CONSTANT * temperature)
        lines = [
            ("ARG=cv.novelty", "how far this is from anything the model was trained on"),
            (
                f"AT={suggestion.novelty_wall:g}",
                "above the training frames', also the strained and shaken ones",
            ),
            (f"KAPPA={kappa:g}", "kJ/mol: 50 kT at 0.5 above"),
        ]
        blocks.append(_block("trust: UPPER_WALLS", lines))
    return blocks
