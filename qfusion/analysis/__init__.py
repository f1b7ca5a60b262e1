"""What a trained model does on a data set: the numbers and sentences of every page, worked out once and shared. No
streamlit, no figures, and no method of explanation, which are of `explain`."""

from qfusion._lazy import modules
from qfusion.analysis.opening import open_sample
from qfusion.analysis.sample import Sample

__all__ = ["Sample", "open_sample"]

__getattr__ = modules(__name__, __path__)
