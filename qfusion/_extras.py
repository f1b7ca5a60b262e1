"""Optional packages: the extra that installs each, and the functions that need it.

pyproject.toml lists the packages of each extra. `errors.translate_import_errors` turns a failed import into the line
that `describe_missing` returns.
"""

from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple


class Need(NamedTuple):
    """Need for an optional package: its purpose, as the subject of a sentence, and the extra that installs it."""

    purpose: str
    extra: str


_FIGURES = Need("Drawing a figure", "figures")
_FILES = Need("Writing a figure to a file", "figures")
_DASHBOARD = Need("The dashboard", "app")

# By the name of the import.
NEEDS = {
    "plotly": _FIGURES,
    "matplotlib": _FILES,
    "fontTools": _FILES,
    "pypdf": _FILES,
    "typst": Need("A report as PDF", "figures"),
    "jinja2": Need("A report", "figures"),
    "streamlit": _DASHBOARD,
    "starlette": _DASHBOARD,
    "markdown_it": _DASHBOARD,
    "latex2mathml": _DASHBOARD,
    "authlib": Need("A login", "app"),
    "httpx": Need("A login", "app"),
    "umap": Need("A map by UMAP", "app"),
    "av": Need("Reading recordings and videos", "media"),
    "librosa": Need("Measuring speech", "media"),
    "qutip": Need("Evolution with QuTiP", "track"),
    "pennylane": Need("A circuit in PennyLane", "track"),
    "ipywidgets": Need("A widget in a notebook", "notebook"),
    "distributed": Need("Sharing work with a cluster", "cluster"),
    "dit": Need("Measuring redundancy with dit", "information"),
}
# Imports whose package has another name in the registry.
PACKAGES = {
    "PIL": "pillow",
    "cv2": "opencv-python",
    "fontTools": "fonttools",
    "markdown_it": "markdown-it-py",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
}


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed, by their names."""
    versions = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions


def describe_missing(module: str) -> str:
    """Return the line that says how to install the package or extra for a module that cannot be imported.

    Args:
        module: dotted name of the import, such as "plotly.graph_objects".
    """
    package = module.partition(".")[0]
    need = NEEDS.get(package)
    if need is not None:
        return (
            f"{need.purpose} needs the extra `{need.extra}`: pip install 'qfusion[{need.extra}]'."
        )
    name = PACKAGES.get(package, package)
    return f"This needs the package {name}, which is not installed: pip install {name}."
