"""The dashboard, the only package that imports Streamlit: the server (`server`, `requests`), one file per page
(`overview`, `pages`), the frame around all pages (`frame`, `context_bar`, `state`, ...), and parts that several
pages share: of samples (`samples`), of models (`models`) and forms (`forms`). Figures are in `qfusion.views`."""

from qfusion._lazy import require

require("streamlit")
