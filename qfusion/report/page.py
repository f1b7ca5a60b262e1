"""A report as one HTML file: no script, nothing loaded, figures and equations as drawings inside the file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from qfusion import citations
from qfusion.report import equations
from qfusion.report.blocks import (
    MAX_TITLE,
    Block,
    Cite,
    Code,
    Document,
    Equation,
    Facts,
    Figure,
    Heading,
    Listing,
    Paragraph,
    Part,
    Points,
    Quote,
    Strong,
    Table,
    broken,
    clean,
)

# Nothing is loaded whatever a text contains; pictures come with the file, and styles stand in it.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")


def render(document: Document) -> bytes:
    """Returns the whole file, UTF-8."""
    places = {key: number for number, key in enumerate(document.cited(), 1)}
    body = "\n".join(_block(block, places) for block in document.blocks)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{_title(document.description)}">
<meta name="generator" content="qfusion">
<title>{_title(document.title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<main>
<header>
<h1>{_title(document.title)}</h1>
<p class="subtitle">{_title(document.subtitle)}</p>
</header>
{body}
{_references(places)}
</main>
</body>
</html>
""".encode()


def _text(value: object) -> str:
    return escape(clean(value), quote=True)


def _title(value: object) -> str:
    return escape(clean(value, MAX_TITLE), quote=True)


def _cell(value: object) -> str:
    return escape(broken(value), quote=True)


def _block(block: Block, places: Mapping[str, int]) -> str:
    write: Callable[[Any, Mapping[str, int]], str] = _WRITERS[type(block)]
    return write(block, places)


def _parts(parts: Sequence[Part], places: Mapping[str, int]) -> str:
    return "".join(_part(part, places) for part in parts)


def _part(part: Part, places: Mapping[str, int]) -> str:
    if isinstance(part, Strong):
        return f"<strong>{_text(part.text)}</strong>"
    if isinstance(part, Code):
        return f"<code>{_text(part.text)}</code>"
    if isinstance(part, Cite):
        return "[" + ", ".join(f'<a href="#reference-{places[key]}">{places[key]}</a>' for key in part.keys) + "]"
    return _text(part)


def _heading(block: Heading, places: Mapping[str, int]) -> str:
    return f"<h{block.level + 1}>{_text(block.text)}</h{block.level + 1}>"


def _paragraph(block: Paragraph, places: Mapping[str, int]) -> str:
    return f"<p>{_parts(block.parts, places)}</p>"


def _points(block: Points, places: Mapping[str, int]) -> str:
    return "<ul>\n" + "\n".join(f"<li>{_parts(point, places)}</li>" for point in block.points) + "\n</ul>"


def _facts(block: Facts, places: Mapping[str, int]) -> str:
    rows = "\n".join(f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in block.rows)
    return f'<table class="facts"><caption>{_text(block.caption)}</caption>\n<tbody>\n{rows}\n</tbody></table>'


def _table(block: Table, places: Mapping[str, int]) -> str:
    kinds = ["" if column == 0 or column in block.words else ' class="number"' for column in range(len(block.head))]
    head = "".join(f'<th scope="col"{kind}>{_cell(name)}</th>' for name, kind in zip(block.head, kinds, strict=True))
    rows = "\n".join(
        f'<tr><th scope="row">{_cell(row[0])}</th>'
        + "".join(f"<td{kind}>{_cell(cell)}</td>" for cell, kind in zip(row[1:], kinds[1:], strict=True)) + "</tr>" for row in block.rows)
    return (f'<div class="wide"><table><caption>{_text(block.caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n'
            "</tbody></table></div>")


def _figure(block: Figure, places: Mapping[str, int]) -> str:
    return (f'<figure><img src="{_data(block.svg)}" alt="{_text(block.alt)}" style="width:{block.width:g}mm">'
            f"<figcaption>{_text(block.caption)}</figcaption></figure>")


def _data(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _equation(block: Equation, places: Mapping[str, int]) -> str:
    found = equations.drawing(block.name)
    return (f'<div class="equation" tabindex="0"><img src="{_data(found.svg)}" alt="{_text(found.words)}" '
            f'style="width:{found.width:.2f}em;height:{found.height:.2f}em"></div>')


def _quote(block: Quote, places: Mapping[str, int]) -> str:
    return f"<blockquote><p>{_text(block.text)}</p><footer>{_text(block.source)}</footer></blockquote>"


def _listing(block: Listing, places: Mapping[str, int]) -> str:
    return f'<pre aria-label="{_text(block.name)}" tabindex="0"><code>{_text(block.text)}</code></pre>'


_WRITERS: dict[type, Callable[[Any, Mapping[str, int]], str]] = {
    Heading: _heading, Paragraph: _paragraph, Points: _points, Facts: _facts, Table: _table, Figure: _figure, Equation: _equation,
    Quote: _quote, Listing: _listing}


def _references(places: Mapping[str, int]) -> str:
    if not places:
        return ""
    lines = []
    for key, number in places.items():
        url = citations.source(key).url
        link = f' <a href="{escape(url)}">{escape(url)}</a>' if url else ""
        lines.append(f'<li id="reference-{number}">{_text(citations.text(key))}{link}</li>')
    return (f"<h2>References</h2>\n<ol>\n{chr(10).join(lines)}\n</ol>\n<h3>The same as BibTeX</h3>\n"
            + _listing(Listing(citations.bibtex(places), "BibTeX entries of the references"), places))
