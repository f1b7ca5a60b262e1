"""Data sets: what they are (`spec`), where they come from (`sources`, `registry`), and readers of
files that others bring (`importing`). Nothing of models.
"""

from qfusion._lazy import modules
from qfusion.data.registry import SourceInfo, available, load, names, stamp
from qfusion.data.spec import (
    Audio,
    Content,
    DataSet,
    Image,
    Modality,
    Series,
    Target,
    Text,
    coalitions,
)

__all__ = [
    "Audio",
    "Content",
    "DataSet",
    "Image",
    "Modality",
    "Series",
    "SourceInfo",
    "Target",
    "Text",
    "available",
    "coalitions",
    "load",
    "names",
    "stamp",
]

__getattr__ = modules(__name__, __path__)
