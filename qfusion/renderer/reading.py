"""A plotly figure as plain dictionaries and arrays, and the check that nothing in it would be left out silently."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.errors import InvalidInput
from qfusion.renderer.known import ABOUT_THE_SCREEN, DRAWN, ONLY

_NUMBERED = re.compile(r"^([xy]axis)\d+")


def plain(drawn: go.Figure) -> dict[str, Any]:
    """The figure's own dictionary, its arrays as NumPy's, shared defaults of a template taken over.

    Raises:
        InvalidInput: when it is no figure, or uses something that is not drawn; the message names it.
    """
    check(isinstance(drawn, go.Figure), f"Argument `drawn` must be a plotly figure, but is {type(drawn).__name__}.")
    found = _decoded(drawn.to_dict())
    layout: dict[str, Any] = found.get("layout", {})
    template = layout.pop("template", {})
    check(not template.get("layout")
          and not any(set(each) - {"type"} for kinds in template.get("data", {}).values() for each in kinds),
          "The figure has a plotly template with settings of its own, which is not read when it is drawn as a file. "
          "Set the layout of the figure itself.")
    check(not found.get("frames"),
          "The figure has animation frames, which cannot be drawn in one picture. Remove its `frames`.")
    for trace in found.get("data", []):
        if trace.get("visible", True) is True:
            kind = str(trace.setdefault("type", "scatter"))
            check(kind in DRAWN, f"The figure has a trace of the kind {kind!r}, which is not drawn without a browser. "
                                 f"Use one of {sorted(set(DRAWN) - {'layout'})}, or export with Chrome.")
            _check(trace, kind, f"a {kind} trace")
    _check(layout, "layout", "the layout")
    return {"data": [t for t in found.get("data", []) if t.get("visible", True) is True], "layout": layout}


def _decoded(value: Any) -> Any:
    """The value with plotly's packed arrays unpacked."""
    if isinstance(value, dict):
        if "bdata" in value and "dtype" in value:
            flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]).newbyteorder("<"))
            shape = value.get("shape")
            if shape is None:
                return flat
            return flat.reshape([int(n) for n in str(shape).split(",")] if isinstance(shape, str) else shape)
        return {key: _decoded(each) for key, each in value.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_decoded(each) for each in value]
    return value


def _check(found: dict[str, Any], kind: str, where: str) -> None:
    for path, value in _settings(found, kind):
        name = path.rsplit(".", 1)[-1]
        if path.split(".")[0] in ABOUT_THE_SCREEN or name in ABOUT_THE_SCREEN or name.endswith("src"):
            continue
        if path not in DRAWN[kind]:
            raise InvalidInput(
                f"The figure sets `{path.replace('[]', '')}` in {where}, which is not drawn without a browser. "
                "Leave it out, or export with Chrome.")
        allowed = ONLY.get(f"{kind}.{path}")
        values = value if isinstance(value, (list, tuple, np.ndarray)) else [value]
        if allowed is not None and not all(each in allowed for each in values):
            bad = next(each for each in values if each not in allowed)
            raise InvalidInput(
                f"The figure sets `{path.replace('[]', '')}` to {str(bad)[:40]!r} in {where}, which is not drawn "
                f"without a browser. Use one of {sorted(map(str, allowed))}, or export with Chrome.")


def _settings(found: dict[str, Any], kind: str, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting with its dotted path; axes lose their numbers, entries of lists share `[]`."""
    for key, value in found.items():
        path = before + (_NUMBERED.sub(r"\1", key) if kind == "layout" and not before else key)
        if path in ABOUT_THE_SCREEN:
            continue
        if isinstance(value, dict):
            yield from _settings(value, kind, path + ".")
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            for each in value:
                yield from _settings(each, kind, path + "[].")
        else:
            yield path, value
