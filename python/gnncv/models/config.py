"""Configuration of the graph autoencoder."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ModelConfig(BaseModel):
    """Hyperparameters of :class:`gnncv.models.GraphAutoencoder`.

    Some choices are there for analysis only (such as ``activation: relu``, ``switching: none``, ``pooling:
    top_k``, ``node_features: [velocity]``): the CV they make is not continuous, not invariant, no function of
    the positions or bound to one size, and export refuses them (:mod:`gnncv.nn.layers.properties`).
    """

    model_config = ConfigDict(extra="forbid")

    cutoff: float = Field(gt=0, description="Neighbors closer than this many angstrom are joined.")
    onset: float | None = Field(
        default=None, gt=0, description="Distance (angstrom) at which switching begins; 0.7 cutoff if absent."
    )
    switching: Literal["quintic", "none"] = Field(default="quintic", description="How pairs fade.")
    n_radial: int = Field(default=4, ge=2, le=32, description="Radial functions of the invariants.")
    l_max: int = Field(default=6, ge=0, le=10, description="Highest degree of the bond-orientational order.")
    invariants: bool = Field(
        default=True,
        description="Sites start from bond-orientational invariants; without, from their species alone, "
        "and the model sees distances only.",
    )
    orientation: bool = Field(
        default=True,
        description="Sites with axes also start from how the molecules around them are turned; needs "
        "`invariants`.",
    )
    orientation_degree: Literal[2, 4] = Field(
        default=4, description="Highest degree of the polynomials of angles between axes and pairs."
    )
    message: Literal["attention", "filter", "simple"] = Field(
        default="attention",
        description="Messages weighted by attention, summed through filters of the distance as in SchNet, or "
        "simple: Update(h_i + Agg(h_j)).",
    )
    update: Literal["mean", "max", "network", "recurrent"] = Field(
        default="network",
        description="With `message: simple`: what a site makes of itself and the rest.",
    )
    aggregation: Literal["normalized_sum", "mean", "max", "network"] = Field(
        default="normalized_sum", description="With `message: simple`: what a site takes from its neighbors."
    )
    self_weight: bool = Field(
        default=False,
        description="With `message: attention`: a learned weight of a site itself, too.",
    )
    concatenation: Literal["switched", "threshold", "attention"] = Field(
        default="switched",
        description="Edges that fade at the cutoff, that are one up to it, or (with `message: simple`) that "
        "fade and are weighted by how likely both ends are part of a crystal.",
    )
    filter_by_species: bool = Field(
        default=False, description="With `message: filter`: a filter for each pair of species."
    )
    node_features: list[Literal["position", "velocity"]] = Field(
        default_factory=list, description="What nodes hold besides, for analysis: neither is invariant."
    )
    n_basis: int = Field(default=8, ge=2, le=64, description="Radial functions of filters and attention.")
    width: int = Field(default=32, ge=1, description="Channels of the node features.")
    n_layers: int = Field(default=1, ge=0, le=8, description="Rounds of message passing.")
    n_heads: int = Field(default=4, ge=1, description="Attention heads; divides width.")
    attention_constant: float = Field(default=1.0, ge=0, description="c in the attention's denominator.")
    latent: int = Field(default=4, ge=1, le=64, description="Latent dimensions.")
    decoder: bool = Field(
        default=True,
        description="Rebuild each site's surroundings from its latent: the autoencoder. Without, the model "
        "is a classifier of sites alone; it needs labels and has no `novelty`.",
    )
    activation: Literal["silu", "softplus", "tanh", "relu"] = Field(default="silu")
    pooling: Literal["mean", "sum", "attention", "max", "assignment", "top_k"] = Field(
        default="mean", description="Sites to configuration."
    )
    n_clusters: int = Field(default=4, ge=1, le=64, description="With `pooling: assignment`.")
    kept_share: float = Field(
        default=0.5, gt=0, le=1, description="With `pooling: top_k`: the share of the sites to keep."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ModelConfig":
        if self.onset is not None and self.onset >= self.cutoff:
            raise ValueError(f"onset {self.onset} must be below cutoff {self.cutoff}")
        if self.message == "attention" and self.width % self.n_heads:
            raise ValueError(f"width {self.width} must be a multiple of n_heads {self.n_heads}")
        if self.filter_by_species and self.message != "filter":
            raise ValueError(f"filter_by_species needs message 'filter', not {self.message!r}")
        if self.self_weight and self.message != "attention":
            raise ValueError(f"self_weight needs message 'attention', not {self.message!r}")
        if self.concatenation == "attention" and self.message != "simple":
            raise ValueError(
                f"concatenation 'attention' needs message 'simple', not {self.message!r}: attention has "
                "weights of its own, filters are tabulated"
            )
        if self.pooling == "assignment" and not self.decoder:
            raise ValueError("pooling 'assignment' needs the decoder, which rebuilds sites from clusters")
        if not self.invariants and self.n_layers == 0:
            raise ValueError("without invariants, n_layers must be at least 1: nothing else sees positions")
        return self

    @property
    def fades(self) -> bool:
        """Whether pairs fade at the cutoff."""
        return self.switching == "quintic" and self.concatenation != "threshold"

    @property
    def switching_onset(self) -> float:
        """The onset in angstrom, default resolved."""
        return 0.7 * self.cutoff if self.onset is None else self.onset
