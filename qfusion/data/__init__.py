"""Data sets (`data_set`), their sources (`sources`, `registry`), and readers of imported files (`importing`). Contains
no models."""

from qfusion._lazy import modules

# checkers read it as True
TYPE_CHECKING = False
if TYPE_CHECKING:
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

_CONTENTS = {
    "Audio": "qfusion.data.sample_content",
    "Content": "qfusion.data.sample_content",
    "DataSet": "qfusion.data.data_set",
    "Image": "qfusion.data.sample_content",
    "Modality": "qfusion.data.modality_spec",
    "Series": "qfusion.data.sample_content",
    "SourceInfo": "qfusion.data.registry",
    "Target": "qfusion.data.target_spec",
    "Text": "qfusion.data.sample_content",
    "available": "qfusion.data.registry",
    "coalition_names": "qfusion.data.coalition_terms",
    "load": "qfusion.data.registry",
    "names": "qfusion.data.registry",
    "stamp": "qfusion.data.registry",
}

__getattr__ = modules(__name__, __path__, _CONTENTS)
