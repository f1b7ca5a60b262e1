"""What a trained model does on a data set: the numbers of every page, without streamlit."""

from qfusion.analysis.sample import Sample, case

__all__ = ["Sample", "case"]
