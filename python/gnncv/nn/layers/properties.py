"""What each choice of a layer does to a collective variable: the one registry of its properties.

A CV that biases dynamics must be continuous with its forces, invariant, a function of positions alone, and
mean the same in boxes of any size. What is not has its reason here, and what to take instead; ``gnncv
export`` refuses by this registry, and the table in the documentation is made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gnncv.nn.activation import SMOOTH_ACTIVATIONS


@dataclass(frozen=True)
class Facts:
    """What is true of a layer.

    Attributes
    ----------
    continuous
        Values and first derivatives are continuous in the positions, given smooth switching weights.
    invariant
        Under translation, rotation and exchange of identical molecules.
    function_of_positions
        Nothing else, such as a velocity, is looked at.
    size_independent
        The same environments give the same values, or twice as much in a box of twice as many sites.
    reason
        Why one of them is not so; empty if all are.
    instead
        What to take instead.
    """

    continuous: bool = True
    invariant: bool = True
    function_of_positions: bool = True
    size_independent: bool = True
    reason: str = ""
    instead: str = ""

    @property
    def exportable(self) -> bool:
        """Whether a CV may be made with it."""
        return self.continuous and self.invariant and self.function_of_positions and self.size_independent


@dataclass(frozen=True)
class Option:
    """One value of one key of :class:`gnncv.models.ModelConfig`.

    Attributes
    ----------
    section
        The section of the two-stage design it belongs to.
    key, value
        As in a configuration file; no key for what is not chosen there.
    layer
        The class that does it, where there is one.
    facts
        What is true of it.
    when
        Other keys and the values that they must have for it to matter; how messages are passed matters only
        where there are rounds of them.
    """

    section: str
    key: str
    value: object
    layer: str
    facts: Facts
    when: Mapping[str, object] = field(default_factory=dict)

    def chosen(self, config: Mapping[str, object]) -> bool:
        """Whether a configuration asks for it."""
        if not self.key or ("message" in self.when and config["n_layers"] == 0):
            return False
        given = config[self.key]
        asked = self.value in given if isinstance(given, list | tuple) else given == self.value
        return asked and all(config[key] == value for key, value in self.when.items())

    @property
    def refusal(self) -> str:
        """The sentence of a refused export."""
        value = repr(self.value) if isinstance(self.value, str) else f"{self.value:g}"
        return f"{self.key} {value} {self.facts.reason}; train with {self.facts.instead}"


SMOOTH = Facts()
MESSAGES, ATTENTION = "GNN layers: simple message passing", "GNN layers: attention"
REVERSE_GNN, POOLING, REVERSE_POOLING = "Reverse GNN layers", "Graph pooling", "Reverse graph pooling"
CONCATENATION, LOSSES = "Concatenation layer", "Loss functions"
SMOOTHNESS = "Smoothness (not in the design)"
_SIMPLE = {"message": "simple"}


def _jumps(reason: str, instead: str) -> Facts:
    return Facts(continuous=False, reason=reason, instead=instead)


OPTIONS: tuple[Option, ...] = (
    Option(MESSAGES, "message", "simple", "MessageLayer", SMOOTH),
    Option(
        MESSAGES,
        "update",
        "max",
        "MaxUpdate",
        _jumps(
            "makes forces jump where a site's features and its neighbors' cross, and the larger changes",
            "'network', 'recurrent' or 'mean'",
        ),
        _SIMPLE,
    ),
    Option(MESSAGES, "update", "mean", "MeanUpdate", SMOOTH, _SIMPLE),
    Option(MESSAGES, "update", "network", "NetworkUpdate", SMOOTH, _SIMPLE),
    Option(MESSAGES, "update", "recurrent", "RecurrentUpdate", SMOOTH, _SIMPLE),
    Option(MESSAGES, "aggregation", "normalized_sum", "NormalizedSum", SMOOTH, _SIMPLE),
    Option(
        MESSAGES,
        "aggregation",
        "mean",
        "NeighborMean",
        _jumps(
            "counts a neighbor fully as soon as it is within the cutoff: the CV jumps whenever one enters",
            "'normalized_sum' or 'network', whose weights fade",
        ),
        _SIMPLE,
    ),
    Option(
        MESSAGES,
        "aggregation",
        "max",
        "NeighborMax",
        _jumps(
            "lets the CV jump when the neighbor with the largest feature enters, and forces jump from one "
            "neighbor to another when the largest changes",
            "'normalized_sum' or 'network', whose weights fade",
        ),
        _SIMPLE,
    ),
    Option(MESSAGES, "aggregation", "network", "NetworkAggregation", SMOOTH, _SIMPLE),
    Option(ATTENTION, "message", "attention", "AttentionLayer", SMOOTH),
    Option(ATTENTION, "self_weight", True, "SelfWeight", SMOOTH, {"message": "attention"}),
    Option(
        ATTENTION,
        "attention_constant",
        0.0,
        "AttentionLayer",
        _jumps(
            "gives the only neighbor of a site full weight up to the cutoff, where it vanishes at once",
            "a positive constant, for instance 1",
        ),
        {"message": "attention"},
    ),
    Option("GNN layers: filters", "message", "filter", "FilterLayer", SMOOTH),
    Option(REVERSE_GNN, "", None, "InnerProductDecoder", SMOOTH),
    Option(REVERSE_GNN, "", None, "FeatureDecoder", SMOOTH),
    Option(POOLING, "pooling", "mean", "MeanPooling", SMOOTH),
    Option(POOLING, "pooling", "sum", "SumPooling", SMOOTH),
    Option(POOLING, "pooling", "attention", "AttentionPooling", SMOOTH),
    Option(
        POOLING,
        "pooling",
        "max",
        "MaxPooling",
        _jumps(
            "makes forces jump from one site to another when the largest changes",
            "'mean' (size-independent), 'attention' or 'sum'",
        ),
    ),
    Option(
        POOLING,
        "pooling",
        "assignment",
        "AssignmentPooling",
        Facts(
            size_independent=False,
            reason="puts all sites into a fixed number of clusters whose features grow with the number of "
            "molecules: what is learned of one box means something else in a larger one",
            instead="'attention' or 'mean', the same for any number of molecules",
        ),
    ),
    Option(
        POOLING,
        "pooling",
        "top_k",
        "TopKPooling",
        _jumps(
            "keeps the sites of highest score: the CV jumps when two sites change places in that order",
            "'attention', whose weights fade instead",
        ),
    ),
    Option(
        REVERSE_POOLING,
        "",
        None,
        "ReversePooling",
        Facts(
            invariant=False,
            size_independent=False,
            reason="has a matrix that is bound to one number of molecules in one order",
            instead="the assignment itself, transposed (unpool)",
        ),
    ),
    Option(CONCATENATION, "concatenation", "switched", "SwitchedConcatenation", SMOOTH),
    Option(
        CONCATENATION,
        "concatenation",
        "threshold",
        "ThresholdConcatenation",
        _jumps(
            "joins two sites at once when they are closer than the cutoff: the CV jumps there",
            "'switched', or 'attention', which fade",
        ),
    ),
    Option(CONCATENATION, "concatenation", "attention", "AttentionConcatenation", SMOOTH),
    Option(CONCATENATION, "", None, "SiteAttention", SMOOTH),
    Option(
        CONCATENATION,
        "node_features",
        "position",
        "concatenate_nodes",
        Facts(
            continuous=False,
            invariant=False,
            reason="changes when everything is moved or rotated, and jumps when a molecule changes its "
            "periodic image",
            instead="node_features []: pairs and invariants carry what positions say",
        ),
    ),
    Option(
        CONCATENATION,
        "node_features",
        "velocity",
        "concatenate_nodes",
        Facts(
            invariant=False,
            function_of_positions=False,
            reason="is no function of the positions: a bias on it has no forces that derive from a potential",
            instead="node_features []",
        ),
    ),
    Option(LOSSES, "", None, "ReconstructionLoss", SMOOTH),
    Option(LOSSES, "", None, "DivergenceLoss", SMOOTH),
    Option(LOSSES, "", None, "VariationalLoss", SMOOTH),
    Option(
        SMOOTHNESS,
        "activation",
        "relu",
        "ReLU",
        _jumps(
            "has a kink: forces on the atoms would jump where its input crosses zero",
            "one of " + ", ".join(SMOOTH_ACTIVATIONS),
        ),
    ),
    Option(
        SMOOTHNESS,
        "switching",
        "none",
        "HardCutoff",
        _jumps("lets the CV jump whenever an atom crosses the cutoff", "'quintic'"),
    ),
)
"""Every choice with properties of its own, in the order of the design."""


def facts_of(layer: str) -> Facts:
    """What is true of the layer of a class name, whatever else is chosen; ``KeyError`` without an entry."""
    for option in OPTIONS:
        if option.layer == layer:
            return option.facts
    raise KeyError(layer)


def first_refused(config: Mapping[str, object]) -> Option | None:
    """The first choice of a configuration, key to value, that may not be exported."""
    for option in OPTIONS:
        if not option.facts.exportable and option.chosen(config):
            return option
    return None
