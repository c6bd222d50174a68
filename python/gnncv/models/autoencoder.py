"""The configuration autoencoder."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from ase import Atoms
from torch import Tensor, nn

from gnncv.data.graph import GraphBatch
from gnncv.nn import ACTIVATIONS, LatentDensity, operators
from gnncv.nn.layers import FeatureDecoder, InnerProductDecoder, sample
from gnncv.topology import Topology

from .config import ModelConfig
from .encoder import SiteEncoder
from .molecule_embeddings import MoleculeEmbeddings
from .pooling import WITH_EDGES, edges_of, make_pooling
from .trained_tables import TrainedTables

if TYPE_CHECKING:
    from .graph_function import TrainedGraphFunction


@dataclass
class Encoding:
    """What the encoder makes of a batch: latents ``(N, L)`` and standardized invariants ``(N, F)``."""

    mean: Tensor
    log_variance: Tensor
    invariants: Tensor

    def sample(self) -> Tensor:
        """Latents drawn from the encoded normal distributions (reparametrization trick)."""
        return sample(self.mean, self.log_variance)


class GraphAutoencoder(nn.Module):
    """Variational graph autoencoder of configurations (after Kipf & Welling, arXiv:1611.07308, 2016).

    The encoder maps each site's surroundings to a latent; the decoder rebuilds the site's radial and
    bond-orientational invariants and the adjacency of neighboring sites. A classifier on the latent mean
    reads the phase where frames are labeled; with ``config.decoder`` off it is all that follows the encoder.

    Parameters
    ----------
    config
        Hyperparameters.
    species
        Species names, in the order of the integer types.
    phases
        Names of the labeled phases, the reference (the melt) first; empty for unlabeled training.
    topology
        Molecules: sites are theirs then, and ``species`` the kinds of sites.
    molecules
        Embeddings of the molecules' conformations, see :class:`gnncv.models.MoleculeAutoencoder`; ``None``:
        sites do not know them.
    """

    error_scale: Tensor
    surprise_scale: Tensor
    novelty_scale: Tensor
    centroids: Tensor

    def __init__(
        self,
        config: ModelConfig,
        species: Sequence[str],
        phases: Sequence[str] = (),
        topology: Topology | None = None,
        molecules: MoleculeEmbeddings | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.species = list(species)
        self.phases = list(phases)
        self.topology = topology
        activation = ACTIVATIONS[config.activation]
        headless = () if topology is None else topology.headless
        self.encoder = SiteEncoder(config, len(self.species), molecules, headless)
        n_features = self.encoder.feature_mean.shape[0]
        self.environment_decoder: FeatureDecoder | None = None
        self.adjacency_decoder: InnerProductDecoder | None = None
        if config.decoder:
            self.environment_decoder = FeatureDecoder(config.latent, config.width, n_features, activation)
            self.adjacency_decoder = InnerProductDecoder(config.latent, config.width)
        self.phase_head = self._new_phase_head() if self.phases else None
        self.pooling = make_pooling(config)
        self.density = LatentDensity(config.latent)
        self.tables: TrainedTables | None = None
        for scale in ("error_scale", "surprise_scale", "novelty_scale"):
            self.register_buffer(scale, torch.ones((), dtype=torch.float64))
        self.register_buffer("centroids", torch.zeros((len(self.phases), config.latent), dtype=torch.float64))

    def _new_phase_head(self) -> nn.Sequential:
        width, activation = self.config.width, ACTIVATIONS[self.config.activation]
        return nn.Sequential(
            nn.Linear(self.config.latent, width), activation(), nn.Linear(width, len(self.phases))
        )

    def adopt_phases(self, phases: Sequence[str]) -> None:
        """Give a model that was trained without labels phases, with an untrained classifier of sites."""
        self.phases = list(phases)
        like = next(self.parameters())
        self.phase_head = self._new_phase_head().to(like.device, like.dtype)
        self.centroids = self.centroids.new_zeros((len(self.phases), self.config.latent))

    def encode(self, batch: GraphBatch) -> Encoding:
        """Latent distribution of every site of a batch.

        Through tables after :meth:`train_through_tables`, where the fused operators run.
        """
        if self.tables is not None and operators.fused(batch.vectors):
            features, invariants = self.tables.features(batch)
            encoder = self.encoder
            return Encoding(encoder.latent_mean(features), encoder.latent_log_variance(features), invariants)
        pairs = (batch.vectors, batch.center, batch.neighbor, batch.row_ptr)
        return Encoding(
            *self.encoder(*pairs, batch.types, batch.axes, batch.descriptors, batch.node_features)
        )

    def train_through_tables(self, through: bool = True) -> None:
        """Encode through tables of the functions of distance, or through their networks again.

        Tables have first derivatives only, by parameters and by positions.
        """
        self.tables = TrainedTables(self.encoder, self.config.cutoff) if through else None

    def adjacency(self, latents: Tensor, batch: GraphBatch) -> Tensor:
        """Logits ``(P,)`` that two neighboring sites are joined: the inner product of their projections."""
        assert self.adjacency_decoder is not None, "a classifier alone rebuilds nothing"
        return self.adjacency_decoder.logits(latents, batch.center, batch.neighbor)

    def pool(self, per_site: Tensor, batch: GraphBatch) -> Tensor:
        """Pool ``(N, C)`` over the sites of each frame to ``(B, C)``, as ``config.pooling`` says.

        ``C`` is the number of latents where pooling has parameters.
        """
        edges = None
        if isinstance(self.pooling, WITH_EDGES):
            edges = edges_of(batch, self.encoder.environment.switching)
        return self.pooling(per_site, batch.frame, batch.n_frames, edges)

    def graph_function(self, atoms: Atoms, output: str | int = 0) -> "TrainedGraphFunction":
        """One output on one frame, for :mod:`gnncv.explain`; see :class:`TrainedGraphFunction`."""
        from .graph_function import TrainedGraphFunction

        return TrainedGraphFunction(self, atoms, output)
