"""Readable PyTorch references of the operators ``torch.ops.gnncv.*``, one a file.

They are differentiable any number of times, run on any device, and are what the fused kernels are
tested against. Names and arguments are those of the operators.
"""

from .adjacency_entropy import adjacency_entropy
from .attention_message_passing import attention_message_passing
from .bond_densities import bond_densities
from .density_invariants import density_invariants
from .half_lists import both_directions
from .latent_density import latent_density
from .message_passing import message_passing
from .orientation_densities import (
    bond_orientations,
    count_orientation_terms,
    orientation_densities,
    orientation_invariants,
    orientation_terms,
)
from .pair_geometry import pair_distances, pair_geometry
from .segment_sum import segment_sum
from .site_columns import site_columns, site_sums
from .site_layers import site_layers
from .site_network import reconstruction_error, site_network
from .site_outcomes import pooled_outputs, site_outcomes, species_rows, standardized
from .sparse_products import sparse_entry_product, sparse_product, sparse_transpose_product
from .table_messages import table_messages
from .tables import (
    averaged_densities,
    environment_densities,
    environment_features,
    environment_invariants,
    table_attention,
    table_functions,
)

__all__ = [
    "adjacency_entropy",
    "attention_message_passing",
    "averaged_densities",
    "bond_densities",
    "bond_orientations",
    "both_directions",
    "count_orientation_terms",
    "density_invariants",
    "environment_densities",
    "environment_features",
    "environment_invariants",
    "latent_density",
    "message_passing",
    "orientation_densities",
    "orientation_invariants",
    "orientation_terms",
    "pair_distances",
    "pair_geometry",
    "pooled_outputs",
    "reconstruction_error",
    "segment_sum",
    "site_columns",
    "site_layers",
    "site_network",
    "site_outcomes",
    "site_sums",
    "sparse_entry_product",
    "sparse_product",
    "sparse_transpose_product",
    "species_rows",
    "standardized",
    "table_attention",
    "table_functions",
    "table_messages",
]
