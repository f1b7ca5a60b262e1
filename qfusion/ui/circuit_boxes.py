"""The drawing of circuits as the pages know it; it is `qfusion.figures.circuit_boxes`'. Free of streamlit."""

from qfusion.figures.circuit_boxes import Walk, of_fusion, of_step

__all__ = ["Walk", "of_fusion", "of_step"]
