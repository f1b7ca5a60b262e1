"""Streamlit's internals are used in one file, each with what breaks without it."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from qfusion.app import streamlit_internals

ROOT = Path(__file__).resolve().parents[1]
# What Streamlit documents: `import streamlit`, its exceptions, and types for annotations.
PUBLIC = ("streamlit", "streamlit.errors", "streamlit.delta_generator")
FILES = sorted({*(ROOT / "qfusion").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"})


def private_uses(path: Path) -> list[str]:
    """Returns the imports of Streamlit's internals and the private names of `st` in a file."""
    uses = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            names = [text] if text.startswith("st.") and "._" in text else []
            uses += names
            continue
        else:
            continue
        uses += [name for name in names if name.split(".")[0] == "streamlit" and name not in PUBLIC]
    return uses


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_file_uses_streamlit_internals(path: Path) -> None:
    if path.name == "streamlit_internals.py":
        assert private_uses(path)
    else:
        assert not private_uses(path)


def test_every_use_documents_what_breaks_without_it() -> None:
    functions = [
        function
        for name, function in inspect.getmembers(streamlit_internals, inspect.isfunction)
        if function.__module__ == streamlit_internals.__name__ and not name.startswith("_")
    ]
    assert functions
    for function in functions:
        text = inspect.getdoc(function) or ""
        assert "Without it" in text or function is streamlit_internals.option_error, function
