"""Figures with hostile words, and the words of a file."""

from __future__ import annotations

import html
import io
import json
import re
import xml.etree.ElementTree as ET

import plotly.graph_objects as go
from pypdf import PdfReader

from qfusion.figures import decision_charts, evolution_charts
from qfusion.figures.files import export_style
from tests.support.figure_examples import TERMS, M, T

RECIPE = json.dumps(
    {"page": "samples", "title": "</script></metadata>(\\) <b> é \u2028", "list": [1, 2]},
    ensure_ascii=False,
    indent=1,
)
WORDS = "<img src=x onerror=alert(1)> </script> $x^2$ &amp; {0} \\alpha ü 漢"


def waterfall() -> go.Figure:
    return decision_charts.waterfall(TERMS, M, truth=0.3)


def lines() -> go.Figure:
    series = {("text",): T, ("audio",): T**2, ("text", "audio"): T / 2}
    return evolution_charts.measure_lines(T, series, M, "entropy (nats)")


def texts(data: bytes, kind: export_style.Format) -> str:
    """What a reader sees written in a file; nothing for pixels."""
    if kind == "svg":
        return " ".join(
            "".join(each.itertext())
            for each in ET.fromstring(data).iter("{http://www.w3.org/2000/svg}text")
        )
    if kind == "pdf":
        return PdfReader(io.BytesIO(data)).pages[0].extract_text()
    if kind == "tikz":
        return " ".join(re.findall(r"\\textcolor\[rgb\]\{[\d.,]+\}\{(.*?)\}\}\}\};", data.decode()))
    return html.unescape(data.decode()) if kind == "html" else ""
