"""The dashboard; the only package that imports streamlit. A file a page (`overview`, `pages`), what stands around them
all (`frame`, `bar`, `state`, ...) and what several of them show; not what a figure shows: that is `qfusion.panels`."""

from qfusion._lazy import require

require("streamlit")
