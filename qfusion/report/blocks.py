"""Blocks of a report that hold figures, pictures and recordings.

A block is a dictionary of kind "heading", "paragraph", "points", "equation", "quote", "listing", "figure", "facts" or
"table". The templates of the page and of the paper render it.
"""

import base64
import io
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image, ImageOps

from qfusion.figures.files.export_style import CREATOR, plotly_print, printing

Block = dict[str, Any]

FULL, HALF = 160.0, 110.0  # mm, widths of figures
MAX_MEDIA = 8_000_000  # bytes of a recording that a page embeds


def figure(drawn: go.Figure, width: float = FULL, height: float | None = None) -> Block:
    """Return a figure as vector drawing, `width` and `height` in mm. The template adds caption and alternative text."""
    style = plotly_print.Style(width, height, 8.0, creator=CREATOR)
    with printing():
        svg = plotly_print.render(drawn, "svg", style).decode()
    return {"kind": "figure", "svg": svg, "width": width}


def picture(pixels: np.ndarray, width: float = 40.0) -> Block:
    """Return a picture of a sample, uint8 (h, w) or (h, w, 3), as a drawing with square pixels."""
    image = Image.fromarray(np.asarray(pixels))
    larger = ImageOps.scale(image, max(1, 320 // max(image.size)), Image.Resampling.NEAREST)
    w, h = larger.size
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">'
        f'<image width="{w}" height="{h}" href="{png_address(larger)}"/></svg>'
    )
    return {"kind": "figure", "svg": svg, "width": width}


def recording(
    kind: str, media: str, content: bytes, poster: np.ndarray | None = None, part: str = ""
) -> Block:
    """Return a recording that a page plays from data embedded in it. The PDF shows its poster, or nothing for sound.

    Args:
        kind: "video" or "audio".
        media: media type, such as "video/mp4".
        content: bytes of the file. A file larger than MAX_MEDIA is left out.
        poster: uint8 (h, w, 3).
        part: a media fragment, the seconds that are played: "#t=1,2.5"; the whole file where it is empty.
    """
    svg = "" if poster is None else picture(poster)["svg"]
    address = data_address(media, content) + part if len(content) <= MAX_MEDIA else ""
    return {"kind": "figure", "svg": svg, "width": 60.0, "plays": kind, "media": address}


def data_address(kind: str, data: bytes) -> str:
    """Return a data URL that holds a file's bytes."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def png_address(picture: Image.Image) -> str:
    """Return a data URL that holds a PIL image as PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return data_address("image/png", buffer.getvalue())
