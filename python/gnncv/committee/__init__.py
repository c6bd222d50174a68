"""Several trainings of one collective variable as one: their mean, and their spread as its uncertainty."""

from .alignment import Alignment
from .committee import Committee
from .result import CommitteeResult, spread_name

__all__ = ["Alignment", "Committee", "CommitteeResult", "spread_name"]
