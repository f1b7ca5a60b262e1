"""Blocks of a report from a filled template."""

import json
import re
from html import escape
from typing import Any
from xml.etree import ElementTree

from jinja2.filters import do_mark_safe

from qfusion.report.blocks import Block
from qfusion.report.number_text import break_long_words, clean
from qfusion.report.templates import environment

WIDE = 26  # letters of a cell from which its column of words takes the free width


def fill_template(source: str, **names: Any) -> list[Block]:
    """Return the blocks of a template with `names` filled in. Filled-in values are treated as text, never as markup.

    Args:
        source: source of the template, such as `{% include "sample.html" %}`. It consists of `<h1>`, `<h2>`, `<p>`
            and `<ul>`, with `<strong>` and `<cite>` (keys of `qfusion.citations`) in them; `<blockquote>`; `<pre>`;
            `<dl>` (one row for each name and its value); `<table>` (the first column and those with a head of class
            "words" are aligned left); `<equation>` (its name in `equations.typ`); and `<figure>` (the block from
            `figure` or `picture`). The attribute `title` holds the caption or the source.
    """
    words = environment().overlay(finalize=_escape).from_string(source).render(names)
    lines = re.sub(r"\s*\n\s*", " ", words)
    return [_block(entry) for entry in ElementTree.fromstring(f"<r>{lines}</r>")]


def _escape(value: Any) -> Any:
    """Return the text that replaces a value in a template: text without markup, or JSON for a drawing."""
    if hasattr(value, "__html__"):
        return value
    words = json.dumps(value) if isinstance(value, dict) else clean(value)
    return do_mark_safe(escape(words).replace("\n", "&#10;"))


def _block(element: ElementTree.Element) -> Block:
    """Return the block for an element of a filled template, see `fill_template`."""
    kind = element.tag
    title = clean(element.get("title", ""))
    words = clean(_text(element))
    match kind:
        case "h1" | "h2":
            return {"kind": "heading", "text": words, "level": int(kind[1])}
        case "p":
            return {"kind": "paragraph", "parts": _parts(element)}
        case "ul":
            return {"kind": "points", "points": [_parts(point) for point in element]}
        case "equation":
            return {"kind": kind, "name": words}
        case "blockquote":
            return {"kind": "quote", "text": words, "source": title}
        case "pre":
            return {"kind": "listing", "text": words, "name": title}
        case "figure":
            block: Block = json.loads(_text(element))
            return block | {"alt": clean(element.get("alt", "")), "caption": title}
        case "dl":
            return {"kind": "facts", "rows": _cells(element), "caption": title}
    return _table(element, title)


def _cells(element: ElementTree.Element) -> list[list[str]]:
    """Return the texts of a table's cells by row."""
    return [[break_long_words(_text(cell)) for cell in row] for row in element]


def _table(element: ElementTree.Element, caption: str) -> Block:
    """Return the block of a table. Columns of words are aligned left; those with long texts share the free width."""
    head, *rows = _cells(element)
    align, columns = [], []
    for column, cell in enumerate(element[0]):
        has_words = column == 0 or cell.get("class") == "words"
        is_wide = has_words and any(len(row[column]) > WIDE for row in rows)
        align.append("left" if has_words else "right")
        columns.append("wide" if is_wide else "")
    return {
        "kind": "table",
        "head": head,
        "rows": rows,
        "caption": caption,
        "align": align,
        "columns": columns,
    }


def _text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def _parts(element: ElementTree.Element) -> list[Block]:
    """Return the parts of a paragraph: plain text, emphasised text, and references to sources."""
    pieces = [("text", element.text)]
    for child in element:
        pieces += [(child.tag, child.text), ("text", child.tail)]
    return [_part(kind, text) for kind, text in pieces if text]


def _part(kind: str, text: str) -> Block:
    if kind == "cite":
        return {"kind": kind, "sources": text.split()}
    return {"kind": kind, "text": break_long_words(text) if kind == "text" else clean(text)}
