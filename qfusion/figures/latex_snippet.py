"""The LaTeX lines that include an exported figure, with caption and label."""

import re
from collections.abc import Mapping
from typing import Any

from qfusion.figures.export_style import COLUMNS, SIZES, ExportStyle, plotly_print


def latex_figure(
    file: str,
    style: ExportStyle,
    *,
    title: str,
    caption: str,
    made_from: Mapping[str, Any] | None = None,
    name: str = "figure",
) -> str:
    """Return a figure environment; of SVG, PNG and HTML files the PDF is named, which LaTeX takes.

    Args:
        file: name of the figure's file without its ending. style: it is exported in.
        title, caption: plain text, whatever stands in it. made_from: model, data and sample, as recipes have them.
        name: of the label, after `fig:`.
    """
    starred = "*" if style.size in COLUMNS else ""
    ending = style.format if style.format in ("tikz", "png") else "pdf"
    needs = "graphicx"
    command = f"\\includegraphics[width={SIZES[style.size].width:g}mm]"
    if ending == "tikz":
        needs = "tikz"
        command = "\\input"
    words = [
        f"\\textbf{{{plotly_print.latex.escape(title.rstrip('.'))}.}}" if title else "",
        plotly_print.latex.escape(caption),
        plotly_print.latex.escape(describe_origin(made_from or {})),
    ]
    return "\n".join(
        [
            f"% In the preamble: \\usepackage{{{needs}}}",
            f"\\begin{{figure{starred}}}[t]",
            "  \\centering",
            f"  {command}{{{file}.{ending}}}",
            f"  \\caption{{{' '.join(filter(None, words))}}}",
            f"  \\label{{fig:{latex_label(name)}}}",
            f"\\end{{figure{starred}}}",
            "",
        ]
    )


def latex_label(*parts: str) -> str:
    """Return a label for `\\label`, of letters, digits and dashes."""
    return "-".join(
        filter(None, (re.sub(r"[^A-Za-z0-9]+", "-", part).strip("-")[:60] for part in parts))
    )


def describe_origin(made_from: Mapping[str, Any]) -> str:
    """Return a sentence that names the model, the data set and the sample, or an empty string if none of them is
    given.
    """
    parts = [("Model", made_from.get("model")), ("data set", made_from.get("data"))]
    names = [
        f"{words} {part['name']}"
        + (f" (SHA-256 {str(part['digest'])[:8]}…)" if part.get("digest") else "")
        for words, part in parts
        if isinstance(part, Mapping) and part.get("name")
    ]
    sample = [f"sample {made_from['sample']}"] if made_from.get("sample") else []
    text = ", ".join([*names, *sample])
    return f"{text[:1].upper()}{text[1:]}." if text else ""
