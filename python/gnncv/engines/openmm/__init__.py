"""OpenMM: the collective variable as a force, well-tempered metadynamics on it, and runs."""

from gnncv.engines.openmm.force import CvEvaluator, CvOutput, cv_force
from gnncv.engines.openmm.metadynamics import Metadynamics

__all__ = ["CvEvaluator", "CvOutput", "Metadynamics", "cv_force"]
