"""Pages of a model, all numbers of them, and comparisons of these."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest

from qfusion.errors import QFusionError
from qfusion.views.pages import catalogue, rendering
from tests.support.third_model import DATA

SAME = 1e-9


def everything(name: str, sample: str) -> dict[str, Any]:
    """All that the pages show of a sample before a model, by page and panel."""
    address = {"model": name, "data": DATA, "sample": sample}
    found = {}
    for page in catalogue.PAGES:
        if page in catalogue.PAGES_WITHOUT_MODEL:
            continue
        for panel in rendering.figure_names(page, address):
            try:
                picture = catalogue.build_panel(page, panel, address)
            except QFusionError as error:
                found[f"{page} {panel}"] = str(error)
                continue
            found[f"{page} {panel}"] = {
                "title": picture.title,
                "alt": picture.alt,
                "caption": picture.caption,
                "figure": json.loads(picture.spec) if picture.figure is not None else None,
                "table": picture.numbers.to_dict("list"),
            }
    return found


def unsigned(words: str) -> str:
    """A text without the signs of numbers that are written as zero."""
    return re.sub(r"[+\-\u2212](0\.0+)(?!\d)", r"\1", words)


def assert_same(ours: Any, theirs: Any, where: str) -> None:
    """Numbers agree to SAME of their size or of 1, all else exactly."""
    if isinstance(ours, dict) and "bdata" in ours:
        assert ours["dtype"] == theirs["dtype"], where
        first, second = (
            np.frombuffer(base64.b64decode(x["bdata"]), x["dtype"]) for x in (ours, theirs)
        )
        np.testing.assert_allclose(first, second, SAME, SAME, err_msg=where)
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs), where
        for key in ours:
            assert_same(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(one, other, f"{where}[{place}]")
    elif isinstance(ours, float) and isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=SAME, abs=SAME, nan_ok=True), where
    elif isinstance(ours, str):
        assert unsigned(ours) == unsigned(theirs), f"{where}: {ours!r:.300} != {theirs!r:.300}"
    else:
        assert ours == theirs, f"{where}: {ours!r:.300} != {theirs!r:.300}"
