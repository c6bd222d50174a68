"""Compare rebuilt molecules with true ones, whose equivalent atoms may have changed places."""

import numpy as np
import torch
from torch import Tensor, nn

from gnncv.topology import Molecule

from .molecular_symmetry import descriptor_classes, descriptor_permutations

CHUNK = 4_000_000  # numbers that a comparison holds at once


class MoleculeComparison(nn.Module):
    """Names the equivalent atoms of true molecules so that they fit rebuilt ones best.

    The embedding does not change when equivalent atoms change places, so the decoder cannot know which of
    them has the longer bond: a rebuilt molecule is as good as the best naming of the true one. Of all
    symmetries of the molecular graph the best is taken. Where there are more than ``most``, each set of
    equivalent descriptors is put in the order of the rebuilt ones instead, which is more lenient: it forgets
    which descriptors belong together.

    Parameters
    ----------
    molecule
        The template.
    most
        Up to so many symmetries are compared one by one.
    """

    permutations: Tensor

    def __init__(self, molecule: Molecule, most: int) -> None:
        super().__init__()
        found = descriptor_permutations(molecule, most)
        self.sorts = found is None
        if found is None:
            found = np.arange(molecule.n_descriptors)[None]
        self.register_buffer("permutations", torch.from_numpy(found))
        classes = descriptor_classes(molecule)
        self.classes = [torch.from_numpy(np.flatnonzero(classes == number)) for number in np.unique(classes)]

    @torch.no_grad()
    def renamed(self, true: Tensor, rebuilt: Tensor, weights: Tensor) -> Tensor:
        """True descriptors ``(B, D)`` in the naming that is closest to the rebuilt ``(B, D)``.

        Closest in the sum of squared differences with ``weights`` ``(D,)``, equal for equivalent descriptors.
        """
        if self.sorts:
            return self._sorted(true, rebuilt)
        # The squares are the same in every naming: the largest scalar product is the smallest difference.
        weighted = rebuilt * weights
        n_names, n_descriptors = self.permutations.shape
        rows = max(1, CHUNK // max(1, n_names * n_descriptors))
        best = [
            torch.einsum("bgd,bd->bg", part[:, self.permutations], against).argmax(1)
            for part, against in zip(true.split(rows), weighted.split(rows), strict=True)
        ]
        return true.gather(1, self.permutations[torch.cat(best)])

    def _sorted(self, true: Tensor, rebuilt: Tensor) -> Tensor:
        renamed = true.clone()
        for members in self.classes:
            places = members.to(true.device)[rebuilt[:, members].argsort(1)]
            renamed.scatter_(1, places, true[:, members].sort(1).values)
        return renamed
