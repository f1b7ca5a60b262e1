"""The dashboard, the only package that imports Streamlit: one file per page (`overview`, `pages`), the frame around all
pages (`frame`, `context_bar`, `state`, ...), and parts that several pages share. Figures are in
`qfusion.views.pages`."""

from qfusion._lazy import require

require("streamlit")
