"""A trained model, tweaked or not, for use elsewhere: as a checkpoint, a program of torch, QuTiP objects, OpenQASM,
NumPy arrays."""

from qfusion.model_export.formats import FORMATS, Format, impossible, make

__all__ = ["FORMATS", "Format", "impossible", "make"]
