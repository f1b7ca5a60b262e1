"""The dashboard, the only package that imports Streamlit: the server (`server`, `requests`), the frame around all pages
(`frame`, `context_bar`, `state`, ...), the Overview, and parts that several pages share: of samples (`samples`), of
models (`models`) and forms (`forms`). The other pages are in `pages`; what they draw is in `qfusion.views`."""

from qfusion._lazy import require

require("streamlit")
