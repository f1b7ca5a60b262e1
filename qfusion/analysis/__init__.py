"""What a trained model does on a data set: the numbers of every page, without streamlit."""

from qfusion.analysis.case import Case, case

__all__ = ["Case", "case"]
