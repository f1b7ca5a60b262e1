"""The figures of a page of the app, as its tests without a browser read them."""

from __future__ import annotations

import html
import json
import re
from typing import Any


def key_of(element: Any) -> str:
    """The key of an element that is a figure, such as `figure-waterfall`; empty of any other."""
    if element.type != "bidi_component" or element.proto.component_name != "qfusion_figure":
        return ""
    return str(element.proto.id).partition("-")[2].partition("-")[2]


def figures(app: Any) -> dict[str, str]:
    """Figures as Plotly's JSON, by key."""
    return {
        key_of(each): str(json.loads(each.proto.json)["figure"])
        for each in app.get("bidi_component")
        if key_of(each)
    }


def words(element: Any) -> str:
    """What the (i) of a figure says, with what is bold as in markdown; empty where it has none."""
    found = re.sub(r"</?strong>", "**", str(json.loads(element.proto.json).get("words", "")))
    formulas = re.sub(r"<math.*?</math>", "", found, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", formulas))


def all_words(app: Any) -> list[str]:
    """What the (i) of every figure says."""
    return [words(each) for each in app.get("bidi_component") if key_of(each)]
