"""Figures as files: formats, styles, and the recipes that they hold."""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
