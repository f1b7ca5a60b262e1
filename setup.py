"""The packages of the wheel; all else is in pyproject.toml. The pages of the dashboard, which Streamlit wants beside
`app.py`, become a package of qfusion."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["qfusion*", "plotly_live", "plotly_print"]),
        "qfusion.app.pages",
    ],
    package_dir={"qfusion.app.pages": "pages"},
)
