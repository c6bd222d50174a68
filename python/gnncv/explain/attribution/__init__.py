"""Attributions: how much of an output each node, feature or edge of one graph is given."""
