"""Numbers from arrays alone: states, operators, evolution, circuits and their measures, with gradients. Knows no
models, data or samples. Functions that take tensors also take NumPy arrays."""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
