"""Sentences, titles, captions and notes, rendered from the numbers and enums of the layers below; one file per subject.

Each file gathers its templates at the top, so that they can be read one after another. The functions below them choose
a template by an enum and fill in numbers. Command line, pages, reports, MCP and notebooks use the same functions.
"""

from qfusion._lazy import modules

__all__: list[str] = []

__getattr__ = modules(__name__, __path__)
