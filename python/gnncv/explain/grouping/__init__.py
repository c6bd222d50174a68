"""Scores added up by what chemists count in: species, molecules, pairs, shells, angles."""

from gnncv.explain.grouping.kinds import KINDS, group
from gnncv.explain.grouping.shells import shell_boundaries
from gnncv.explain.grouping.table import ScoreTable

__all__ = ["KINDS", "ScoreTable", "group", "shell_boundaries"]
