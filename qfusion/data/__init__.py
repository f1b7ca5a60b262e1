"""Data sets (`data_set`), their sources (`sources`, `registry`), and readers of imported files (`importing`). Contains
no models."""

from qfusion._lazy import modules
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.registry import SourceInfo, available, load, names, stamp
from qfusion.data.sample_content import Audio, Content, Image, Series, Text
from qfusion.data.target_spec import Target

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
    "coalition_names",
    "load",
    "names",
    "stamp",
]

__getattr__ = modules(__name__, __path__)
