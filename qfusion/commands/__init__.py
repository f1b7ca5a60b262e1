"""The commands of the command line, one file per group, collected by `qfusion.cli`. Numbers come from the library."""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
