"""Figures of a report: plotly's as vector drawings, pictures of a sample as they are."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.export.style import CREATOR, printing
from qfusion.report.blocks import Figure, clean

FONT = 8.0  # points, at the width it is printed
FULL, HALF = 160.0, 110.0  # mm


def figure(
    drawn: go.Figure, caption: str, alt: str, width: float = FULL, height: float | None = None
) -> Figure:
    """Returns a figure of the report, `width` and `height` in mm."""
    from plotly_print import Style, render

    with printing():
        content = render(drawn, "svg", Style(width, height, FONT, creator=CREATOR))
    return Figure(content, clean(alt), clean(caption), width)


def picture(pixels: np.ndarray, caption: str, alt: str, width: float = 40.0) -> Figure:
    """Returns a picture of a sample, uint8 (h, w) or (h, w, 3), its pixels as squares."""
    from PIL import Image

    found = Image.fromarray(np.asarray(pixels))
    scale = max(1, 320 // max(found.size))
    buffer = io.BytesIO()
    found.resize((found.width * scale, found.height * scale), Image.Resampling.NEAREST).save(
        buffer, "PNG"
    )
    data, (w, h) = (
        base64.b64encode(buffer.getvalue()).decode(),
        (found.width * scale, found.height * scale),
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">'
        f'<image width="{w}" height="{h}" href="data:image/png;base64,{data}"/></svg>'
    )
    return Figure(svg.encode(), clean(alt), clean(caption), width)


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign; none that rounds to zero is negative. The minus is a minus."""
    return f"{round(float(value), digits) + 0.0:+.{digits}f}".replace("-", "−")


def number(value: Any, digits: int = 3) -> str:
    """A number, "–" where there is none."""
    return (
        "–"
        if value is None or not np.isfinite(value)
        else f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")
    )


def power(value: float) -> str:
    """A small number by its order of magnitude: "2 · 10⁻¹¹"."""
    if value == 0:
        return "0"
    digit, exponent = f"{value:.0e}".split("e")
    return (
        f"{digit} · 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    )
