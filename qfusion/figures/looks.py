"""Where the export style stood as `Look`: programs that import it from here go on working."""

from qfusion.figures.recipe import ExportStyle as Look

__all__ = ["Look"]
