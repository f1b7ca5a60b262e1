"""The dashboard, from a checkout: `streamlit run app.py`. Its pages are in `qfusion/ui/app`, where `qfusion app` finds
them too."""

from qfusion.ui.app import app

app.page()
