"""Errors that gnncv raises on bad input, each naming the thing, its value and the way out."""


class GnncvError(Exception):
    """Base of every error that gnncv raises on purpose."""


class InvalidArgument(GnncvError, ValueError):
    """An argument, a file's content or a configuration value cannot be used."""


class ModelError(GnncvError, RuntimeError):
    """A model file is missing, truncated, foreign or newer, or its model cannot be evaluated."""


class DeviceError(GnncvError, RuntimeError):
    """The requested device does not exist or cannot run the model."""


class OutputExists(GnncvError, FileExistsError):
    """An output file or folder exists already and overwriting was not asked for."""
