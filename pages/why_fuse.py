"""Why fuse: see `qfusion/ui/pages/why_fuse.py`."""

from qfusion.ui import frame

frame.run_page(__file__)
