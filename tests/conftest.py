"""Lets every test import the shared modules of this folder (analytic_cv, ...)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
