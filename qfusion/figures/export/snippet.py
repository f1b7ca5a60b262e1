"""A figure in a paper: the lines of LaTeX that put an exported file there, with caption and label."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from qfusion.figures.export.style import COLUMNS, SIZES, ExportStyle


def snippet(
    file: str,
    style: ExportStyle,
    *,
    title: str,
    caption: str,
    made_from: Mapping[str, Any] | None = None,
    name: str = "figure",
) -> str:
    """Returns a figure environment; of SVG, PNG and HTML files the PDF is named, which LaTeX takes.

    Args:
        file: name of the figure's file without its ending. style: it is exported in.
        title, caption: plain text, whatever stands in it. made_from: model, data and sample, as recipes have them.
        name: of the label, after `fig:`.
    """
    from plotly_print.latex import escape  # matplotlib waits until something is drawn

    starred = "*" if style.size in COLUMNS else ""
    width = f"{SIZES[style.size].width:g}mm"
    if style.format == "tikz":
        drawn = f"\\input{{{file}.tikz}}"
    else:
        drawn = f"\\includegraphics[width={width}]{{{file}.{'png' if style.format == 'png' else 'pdf'}}}"
    needs = {"tikz": "\\usepackage{tikz}"}.get(style.format, "\\usepackage{graphicx}")
    words = " ".join(
        part
        for part in (
            f"\\textbf{{{escape(title.rstrip('.'))}.}}" if title else "",
            escape(caption),
            escape(origin(made_from or {})),
        )
        if part
    )
    return "\n".join(
        [
            f"% In the preamble: {needs}",
            f"\\begin{{figure{starred}}}[t]",
            "  \\centering",
            f"  {drawn}",
            f"  \\caption{{{words}}}",
            f"  \\label{{fig:{label(name)}}}",
            f"\\end{{figure{starred}}}",
            "",
        ]
    )


def label(*parts: str) -> str:
    """Returns a label for `\\label`, of letters, digits and dashes."""
    names = (re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-")[:60] for part in parts)
    return "-".join(name for name in names if name)


def origin(made_from: Mapping[str, Any]) -> str:
    """A sentence on model, data and sample; empty where nothing is said of them."""
    found = []
    for what, words in (("model", "Model"), ("data", "data set")):
        part = made_from.get(what)
        if isinstance(part, Mapping) and part.get("name"):
            digest = str(part.get("digest") or "")[:8]
            found.append(f"{words} {part['name']}" + (f" (SHA-256 {digest}…)" if digest else ""))
    if made_from.get("sample"):
        found.append(f"sample {made_from['sample']}")
    said = ", ".join(found)
    return f"{said[:1].upper()}{said[1:]}." if said else ""
