"""Stage 1: the autoencoder of one kind of molecule."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gnncv.errors import InvalidArgument
from gnncv.nn import ACTIVATIONS
from gnncv.topology import Molecule

from .molecule_comparison import MoleculeComparison
from .molecule_config import MoleculeConfig
from .molecule_encoder import MoleculeEncoder

SLOPE_STEP = 0.1
SMALLEST_BATCH = 8


@dataclass
class MoleculeReconstruction:
    """What the autoencoder makes of a batch of molecules.

    Attributes
    ----------
    mean, log_variance
        ``(B, E)``: normal distribution of the embedding.
    true
        ``(B, D)``: standardized descriptors, equivalent atoms named as they fit ``rebuilt`` best.
    rebuilt
        ``(B, D)``: standardized descriptors from the decoder.
    type_logits
        ``(B, A, S)``: elements of the atoms, from the decoder.
    """

    mean: Tensor
    log_variance: Tensor
    true: Tensor
    rebuilt: Tensor
    type_logits: Tensor


class MoleculeAutoencoder(nn.Module):
    """Autoencoder of the conformations of one kind of molecule.

    The encoder passes messages over the molecular graph and pools the atoms to an embedding; the decoder
    rebuilds intramolecular distances, cosines of torsions and the elements of the atoms from it.

    Parameters
    ----------
    molecule
        The template.
    config
        Hyperparameters.

    Raises
    ------
    InvalidArgument
        A molecule without descriptors has one conformation only, and nothing to encode.
    """

    loss_weight: Tensor

    def __init__(self, molecule: Molecule, config: MoleculeConfig) -> None:
        super().__init__()
        if molecule.n_descriptors == 0:
            raise InvalidArgument(
                f"molecule {molecule.name!r} has no distances and no torsions among its descriptors: "
                "there is nothing to encode; name some, or do without stage 1 for this kind"
            )
        self.molecule = molecule
        self.config = config
        self.encoder = MoleculeEncoder(molecule, config)
        self.comparison = MoleculeComparison(molecule, config.max_symmetries)
        activation = ACTIVATIONS[config.activation]
        self.log_variance = nn.Linear(2 * config.width, config.embedding)
        self.decoder = nn.Sequential(
            nn.Linear(config.embedding, config.decoder_width),
            activation(),
            nn.Linear(config.decoder_width, config.decoder_width),
            activation(),
        )
        n_elements = self.encoder.element_embedding.num_embeddings
        self.descriptor_head = nn.Linear(config.decoder_width, molecule.n_descriptors)
        self.type_head = nn.Linear(config.decoder_width, molecule.n_atoms * n_elements)
        # shares of the descriptors in the reconstruction error, see `reconstruction_error`
        self.register_buffer("loss_weight", torch.ones(molecule.n_descriptors, dtype=torch.float64))

    def forward(self, descriptors: Tensor, sample: bool = False) -> MoleculeReconstruction:
        """Encode and rebuild distances (angstrom) and cosines ``(B, D)``.

        From the mean of the embedding, or with ``sample`` from a value drawn from its distribution.
        """
        pooled = self.encoder.pooled(descriptors)
        mean, log_variance = self.encoder.head(pooled), self.log_variance(pooled)
        embedding = mean
        if sample:
            embedding = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        rebuilt, logits = self.decode(embedding)
        weights = self.loss_weight.to(rebuilt.dtype)
        true = self.comparison.renamed(self.encoder.standardized(descriptors), rebuilt, weights)
        return MoleculeReconstruction(mean, log_variance, true, rebuilt, logits)

    def decode(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Standardized descriptors ``(B, D)`` and logits of the atoms' elements ``(B, A, S)``."""
        hidden = self.decoder(embedding)
        n_elements = self.encoder.element_embedding.num_embeddings
        logits = self.type_head(hidden).reshape(len(embedding), self.molecule.n_atoms, n_elements)
        return self.descriptor_head(hidden), logits

    def reconstruction_error(self, true: Tensor, rebuilt: Tensor) -> Tensor:
        """Mean square of the differences ``(B,)``, in units of what the means alone leave unexplained.

        Distances count by their differences in angstrom and cosines by theirs, each sort divided by the
        variance of its sort: a decoder that always gives the means has an error of 1.
        """
        return ((rebuilt - true).square() * self.loss_weight.to(rebuilt.dtype)).sum(1)

    def slope(self, descriptors: Tensor, mean: Tensor) -> Tensor:
        """Mean square slope of the embedding ``mean`` of ``descriptors``, both in units of their spreads.

        From one random step each, of a tenth of the spreads; steps of the embedding are measured by its
        covariance, so that all directions count, not only the widest. Where two namings of equivalent atoms
        fit as well, the encoder would else learn to jump from one to the other, and forces would be huge
        there (a contractive autoencoder: Rifai et al., ICML 2011). Zero for batches too small to know the
        spread.
        """
        if len(mean) < SMALLEST_BATCH:
            return mean.new_zeros(())
        noise = SLOPE_STEP * torch.randn_like(descriptors) * self.encoder.descriptor_scale
        change = (self.encoder(descriptors + noise) - mean) / SLOPE_STEP
        centered = mean - mean.mean(0)
        covariance = centered.T @ centered / len(mean)
        least = 1e-3 * covariance.diagonal().mean() + 1e-9  # of directions that are not used yet
        covariance = covariance + least * torch.eye(len(covariance), dtype=mean.dtype, device=mean.device)
        return (torch.linalg.solve(covariance, change.T) * change.T).sum(0).mean() / len(covariance)

    def standardize_descriptors(self, descriptors: Tensor) -> None:
        """Take means and spreads from training descriptors ``(B, D)``, the same for equivalent ones.

        Spreads have floors (``config.distance_floor``, ``cosine_floor``), so that a constrained bond does not
        become noise of unit size.
        """
        values = descriptors.detach().to(torch.float64)
        mean, scale = self.encoder.descriptor_mean, self.encoder.descriptor_scale
        for members in self.comparison.classes:
            sort = values[:, members]
            cosine = bool(members[0] >= self.encoder.n_distances)
            floor = self.config.cosine_floor if cosine else self.config.distance_floor
            mean[members] = sort.mean()
            scale[members] = (sort - sort.mean()).square().mean().sqrt().clamp(min=floor)
        n_distances = self.encoder.n_distances
        sorts = [part for part in (slice(0, n_distances), slice(n_distances, None)) if len(scale[part])]
        for part in sorts:
            squares = scale[part].square()
            self.loss_weight[part] = squares / squares.sum() / len(sorts)

    @torch.no_grad()
    def standardize_embedding(self, mean: Tensor, scale: Tensor) -> None:
        """Make the embedding ``(e - mean) / scale`` ``(E,)``; what is rebuilt stays the same."""
        out, into = self.encoder.head[-1], self.decoder[0]
        assert isinstance(out, nn.Linear) and isinstance(into, nn.Linear)
        into.bias.add_(into.weight @ mean)
        into.weight.mul_(scale)
        out.weight.div_(scale[:, None])
        out.bias.copy_((out.bias - mean) / scale)
        self.log_variance.bias.sub_(2.0 * torch.log(scale))
