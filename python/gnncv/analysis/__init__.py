"""From the files of a run to free energies with error bars, order parameters and pictures.

Nothing here needs torch or the native library (but clusters of molecules, whose centers torch computes).
"""

from gnncv.analysis.blocks import (
    BlockScan,
    WeightedHistogram,
    kish_sample_size,
    scan_blocks,
    weighted_histogram,
)
from gnncv.analysis.clusters import Cluster, largest_cluster
from gnncv.analysis.free_energy import FreeEnergy, compute_free_energy
from gnncv.analysis.interface_pinning import PinnedInterface, coexistence_pressure, pinned_interface
from gnncv.analysis.neighbor_distance import neighbor_distance
from gnncv.analysis.order_parameters import OrderParameters, order_parameter_table, order_parameters
from gnncv.analysis.phases import PhaseVisits, phase_free_energy, phase_visits
from gnncv.analysis.pooling import pooled_weights
from gnncv.analysis.reweight import bias_weights, final_bias_weights, tiwary_parrinello_weights
from gnncv.files import Colvar, Hills, read_colvar, read_hills

__all__ = [
    "BlockScan",
    "Cluster",
    "Colvar",
    "FreeEnergy",
    "Hills",
    "OrderParameters",
    "PhaseVisits",
    "PinnedInterface",
    "WeightedHistogram",
    "bias_weights",
    "coexistence_pressure",
    "compute_free_energy",
    "final_bias_weights",
    "kish_sample_size",
    "largest_cluster",
    "neighbor_distance",
    "order_parameter_table",
    "order_parameters",
    "phase_free_energy",
    "phase_visits",
    "pinned_interface",
    "pooled_weights",
    "read_colvar",
    "read_hills",
    "scan_blocks",
    "tiwary_parrinello_weights",
    "weighted_histogram",
]
