"""Linear maps between the latent spaces of independent trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ase import Atoms

from gnncv.cv import Result
from gnncv.errors import InvalidArgument

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """Maps ``z -> z @ matrix + offset`` from each member's latents to those of the first.

    Attributes
    ----------
    names : list of str
        The L latents of the first member.
    sources_of : list of list of str
        The latents of each member.
    matrices : list of (L_c, L) float64
        Of each member; the first has the identity.
    offsets : list of (L,) float64
        Of each member.
    explained : (C, L) float64
        Share of the variance of the first member's latents that each map explains, per site, in frames that
        were not used to fit it: 1 is a linear change of coordinates and no more.
    """

    names: list[str]
    sources_of: list[list[str]]
    matrices: list[FloatArray]
    offsets: list[FloatArray]
    explained: FloatArray

    def sources(self, member: int, names: Sequence[str]) -> list[str]:
        """Outputs of a member whose gradients those of `names` need."""
        other = [name for name in names if name not in self.names]
        return other if len(other) == len(names) else [*self.sources_of[member], *other]

    def apply(self, member: int, result: Result) -> Result:
        """The result with the latents of the first member in the place of this member's own."""
        sources, matrix = self.sources_of[member], self.matrices[member]
        latents = np.array([result[name] for name in sources]) @ matrix + self.offsets[member]
        kept = [k for k, name in enumerate(result.names) if name not in sources]
        found = replace(
            result,
            names=[*self.names, *(result.names[k] for k in kept)],
            values=np.concatenate([latents, result.values[kept]]),
        )
        if not set(sources) & set(result.outputs):
            return found
        rows = [result.outputs.index(name) for name in sources]
        rest = [k for k, name in enumerate(result.outputs) if name not in sources]

        def mapped(derivatives: FloatArray) -> FloatArray:
            turned = np.tensordot(matrix.T, derivatives[rows], 1)
            return np.concatenate([turned, derivatives[rest]])

        return replace(
            found,
            outputs=[*self.names, *(result.outputs[k] for k in rest)],
            gradients=mapped(result.gradients),
            strain_gradient=mapped(result.strain_gradient),
        )

    def apply_to_sites(self, member: int, columns: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """Columns per site with the latents of the first member in the place of this member's own."""
        sources = self.sources_of[member]
        turned = np.column_stack([columns[name] for name in sources]) @ self.matrices[member]
        turned += self.offsets[member]
        rest = {name: values for name, values in columns.items() if name not in sources}
        return {name: np.ascontiguousarray(turned[:, k]) for k, name in enumerate(self.names)} | rest


def align(members: Sequence[Any], frames: Sequence[Atoms], at_least: float) -> Alignment:
    """Fit the maps by least squares; see `Committee.align`."""
    if len(frames) < 2:
        raise InvalidArgument(
            f"aligning needs at least two frames, to fit and to judge; {len(frames)} is given"
        )
    for cv in members:
        if (cv.metadata.get("model") or {}).get("pooling", "mean") != "mean":
            raise InvalidArgument(
                f"{cv.path} pools latents as {cv.metadata['model']['pooling']}: only means align"
            )
    names = [[name for name in cv.site_names if name.startswith("latent-")] for cv in members]
    if not all(names):
        raise InvalidArgument("a member of the committee has no latents per site: there is nothing to align")
    fitted = [_site_latents(cv, frames[::2], of) for cv, of in zip(members, names, strict=True)]
    judged = [_site_latents(cv, frames[1::2], of) for cv, of in zip(members, names, strict=True)]
    matrices: list[FloatArray] = []
    offsets: list[FloatArray] = []
    explained: list[FloatArray] = []
    for here, there in zip(fitted, judged, strict=True):
        design = np.column_stack([here, np.ones(len(here))])
        solution = np.asarray(np.linalg.lstsq(design, fitted[0], rcond=None)[0], dtype=np.float64)
        matrices.append(solution[:-1])
        offsets.append(solution[-1])
        missed = judged[0] - (there @ solution[:-1] + solution[-1])
        share: FloatArray = 1.0 - missed.var(axis=0) / judged[0].var(axis=0)
        explained.append(share)
    matrices[0], offsets[0] = np.eye(len(names[0])), np.zeros(len(names[0]))  # not to rounding only
    shares = np.array(explained)
    if shares.min() < at_least:
        member, latent = divmod(int(shares.argmin()), shares.shape[1])
        raise InvalidArgument(
            f"a linear map of the latents of {members[member].path} explains {shares.min():.2f} of the "
            f"variance of {names[0][latent]} of {members[0].path}, less than {at_least:g}: these trainings "
            "differ by more than a linear change of coordinates; compare progress and crystallinity instead"
        )
    return Alignment(names[0], names, matrices, offsets, shares)


def _site_latents(cv: Any, frames: Sequence[Atoms], names: Sequence[str]) -> FloatArray:
    """(sites of all frames, L) latents."""
    rows = []
    for atoms in frames:
        columns = cv.per_site(atoms)
        rows.append(np.column_stack([columns[name] for name in names]))
    return np.concatenate(rows)
