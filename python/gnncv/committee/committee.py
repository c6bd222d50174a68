"""Several trainings of one collective variable, evaluated together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from ase import Atoms

from gnncv.errors import InvalidArgument

from .alignment import Alignment, align
from .result import SPREAD, CommitteeResult, combine, mean_and_spread, spread_name

if TYPE_CHECKING:
    from gnncv.cv import CollectiveVariable

FloatArray = npt.NDArray[np.float64]


def depends_on_training(name: str) -> bool:
    """Whether an output has no meaning beyond its own training: latents and what is measured in them.

    A latent space is known up to a smooth, invertible map (its gauge): another seed turns, mirrors and
    bends it. ``deviation`` is a length in that space.
    """
    return name.startswith("latent-") or name.split("-")[0] == "deviation"


class Committee:
    """Trainings of one collective variable with different seeds; their spread is its uncertainty.

    It has the methods of `CollectiveVariable`, and every output twice: ``progress`` is the mean over the
    members, ``std-progress`` their standard deviation, both with gradients. It can stand wherever a
    `CollectiveVariable` can, in `gnncv.engines.BiasedCalculator` for one.

    Parameters
    ----------
    members
        At least two model files, or loaded `CollectiveVariable` objects.
    device, skin, num_threads, precision
        As for `CollectiveVariable`, for the members that are loaded here.

    Attributes
    ----------
    names : list of str
        Outputs that all members have and that mean the same in all: ``progress``, ``crystallinity``,
        ``ncrystal``, ``novelty``, an energy; then their standard deviations.
    site_names : list of str
        The same for values per site.
    left_out : list of str
        Outputs of the members that cannot be compared. Latents, and ``deviation``, which is a length among
        them, are defined only up to a change of coordinates that differs from training to training (their
        gauge): means over members would mean nothing. `align` makes latents comparable where that change is
        linear.

    Raises
    ------
    InvalidArgument
        Fewer than two members, the same model twice, members of other species, kinds of molecules or phases.

    Notes
    -----
    The spread is that of trainings on the same data. It grows where data do not decide what the network says,
    and it is blind to what all members share: data, labels, architecture. ``progress`` is 0 and 1 at the same
    two phases in every training and is free between them: its spread there is also one of parametrizations.
    """

    def __init__(
        self,
        members: Iterable[str | PathLike[str] | CollectiveVariable],
        device: str = "cpu",
        skin: float | None = None,
        num_threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        if isinstance(members, str | PathLike):
            raise InvalidArgument(f"a committee is a list of models; '{fspath(members)}' is one")
        self.members: list[Any] = [_load(member, device, skin, num_threads, precision) for member in members]
        _check_members(self.members)
        first = self.members[0]
        shared = [name for name in first.names if all(name in cv.names for cv in self.members)]
        self._names = [name for name in shared if not depends_on_training(name)]
        every = dict.fromkeys(name for cv in self.members for name in cv.names)
        self.left_out = [name for name in every if name not in self._names]
        if not self._names:
            raise InvalidArgument(f"the members share no output that can be compared: {', '.join(every)}")
        self._site_names = [
            name
            for name in first.site_names
            if all(name in cv.site_names for cv in self.members) and not depends_on_training(name)
        ]
        self.alignment: Alignment | None = None
        self.path = first.path
        self.species: list[str] = first.species
        self.cutoff: float = max(cv.cutoff for cv in self.members)
        self.metadata: dict[str, Any] = {**first.metadata, "committee": [cv.hash for cv in self.members]}

    def __repr__(self) -> str:
        return f"Committee({[str(cv.path) for cv in self.members]}, outputs={self._names})"

    def __len__(self) -> int:
        return len(self.members)

    @property
    def names(self) -> list[str]:
        """Means and standard deviations, the latter with ``std-`` before their names."""
        return [*self._names, *map(spread_name, self._names)]

    @property
    def site_names(self) -> list[str]:
        """Means and standard deviations per site."""
        return [*self._site_names, *map(spread_name, self._site_names)]

    @property
    def hash(self) -> str:
        """SHA-256 of the members' hashes, in hexadecimal."""
        return hashlib.sha256(" ".join(str(cv.hash) for cv in self.members).encode()).hexdigest()

    @property
    def site_of_atom(self) -> npt.NDArray[np.int64]:
        """(N,) the site that each bound atom belongs to."""
        found: npt.NDArray[np.int64] = self.members[0].site_of_atom
        return found

    def bind(self, symbols: Sequence[str]) -> None:
        """Say which species each atom is, as `CollectiveVariable.bind`."""
        for cv in self.members:
            cv.bind(symbols)

    def compute(
        self,
        atoms: Atoms | npt.ArrayLike,
        cell: npt.ArrayLike | None = None,
        pbc: bool | Sequence[bool] | npt.ArrayLike | None = None,
        outputs: Sequence[str] | None = None,
    ) -> CommitteeResult:
        """Evaluate all members; arguments and errors as for `CollectiveVariable.compute`.

        Parameters
        ----------
        outputs
            Names whose gradients are wanted, among `names`; None means all, an empty list none. A
            standard deviation needs the gradients of its output from every member.

        Raises
        ------
        InvalidArgument
            An output that cannot be compared between trainings, with the reason.
        """
        wanted = self._wanted(outputs)
        geometry = _geometry(atoms, cell, pbc)
        needed = list(dict.fromkeys(name.removeprefix(SPREAD) for name in wanted))
        results = []
        for k, cv in enumerate(self.members):
            if self.alignment is None:
                results.append(cv.compute(*geometry, outputs=needed))
            else:
                found = cv.compute(*geometry, outputs=self.alignment.sources(k, needed))
                results.append(self.alignment.apply(k, found))
        values = np.array([[float(found[name]) for name in self._names] for found in results])
        return combine(self._names, values, wanted, results)

    def per_site(
        self,
        atoms: Atoms | npt.ArrayLike,
        cell: npt.ArrayLike | None = None,
        pbc: bool | Sequence[bool] | npt.ArrayLike | None = None,
    ) -> dict[str, FloatArray]:
        """Means and standard deviations per site, name -> (M,), under `site_names`."""
        columns = self.per_site_members(atoms, cell, pbc)
        pairs = {name: mean_and_spread(values) for name, values in columns.items()}
        means = {name: mean for name, (mean, _) in pairs.items()}
        return means | {spread_name(name): spread for name, (_, spread) in pairs.items()}

    def per_site_members(
        self,
        atoms: Atoms | npt.ArrayLike,
        cell: npt.ArrayLike | None = None,
        pbc: bool | Sequence[bool] | npt.ArrayLike | None = None,
    ) -> dict[str, FloatArray]:
        """What each member says per site, name -> (C, M)."""
        geometry = _geometry(atoms, cell, pbc)
        columns = []
        for k, cv in enumerate(self.members):
            found = cv.per_site(*geometry)
            columns.append(found if self.alignment is None else self.alignment.apply_to_sites(k, found))
        return {name: np.stack([found[name] for found in columns]) for name in self._site_names}

    def align(self, frames: Sequence[Atoms], at_least: float = 0.8) -> Alignment:
        """Map the members' latents linearly onto those of the first, so that they can be compared.

        Parameters
        ----------
        frames
            At least two frames of all that the committee shall see. The maps are fitted to the latents per
            site of every other frame and judged on the frames between.
        at_least
            Share of the variance of each latent of the first member that the maps must explain there.

        Returns
        -------
        Alignment
            How well the maps fit; the committee has the latents among its outputs from now on, in the
            coordinates of the first member.

        Raises
        ------
        InvalidArgument
            The trainings differ by more than a linear change of coordinates, with the share that is
            explained; latents that are sums over sites; too few frames.
        """
        alignment = align(self.members, frames, at_least)
        if self.alignment is None:
            self._names = [*alignment.names, *self._names]
            self._site_names = [*alignment.names, *self._site_names]
            self.left_out = [name for name in self.left_out if name not in alignment.names]
        self.alignment = alignment
        return alignment

    def check_outputs(self, names: Sequence[str]) -> None:
        """Refuse outputs that the committee does not have, with the reason for those of its members."""
        for name in names:
            if name in self.names:
                continue
            if name.removeprefix(SPREAD) in self.left_out:
                raise InvalidArgument(_why_not(name.removeprefix(SPREAD)))
            raise InvalidArgument(f"the committee has no output '{name}'; it has {', '.join(self.names)}")

    def _wanted(self, outputs: Sequence[str] | None) -> list[str]:
        if outputs is None:
            return self.names
        if isinstance(outputs, str):
            raise InvalidArgument(f"outputs is '{outputs}', expected a list of names, such as ['{outputs}']")
        self.check_outputs(outputs)
        return list(outputs)


