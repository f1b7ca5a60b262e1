"""Drawings of circuits with a sample in them, the charts beside them, and the states of qubits."""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
