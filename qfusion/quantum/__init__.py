"""Numbers from arrays alone: states, operators, evolution, circuits and their measures, with gradients. No model,
no data, no sample. Functions that ask for tensors take arrays of NumPy, too.
"""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
