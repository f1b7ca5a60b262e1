"""A server that others reach imports no programs, and files of other types are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qfusion import _read_only, data
from qfusion.errors import InvalidInput, QFusionError
from qfusion.plugins.programs import imports

WRITES: dict[str, Callable[[], Any]] = {
    "import": lambda: imports.load_program("x.onnx", Any),
    "keep": lambda: imports.save_program(Any, Any, "x"),
    "remove": lambda: imports.remove("x"),
}


@pytest.mark.parametrize("what", WRITES)
def test_every_function_that_writes_refuses(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read_only, "is_read_only", lambda: True)
    with pytest.raises(InvalidInput, match="This server is read-only: it does not "):
        WRITES[what]()


@pytest.mark.parametrize("ending", [".onnx", ".pt2"])
def test_a_web_page_is_named_as_one(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"program{ending}"
    path.write_bytes(b"<!DOCTYPE html><html>Sign in</html>")
    with pytest.raises(QFusionError, match="web page"):
        imports.load_program(str(path), data.load("planted"))