def _load(
    member: Any, device: str, skin: float | None, num_threads: int | None, precision: str | None
) -> Any:
    if not isinstance(member, str | PathLike):
        return member
    from gnncv.cv import CollectiveVariable

    return CollectiveVariable(member, device, skin, num_threads, precision)


def _geometry(atoms: Any, cell: Any, pbc: Any) -> tuple[Any, ...]:
    """What a member's `compute` takes: atoms alone, or positions with cell and periodicity."""
    return (atoms,) if isinstance(atoms, Atoms) and cell is None and pbc is None else (atoms, cell, pbc)


def _check_members(members: Sequence[Any]) -> None:
    """Refuse members that do not speak of the same thing."""
    if len(members) < 2:
        raise InvalidArgument(f"a committee needs at least two models, and {len(members)} is given")
    first = members[0]
    seen = {first.hash: first.path}
    for cv in members[1:]:
        if cv.hash in seen:
            raise InvalidArgument(f"{cv.path} is the same model as {seen[cv.hash]}: it would count twice")
        seen[cv.hash] = cv.path
        for what, of in (
            ("species", lambda one: sorted(one.species)),
            ("kinds of sites", lambda one: getattr(one, "kinds", None)),
            ("phases", lambda one: one.metadata.get("phases")),
        ):
            if of(cv) != of(first):
                raise InvalidArgument(
                    f"{cv.path} and {first.path} have different {what}, {of(cv)} and {of(first)}: they are "
                    "not trainings of one variable"
                )


def _why_not(name: str) -> str:
    if not depends_on_training(name):
        return f"not all members of the committee have the output '{name}'"
    way = "align(frames) maps them onto one another" if name.startswith("latent-") else "take progress"
    return (
        f"'{name}' cannot be compared between trainings: latents, and lengths among them, are defined up to "
        f"a change of coordinates that differs from one to the next; {way}"
    )
