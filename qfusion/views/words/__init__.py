"""Sentences that several views, reports, commands or plugins use, from the numbers and enums of the layers below.

Each file gathers its templates at the top, so that they can be read one after another. The functions below them choose
a template by an enum and fill in numbers.
"""

from qfusion._lazy import modules

__getattr__ = modules(__name__, __path__)
